"""The recorded Tennessee Eastman runs: their shape, where they come from, and that they are the process of the literature."""

from __future__ import annotations

import csv
import gzip
import os
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from anlan.model.errors import InputError
from anlan.sense.demo.disturbances import GRID, LEAD, LENGTH, RECORDINGS, disturbance
from anlan.sense.demo.live import COLUMNS, LiveProcess
from anlan.sense.demo.recording import Live, Recorded, between, run

FILE = Path(str(files("anlan.sense.demo").joinpath("data/tep.parquet")))
# Downs and Vogel (1993), tables 4 and 5: base case values of XMEAS(1)…XMEAS(41), in the units given there (kscmh, kg/h, kPa gauge, %, °C,
# m³/h, kW, mol%), and how far a mean of this closed loop may lie from each.
BASE_CASE = (
    0.25052, 3664.0, 4509.3, 9.3477, 26.902, 42.339, 2705.0, 75.000, 120.40, 0.33712, 80.109, 50.000, 2633.7, 25.160, 50.000,
    3102.2, 22.949, 65.731, 230.31, 341.43, 94.599, 77.297, 32.188, 8.8933, 26.383, 6.8820, 18.776, 1.6567, 32.958, 13.823,
    23.978, 1.2565, 18.579, 2.2633, 4.8436, 2.2986, 0.01787, 0.83570, 0.09858, 53.724, 43.828,
)  # fmt: skip
SHARED = Path(os.environ.get("ANLAN_SHARED_DATA", Path(__file__).parents[4] / "shared/data")) / "tep/d00.csv.gz"


def test_the_file_is_small_and_holds_every_run_in_float32() -> None:
    table = pq.read_table(FILE)
    assert FILE.stat().st_size < 1_500_000
    assert table.column_names == ["scenario", "t_seconds", *COLUMNS]
    assert {str(table.schema.field(c).type) for c in COLUMNS} == {"float"}
    assert set(table.column("scenario").to_pylist()) == set(RECORDINGS)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_run_lies_on_its_grid_without_holes(name: str) -> None:
    times, values = run(name)
    assert np.allclose(np.diff(times), GRID)
    assert values.shape == (len(times), 53)
    assert np.isfinite(values).all()


def test_the_normal_run_begins_before_and_goes_on_after_the_disturbance() -> None:
    times, _ = run("normal")
    assert (times[0], times[-1]) == (-LEAD, LENGTH - GRID)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_run_begins_where_the_normal_one_stands(name: str) -> None:
    assert np.array_equal(Recorded(name).at(0.0), Recorded("normal").at(0.0))


def test_only_the_run_of_lost_a_feed_shuts_the_plant_down() -> None:
    ended_early = {name for name in RECORDINGS if run(name)[0][-1] < LENGTH - GRID}
    assert ended_early == {"idv-6"}


def test_means_are_those_of_the_base_case() -> None:
    """Oracle: the published steady state; 5 % or, for stripper level and traces, what the noise of the loop explains."""
    _, values = run("normal")
    means = values[:, :41].mean(axis=0)
    off = np.abs(means - BASE_CASE) / np.array(BASE_CASE)
    slow = {9, 14, 36, 37, 38}  # purge flow, stripper level, D, E, F in the product
    assert {COLUMNS[i] for i in np.flatnonzero(off > 0.05)} <= {COLUMNS[i] for i in slow}
    assert off.max() < 0.25


@pytest.mark.skipif(not SHARED.exists(), reason="shared/data/tep is not beside this checkout")
def test_normal_operation_resembles_the_braatz_runs() -> None:
    """Oracle: the published normal run d00. Same plant, other control scheme and noise: means within 5 %, pressures within 5 kPa."""
    with gzip.open(SHARED, "rt") as file:
        rows = list(csv.DictReader(file))
    theirs = np.array([[float(row[f"xmeas_{n}"]) for n in range(1, 42)] for row in rows])
    ours = run("normal")[1][:, :41]
    off = np.abs(ours.mean(axis=0) / theirs.mean(axis=0) - 1.0)
    assert {COLUMNS[i] for i in np.flatnonzero(off > 0.05)} <= {"XMEAS10", "XMEAS15", "XMEAS37", "XMEAS38", "XMEAS39"}
    assert np.abs(ours[:, [6, 12, 15]].mean(axis=0) - theirs[:, [6, 12, 15]].mean(axis=0)).max() < 5.0
    scatter = ours.std(axis=0) / theirs.std(axis=0)
    assert np.median(scatter) == pytest.approx(1.0, abs=0.5)


@pytest.mark.slow
def test_the_recording_is_what_the_live_process_does() -> None:
    """The same step, seed and disturbance give the recording again, to its rounding."""
    pytest.importorskip("tep_studio", reason="the extra `demo` (tep-studio) is not installed")
    live = LiveProcess(disturbance("feed-valve-stuck"))
    live.advance_to(900.0)
    recorded = Recorded("feed-valve-stuck").at(900.0)
    coarse = np.ptp(run("normal")[1], axis=0) / 16
    assert (np.abs(live.values - recorded) <= coarse + 0.01).all()


def test_a_live_process_begins_afresh_when_time_goes_back() -> None:
    pytest.importorskip("tep_studio", reason="the extra `demo` (tep-studio) is not installed")
    live = Live("idv-2")
    first = live.at(-60.0)
    live.at(60.0)
    assert np.array_equal(live.at(-60.0), first)


def test_analysers_stand_still_between_samples_and_others_move() -> None:
    times, values = np.array([0.0, 18.0]), np.stack([np.zeros(53), np.ones(53)])
    middle = between((times, values), 9.0)
    assert (middle[22:41] == 0.0).all()
    assert (middle[:22] == 0.5).all()
    assert (middle[41:] == 0.5).all()


def test_a_run_that_ended_stands_still() -> None:
    end = run("idv-6")[0][-1]
    assert np.array_equal(Recorded("idv-6").at(end), Recorded("idv-6").at(end + 5_000.0))


def test_an_unrecorded_disturbance_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"idv-2.*recorded are normal, feed-valve-stuck"):
        Recorded("idv-2")


def test_the_stuck_valve_takes_the_reactor_through_both_limits_and_is_mended_before_the_trip() -> None:
    """Reactor pressure XMEAS(7): 2895 kPa gauge is the upper end of normal operation, 3000 shuts the plant down (table 6)."""
    times, values = run("feed-valve-stuck")
    pressure = values[:, 6]
    assert 1_100 < times[pressure > 2_895][0] < 1_200
    assert 1_560 < times[pressure > 2_950][0] < 1_640
    assert 2_950 < pressure.max() < 3_000
    assert (pressure[times > 2_400] < 2_800).all()
