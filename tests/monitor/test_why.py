"""Why and why not: each gate, each state, in both languages, told of the very engine that decided."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from anlan.model.clock import SECOND, Micros
from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.frames import Frame, Kind, Part
from anlan.model.languages import translate
from anlan.model.points import Point, Reporting
from anlan.model.quality import Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.model.words import Label
from anlan.monitor import why as module
from anlan.monitor.commands import Command
from anlan.monitor.compile import compile_config
from anlan.monitor.config import AlarmRule, loss_of_view
from anlan.monitor.engine import Engine
from anlan.monitor.program import Instruction, Op, Program
from anlan.monitor.replay import Remembered
from anlan.monitor.rows import story_of
from anlan.monitor.why import Asked, Explanation, explain

START = 1_767_225_600 * SECOND
BAD = quality(Severity.BAD, Reason.SENSOR_FAILURE)
ALARM, VIEW = 10, 11
SWITCH, DESIGN = 2, 3


@dataclass
class AskedNode:
    """A node of one point: its engine writes the journal, and `ask` asks of what its stores would hold."""

    rule: AlarmRule
    on_change: bool = False
    states: dict[int, Label] = field(default_factory=dict)
    governed: bool = False
    """Suppressed by design while the switch (`switch`) is on."""
    engine: Engine = field(default_factory=Engine)
    journal: list[AlarmTransition] = field(default_factory=list)
    readings: list[tuple[int, int, float, int]] = field(default_factory=list)
    clock: float = 0.0

    def __post_init__(self) -> None:
        mode = "on_change" if self.on_change else "cyclic"
        self.point = Point(id="PT-1", place="works/U1", name=Label(zh="压力"), kind="pressure", unit="MPa", source="plc", address="1", decimals=1, states=self.states, reporting=Reporting(mode=mode, period=1))  # fmt: skip
        rules = [(ALARM, self.rule, 1), (VIEW, loss_of_view("plc"), 1)]
        points, programs, by = [(1, self.point, 1)], [], {}
        if self.governed:
            switch = self.point.model_copy(update={"id": "HS-1", "reporting": Reporting(mode="on_change", period=3600)})
            points += [(SWITCH, switch, 1), (DESIGN, switch.model_copy(update={"id": "PT-1.H.SUP"}), 0)]
            programs = [(DESIGN, Program((Instruction(Op.POINT, SWITCH),), (SWITCH,), 0, timed=False, depth=1))]
            by = {ALARM: DESIGN}
        self.config = compile_config(7, [(1, "plc")], points, rules, programs=programs, suppressed_by=by)
        self._step(Kind.CONFIG, 0, self.config.to_bytes())
        self.tick(0, "up")

    def _step(self, kind: Kind, at: float, body: bytes) -> None:
        part = Part(kind, 1, 0, 0, START + round(at * SECOND), 1, body)
        self.journal += self.engine.step(Frame(self.engine.frame + 1, (part,))).events()

    def tick(self, at: float, link: str | None = None) -> None:
        self._step(Kind.TICK, at, orjson.dumps({"now": START + round(at * SECOND), "sources": {"1": link} if link else {}}))

    def until(self, at: float) -> AskedNode:
        while self.clock + 1 <= at:
            self.clock += 1
            self.tick(self.clock)
        return self

    def read(self, at: float, value: float, word: int = 0) -> AskedNode:
        self.until(at)
        row = (1, START + round(at * SECOND), value, word)
        self.readings.append(row)
        self._step(Kind.READINGS, at, Readings.of([row]).to_bytes())
        return self

    def switch(self, at: float, on: int) -> AskedNode:
        self.until(at)
        self.readings.append((SWITCH, START + round(at * SECOND), float(on), 0))
        self._step(Kind.READINGS, at, Readings.of(self.readings[-1:]).to_bytes())
        return self

    def hold(self, start: int, end: int, value: float, word: int = 0) -> AskedNode:
        for at in range(start, end + 1):
            self.read(at, value, word)
        return self

    def order(self, at: float, kind: str, **rest: Any) -> AskedNode:
        self.until(at)
        asked = {"episode": self.engine.episode_of(ALARM), "priority": self.rule.priority, "id": f"{kind} {at}", "who": "p-1", "post": "panel", "at": START + round(at * SECOND)}  # fmt: skip
        self._step(Kind.COMMAND, at, Command(kind=kind, alarm=ALARM, **asked, **rest).to_bytes())  # type: ignore[arg-type]
        return self

    def ask(self, at: float, window: float = 600) -> Explanation:
        now: Micros = START + round(at * SECOND)
        rows = [row for row in self.readings if row[1] <= now]
        links = [
            (t.happened_at, 1, "down" if t.trigger is Trigger.CONDITION_ON else "up")
            for t in self.journal
            if t.alarm == VIEW and t.happened_at <= now
        ]
        journal = [t for t in reversed(self.journal) if t.alarm == ALARM and t.noticed_at <= now]
        start = max(START, now - round(window * SECOND))
        past = Remembered(Readings.of(rows), links)
        return explain(Asked(ALARM, self.rule, self.point, self.config, past, journal, start, now, "Asia/Shanghai", names={"p-1": "张三"}.get))  # fmt: skip


def rule(kind: AlarmKind = AlarmKind.HIGH, **rest: Any) -> AlarmRule:
    limit = {"limit": 8.0} if kind in {AlarmKind.HIGH, AlarmKind.LOW, AlarmKind.HIGH_HIGH} else {}
    return AlarmRule.model_validate(
        {"id": f"PT-1.{'H' if kind is AlarmKind.HIGH else 'X'}", "point": "PT-1", "kind": kind, **limit, **rest}
    )


def gates(found: Explanation) -> dict[str, bool | None]:
    return {gate.gate: gate.open for gate in found.gates}


def test_why_it_stands() -> None:
    found = AskedNode(rule(on_delay=5, dead_band=0.5)).hold(0, 9, 5.0).hold(10, 20, 8.6).ask(20)
    assert (found.state, found.condition, found.closed, found.episode) == ("UNACKNOWLEDGED", True, None, 1)
    assert found.sentence == {
        "zh": "08:00:15 报警:8.6 MPa,达到或高于限值 8.0 MPa,延时 5 秒已到。8.6 MPa,达到或高于 8.0 MPa。尚未有人确认。",
        "en": "Announced at 08:00:15: 8.6 MPa, at or above the limit of 8.0 MPa, after its delay of 5 s. 8.6 MPa is at or above 8.0 MPa. Nobody has acknowledged it yet.",
    }
    assert all(gates(found).values())
    assert found.delay == {"what": "on", "since": START + 10 * SECOND, "ran": 5.0, "of": 5.0, "until": START + 15 * SECOND}


def test_why_not_the_delay_has_not_run_out() -> None:
    """超过 8.0 达 3.2 秒,延时 5 秒未到."""
    told = AskedNode(rule(on_delay=5)).hold(0, 9, 5.0).read(10, 8.6).read(11, 8.6).read(12, 8.7).read(13.2, 8.7)
    found = told.ask(13.2)
    assert (found.closed, found.condition) == ("delay", False)
    assert found.sentence == {
        "zh": "超过 8.0 MPa 达 3.2 秒,延时 5 秒未到。",
        "en": "Above 8.0 MPa for 3.2 s: the delay of 5 s has not run out.",
    }
    assert found.delay is not None
    assert (found.delay["ran"], found.delay["of"]) == (3.2, 5.0)


def test_a_delay_runs_on_through_the_silence_of_a_point_that_reports_on_change() -> None:
    found = AskedNode(rule(on_delay=60), on_change=True).read(0, 5.0).read(10, 8.6).until(40).ask(40)
    assert found.closed == "delay"
    assert found.sentence["zh"] == "超过 8.0 MPa 达 30 秒,延时 60 秒未到。"


def test_why_not_inside_the_limit_and_how_near_it_came() -> None:
    found = AskedNode(rule()).hold(0, 9, 5.0).read(10, 7.8).hold(11, 20, 6.0).ask(20)
    assert found.closed == "limit"
    assert found.closest == {"value": 7.8, "at": START + 10 * SECOND, "distance": pytest.approx(0.2)}
    assert (
        found.sentence["zh"] == "6.0 MPa,比 8.0 MPa 低 2.0 MPa,未越限。此前 0 分钟内最接近时为 08:00:10 的 7.8 MPa,相差 0.2 MPa。"
    )
    assert gates(found)["delay"] is None


def test_why_not_beyond_for_less_than_the_delay() -> None:
    found = AskedNode(rule(on_delay=5)).hold(0, 9, 5.0).hold(10, 12, 9.0).hold(13, 30, 6.0).ask(30)
    assert found.closed == "limit"
    assert found.longest == {"from": START + 10 * SECOND, "to": START + 13 * SECOND, "seconds": 3.0}
    assert "08:00:10 起曾越限 3 秒,不足延时 5 秒。" in found.sentence["zh"]


def test_why_still_within_the_dead_band() -> None:
    found = AskedNode(rule(dead_band=0.5)).hold(0, 9, 5.0).hold(10, 12, 9.0).hold(13, 20, 7.7).ask(20)
    assert found.condition
    assert "7.7 MPa 已回到 8.0 MPa 以下,但未低于 7.5 MPa:仍在死区内。" in found.sentence["zh"]


def test_the_dead_band_holds_though_the_window_begins_after_the_excursion() -> None:
    """What the journal knows at the beginning of the window is where the replay begins."""
    told = AskedNode(rule(dead_band=0.5)).hold(0, 9, 5.0).hold(10, 12, 9.0).hold(13, 60, 7.7)
    found = told.ask(60, window=20)
    assert found.condition
    assert "仍在死区内" in found.sentence["zh"]


def test_why_still_the_off_delay_runs() -> None:
    found = AskedNode(rule(off_delay=10)).hold(0, 9, 5.0).hold(10, 12, 9.0).hold(13, 16, 6.0).ask(16)
    assert found.condition
    assert "消除延时 10 秒,已计 3 秒。" in found.sentence["zh"]
    assert found.delay is not None
    assert found.delay["what"] == "off"


def test_returned_and_acknowledged_and_latched() -> None:
    returned = AskedNode(rule()).hold(0, 9, 5.0).hold(10, 12, 9.0).hold(13, 16, 6.0)
    assert returned.ask(16).sentence["zh"].endswith("报警条件于 08:00:13 消失。尚未有人确认。")
    acknowledged = AskedNode(rule()).hold(0, 9, 5.0).hold(10, 12, 9.0).order(12, "acknowledge")
    assert acknowledged.ask(12).sentence["zh"].endswith("张三 于 08:00:12 确认。")
    latched = AskedNode(rule(latching=True)).hold(0, 9, 5.0).hold(10, 12, 9.0).order(12, "acknowledge").hold(13, 16, 6.0)
    assert latched.ask(16).sentence["zh"].endswith("已锁存,等待复位。")


def test_an_earlier_time_is_told_as_it_was_then() -> None:
    told = AskedNode(rule(on_delay=5)).hold(0, 9, 5.0).hold(10, 20, 8.6)
    assert told.ask(5).closed == "limit"
    assert told.ask(12).sentence["zh"] == "超过 8.0 MPa 达 2 秒,延时 5 秒未到。"
    assert told.ask(20).condition


def test_why_not_bad_stale_lost_or_never_heard() -> None:
    bad = AskedNode(rule()).hold(0, 9, 5.0).hold(10, 12, 9.0, BAD).ask(12)
    assert bad.closed == "quality"
    assert bad.sentence["zh"] == "其质量为无效(传感器故障):无效值不作为依据,报警保持此前的判断。"
    stale = AskedNode(rule()).hold(0, 9, 5.0).until(20).ask(20)
    assert stale.closed == "fresh"
    assert stale.sentence["zh"] == "已 11.0 秒没有数据,超过其上报允许的 3 秒。"
    told = AskedNode(rule()).hold(0, 9, 5.0)
    told.tick(9.5, "down")
    lost = told.until(20).ask(20)
    assert (lost.closed, lost.view) == ("source", "down")
    assert lost.sentence["zh"] == "数据源 PT-1 自 08:00:09.5 起失去监视:数值未知。"
    told_of = {gate.gate: gate for gate in lost.gates}
    assert [told_of[name].open for name in ("fresh", "quality", "limit")] == [None, None, None], "nobody knows whether they hold"
    assert told_of["quality"].text["zh"] == "失去监视前:其质量为有效。"
    never = AskedNode(rule()).until(5).ask(5)
    assert never.closed == "data"
    assert never.sentence["en"] == "There is no reading up to 08:00:05."


def test_an_alarm_that_stands_on_a_value_nobody_sees_any_more_says_so() -> None:
    told = AskedNode(rule()).hold(0, 9, 5.0).hold(10, 12, 9.0)
    told.tick(12.5, "down")
    found = told.until(20).ask(20)
    assert (found.condition, found.closed) == (True, "source")
    assert "失去监视" in found.sentence["zh"]
    assert found.sentence["zh"].startswith("08:00:10 报警")


def test_shelved_out_of_service_and_disabled() -> None:
    shelved = (
        AskedNode(rule())
        .hold(0, 9, 5.0)
        .hold(10, 12, 9.0)
        .order(12, "shelve", until=START + 3600 * SECOND, reason="noise")
        .hold(13, 16, 9.0)
    )
    found = shelved.ask(16)
    assert (found.state, found.closed) == ("SHELVED", "shelved")
    assert found.sentence["zh"] == "08:00:12 起被搁置:不发报警。报警条件此时成立。"
    removed = AskedNode(rule()).hold(0, 9, 5.0).order(9, "remove_from_service", reason="x", work_order="W-1").hold(10, 12, 9.0)
    assert removed.ask(12).closed == "service"
    disabled = AskedNode(rule(enabled=False)).hold(0, 9, 9.0).ask(9)
    assert disabled.closed == "rule"
    assert disabled.sentence["zh"] == "该规则未启用:不作判断。"


def put_aside(how: str) -> AskedNode:
    """Episode 1 at 10 with 9.0, acknowledged at 12, put aside from 14 to 40; the condition goes at 20 and comes back at 30 with 9.9,
    of which nothing is written. Then episode 2."""
    told = AskedNode(rule(on_delay=5), governed=how == "suppressed").hold(0, 4, 5.0).hold(5, 14, 9.0).order(12, "acknowledge")
    match how:
        case "shelved":
            told.order(14, "shelve", until=START + 40 * SECOND, reason="noise")
        case "suppressed":
            told.switch(14, 1)
        case "removed":
            told.order(14, "remove_from_service", reason="x", work_order="W-1")
    told.hold(20, 29, 5.0).hold(30, 40, 9.9)
    match how:
        case "suppressed":
            told.switch(40, 0)
        case "removed":
            told.order(40, "return_to_service")
    return told.hold(41, 50, 9.9)


ENDED = {
    "shelved": ("08:00:40 搁置结束时报警条件成立,随即报警。当时为 9.9 MPa。", "when its shelving ended and its condition was on. The value then was 9.9 MPa."),
    "suppressed": ("08:00:40 设计抑制解除时报警条件成立,随即报警。", "when its suppression by design ended and its condition was on."),
    "removed": ("08:00:40 恢复使用时报警条件成立,随即报警。当时为 9.9 MPa。", "when it was returned to service and its condition was on. The value then was 9.9 MPa."),
}  # fmt: skip


@pytest.mark.parametrize("how", ENDED)
@pytest.mark.parametrize("window", [600, 15, 5])
def test_an_alarm_that_came_back_tells_of_this_activation_and_not_of_the_one_before(how: str, window: float) -> None:
    told = put_aside(how)
    found = told.ask(50, window)
    assert (found.state, found.condition, found.closed, found.episode) == ("UNACKNOWLEDGED", True, None, 2)
    assert found.sentence == {
        "zh": f"{ENDED[how][0]}9.9 MPa,达到或高于 8.0 MPa。尚未有人确认。",
        "en": f"Announced at 08:00:40, {ENDED[how][1]} 9.9 MPa is at or above 8.0 MPa. Nobody has acknowledged it yet.",
    }
    assert found.delay is None  # the one that had run when it was announced ran for the episode before


@pytest.mark.parametrize("how", ENDED)
def test_what_came_and_went_while_it_was_put_aside_is_told_of_the_replay(how: str) -> None:
    told, gate = put_aside(how), {"shelved": "shelved", "suppressed": "suppressed", "removed": "service"}[how]
    for at, condition in ((16, True), (27, False), (38, True)):
        found = told.ask(at)
        assert (found.closed, found.condition) == (gate, condition)
        assert found.sentence["zh"].startswith("08:00:14 起")
        assert found.sentence["zh"].endswith("报警条件此时成立。" if condition else "报警条件此时不成立。")
        assert found.delay is None or found.delay["what"] == "off"


@pytest.mark.parametrize("how", ENDED)
def test_who_acknowledged_and_when_it_ended_are_of_this_activation_too(how: str) -> None:
    told = put_aside(how).order(50, "acknowledge")
    assert told.ask(50).sentence["zh"].endswith("张三 于 08:00:50 确认。")
    returned = put_aside(how).hold(51, 55, 5.0)
    assert returned.ask(55).sentence["zh"] == f"{ENDED[how][0]}报警条件于 08:00:51 消失。尚未有人确认。"


def test_an_excursion_longer_than_the_delay_that_was_shelved_is_not_called_too_short() -> None:
    told = AskedNode(rule(on_delay=5)).hold(0, 9, 5.0).order(9, "shelve", until=START + 40 * SECOND, reason="noise")
    found = told.hold(10, 29, 9.0).hold(30, 50, 6.0).ask(50)
    assert (found.state, found.closed) == ("NORMAL", "limit")
    assert "不足延时" not in found.sentence["zh"]


@pytest.mark.parametrize("how", ENDED)
def test_the_story_is_the_episodes_own(how: str) -> None:
    """After each row: raised by the first row of the newest episode, answered by the last acknowledgement of it, hidden by the last row
    while it is."""
    rows = [t for t in put_aside(how).order(50, "acknowledge").hold(51, 53, 5.0).journal if t.alarm == ALARM]
    assert story_of([]) is None
    for end in range(1, len(rows) + 1):
        so_far = rows[:end]
        story = story_of(so_far[::-1])
        assert story is not None
        own = [t for t in so_far if t.episode == so_far[-1].episode]
        assert story.last is so_far[-1]
        assert story.raised is own[0]
        assert story.answered is next((t for t in reversed(own) if t.trigger is Trigger.ACKNOWLEDGE), None)
        aside = so_far[-1].after in {AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE}
        assert story.hidden is (so_far[-1] if aside else None)
    assert [t.episode for t in rows] == [1, 1, 1, 2, 2, 2]


def test_states_and_quality_and_silence_as_alarms() -> None:
    names = {0: Label(zh="关"), 1: Label(zh="开")}
    state = AlarmRule(id="PT-1.ST", point="PT-1", kind=AlarmKind.STATE, states=(1,))
    opened = AskedNode(state, states=names, on_change=True).read(0, 0).read(5, 1)
    assert opened.ask(3).sentence["zh"] == "“关”不属于报警状态。"
    assert "“开”属于报警状态。" in opened.ask(6).sentence["zh"]
    bad = (
        AskedNode(AlarmRule(id="PT-1.BAD", point="PT-1", kind=AlarmKind.BAD_QUALITY, on_delay=5))
        .hold(0, 9, 5.0)
        .hold(10, 12, 5.0, BAD)
    )
    assert bad.ask(9).closed == "limit"
    assert bad.ask(12).sentence["zh"] == "质量无效达 2 秒,延时 5 秒未到。"
    stale = AskedNode(AlarmRule(id="PT-1.STALE", point="PT-1", kind=AlarmKind.STALE, on_delay=5)).hold(0, 9, 5.0).until(30)
    assert stale.ask(14).sentence["zh"] == "停止更新达 2 秒,延时 5 秒未到。"
    assert stale.ask(30).condition
    assert stale.ask(30).sentence["zh"].startswith("08:00:17 报警:停止更新,延时 5 秒已到。")


def test_the_picture_keeps_what_stands_out() -> None:
    told = AskedNode(rule())
    told.readings = [(1, START + i * SECOND // 10, 99.0 if i == 3_333 else 5.0, BAD if i == 2_000 else 0) for i in range(6_000)]
    trace = told.ask(600).trace
    assert len(trace["time"]) < 1_200
    assert max(v for v in trace["value"] if v is not None) == 99.0
    assert any(trace["bad"])
    assert not any(trace["cut"])
    assert orjson.loads(orjson.dumps(told.ask(600).as_json()))["alarm"] == "PT-1.H"


def test_the_picture_is_cut_where_nobody_knew_the_value() -> None:
    told = AskedNode(rule())
    told.readings = [(1, START + at * SECOND, 5.0, 0) for at in (*range(100), *range(300, 400))]
    trace = told.ask(400).trace
    assert [at for at, cut in zip(trace["time"], trace["cut"], strict=True) if cut] == [START + 300 * SECOND]


def test_the_account_agrees_with_the_journal_at_every_second() -> None:
    told = AskedNode(rule(on_delay=3, off_delay=4, dead_band=1.0))
    for at in range(120):
        told.read(at, 9.0 if at % 20 in range(5, 14) else 7.5 if at % 20 == 14 else 5.0)
    for at in range(0, 120, 7):
        journal = [t for t in told.journal if t.alarm == ALARM and t.noticed_at <= START + at * SECOND]
        on = bool(journal) and journal[-1].after in {AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED}
        for window in (15, 600):
            assert told.ask(at, window).condition == on


def test_every_sentence_has_its_chinese() -> None:
    trees = [ast.parse(file.read_text("utf-8")) for file in Path(module.__file__).parent.glob("*.py")]
    said = {
        node.value
        for tree in trees
        for call in ast.walk(tree)
        for node in ast.walk(call)
        if isinstance(call, ast.Assign | ast.Return | ast.Call) and isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    sentences = {text for text in said if text.endswith(".") and " " in text}
    assert len(sentences) > 40
    assert {text for text in sentences if translate(text, "zh") == text} == set()


def test_a_calculated_value_is_drawn_from_the_replay() -> None:
    """The spread of PT-1 over 30 s, which no history holds."""
    from anlan.model.events.alarms import AlarmKind as Kinds
    from anlan.monitor.compile import EngineConfig
    from anlan.monitor.program import cells_of

    spread = Program((Instruction(Op.POINT, 1), Instruction(Op.SPREAD, 0, 30e6)), (1,), cells_of(Op.SPREAD), timed=True, depth=1)
    config = EngineConfig.from_columns(
        1, {"number": [1]}, {"number": [1, 2], "source": [1, 1]}, {"number": [ALARM], "kind": [int(Kinds.HIGH)], "target": [2], "limit": [3.0]},
        programs=[(2, spread)],
    )  # fmt: skip
    point = Point(
        id="PT-1.H", place="works", name=Label(zh="波动"), kind="calculated", unit="MPa", source="plc", address="", decimals=1
    )
    rows = [(1, START + at * SECOND, 5.0 + (at >= 100) * 2.5, 0) for at in range(120)]
    past = Remembered(Readings.of(rows), begin=START)
    asked = Asked(ALARM, rule(), point, config, past, [], START + 60 * SECOND, START + 119 * SECOND, "UTC")
    found = explain(asked)
    assert found.closed == "limit"
    assert found.value == 2.5
    assert found.closest is not None
    assert found.closest["distance"] == pytest.approx(0.5)
    assert max(v for v in found.trace["value"] if v is not None) == 2.5
    assert min(v for v in found.trace["value"] if v is not None) == 0.0


def test_what_was_known_long_before_costs_no_ticks() -> None:
    told = AskedNode(rule(on_delay=60), on_change=True)
    told.readings = [(1, START - 400 * 86_400 * SECOND, 9.0, 0)]
    found = told.ask(30)
    assert found.condition
    assert found.value == 9.0
