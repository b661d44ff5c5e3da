"""The others, each in an environment of its own under `.peers/NAME`, so that none of them limits our dependencies.

`python -m benchmarks.peers flink bytewax alerta prometheus` installs them (apache-flink also needs a Java runtime, prometheus a Debian that
has its packages, alerta a PostgreSQL that runs, which `make test-deps` brings). A peer script prints one JSON object last, {"events", "seconds", "rate", "found"} or quantiles; its clock starts after
warm-up and leaves out the start of its runtime.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {"prometheus": ["prometheus", "prometheus-alertmanager"]}
SHARED = {"flink_sql": "flink"}
"""Peers that run in another's environment."""
REQUIREMENTS = {
    "flink": ["apache-flink==2.3.0"],
    "bytewax": ["bytewax==0.21.1", "numpy"],
    "pymerkle": ["pymerkle==6.1.0"],
    "alerta": ["alerta-server[postgres]==9.1.0", "gunicorn==27.0.1"],
}


def run_peer(name: str, events: int, what: str = "limits") -> float | None:
    """Events a second of one run; None, said on stderr, when the peer is not installed or fails."""
    environment = SHARED.get(name, name)
    python = ROOT / ".peers" / environment / "bin" / "python"
    if not python.exists():
        return _missing(environment)
    figures = _figures(name, [python, Path(__file__).parent / f"{name}_{what}.py", str(events)])
    return float(figures["rate"]) if figures else None


def figures_of(name: str, what: str, rounds: int) -> dict[str, float] | None:
    """What a peer made of Debian packages prints; None as in `run_peer`."""
    if not all(map(shutil.which, PACKAGES[name])):
        return _missing(name)
    return _figures(name, [sys.executable, Path(__file__).parent / f"{name}_{what}.py", str(rounds)])


def _missing(name: str) -> None:
    sys.stderr.write(f"peer {name} is not installed: python -m benchmarks.peers {name}\n")


def _figures(name: str, command: list[str | Path]) -> dict[str, float] | None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    if done.returncode != 0:
        sys.stderr.write(f"peer {name} failed: {done.stderr[-2000:]}\n")
        return None
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def install(name: str) -> None:
    """Make `.peers/NAME` with the interpreter that runs this, or install Debian's packages, for which one must be root."""
    if name in PACKAGES:
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES[name]], check=True)
        return
    folder = ROOT / ".peers" / name
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", *REQUIREMENTS[name]], check=True)
