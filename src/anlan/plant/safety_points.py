"""Points and alarms that a plant has because of its safety system and its detectors' calibration, without writing them.

    BP-07            a bypass      →  BP-07.APPROVED (told by the node)   and BP-07.IF, priority 1: bypassed without a standing approval
    XV-101           an effect     →  XV-101.ZSC.IF, priority 1: demanded, and not in its safe position after its stroke time
                     with command  →  XV-101.ZSO.DIS: position against command after its stroke time
    AT-203           calibrated    →  AT-203.DUE (told by the node)       and AT-203.DUE.ST: its calibration is overdue

Approval and overdue come from the records by commands in the log (`monitor.point_commands`); unknown counts as not approved.
"""

from __future__ import annotations

from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID
from anlan.model.points import Point, Reporting, Subject
from anlan.model.words import Label
from anlan.monitor.companions import approval_of, condition_alarm_of, due_of
from anlan.monitor.config import SUFFIX, AlarmRule
from anlan.monitor.safety.config import Cause, Effect
from anlan.plant.description import Plant

APPROVED_STATES = {0: Label(zh="未批准", en="not approved"), 1: Label(zh="已批准", en="approved")}
DUE_STATES = {0: Label(zh="在检定期内", en="in date"), 1: Label(zh="检定逾期", en="overdue")}
BYPASS_SECONDS, CALIBRATION_SECONDS, STROKE_SECONDS = 300.0, 86_400.0, 60.0
"""How long people have; shown, not enforced."""
_DIS, _ST = (SUFFIX[kind] for kind in (AlarmKind.DISCREPANCY, AlarmKind.STATE))


def bypasses(plant: Plant) -> list[Point]:
    """Every point that tells a bypass, whether or not the section `safety` names it."""
    return [point for point in plant.points if point.kind == "bypass"]


def calibrated(plant: Plant) -> list[Point]:
    """Points whose calibration has a date."""
    return [point for point in plant.points if point.calibration is not None]


def safety_points(plant: Plant) -> list[Point]:
    return [
        *(
            _own(p, approval_of(p.id), "bypass.approved", APPROVED_STATES, Label(zh="批准", en="approval"))
            for p in bypasses(plant)
        ),
        *(_own(p, due_of(p.id), "calibration.due", DUE_STATES, Label(zh="检定", en="calibration")) for p in calibrated(plant)),
    ]


def safety_rules(plant: Plant) -> list[AlarmRule]:
    return [
        *(_unapproved(plant, point) for point in bypasses(plant)),
        *(_overdue(plant, point) for point in calibrated(plant)),
        *(rule for effect in plant.safety.effects for rule in _of_effect(plant, effect)),
    ]


def _own(point: Point, identifier: str, kind: str, states: dict[int, Label], what: Label) -> Point:
    return Point(
        id=identifier,
        place=point.place,
        name=Label(zh=f"{point.name.zh or point.id} {what.zh}", en=f"{point.name.en or point.id} {what.en}"),
        kind=kind,
        subject=Subject.SAFETY_SYSTEM,
        states=states,
        source=NODE_ID,
        address=identifier,
        reporting=Reporting(mode="on_change", period=3600.0),
        position=point.position,
    )


def _unapproved(plant: Plant, point: Point) -> AlarmRule:
    approval = approval_of(point.id)
    return AlarmRule(
        id=condition_alarm_of(point.id),
        point=point.id,
        kind=AlarmKind.CONDITION,
        when=f"{point.id} != 0 and not (good({approval}) and {approval} = 1)",
        priority=1,
        post=plant.post_of(point.place),
        consequence=Label(
            zh="该保护层被旁路,没有有效的批准", en="A layer of protection is bypassed without an approval that stands"
        ),
        corrective_action=Label(
            zh="查明旁路人;撤除旁路,或由两人补办批准并落实补偿措施",
            en="Find who bypassed it; remove the bypass, or have it approved by two persons with compensating measures",
        ),
        time_to_respond=BYPASS_SECONDS,
    )


def _overdue(plant: Plant, point: Point) -> AlarmRule:
    return AlarmRule(
        id=f"{due_of(point.id)}.{_ST}",
        point=due_of(point.id),
        kind=AlarmKind.STATE,
        states=(1,),
        priority=max(3, plant.alarms.quality_priority),
        post=plant.post_of(point.place),
        consequence=Label(zh="检定逾期,读数不确定", en="The calibration is overdue; its readings are uncertain"),
        corrective_action=Label(zh="安排校验并录入结果", en="Have it calibrated and the result recorded"),
        time_to_respond=CALIBRATION_SECONDS,
    )


def _of_effect(plant: Plant, effect: Effect) -> list[AlarmRule]:
    rules = []
    causes = plant.safety.causes_of(effect.id)
    confirmed = effect.confirmed_by
    if causes and confirmed is not None:
        rules.append(_not_reached(plant, effect, causes, confirmed))
    if effect.command is not None and effect.position is not None:
        rules.append(_against_command(plant, effect, effect.position, effect.command))
    return rules


def _not_reached(plant: Plant, effect: Effect, causes: list[Cause], confirmed: tuple[str, int]) -> AlarmRule:
    point, state = confirmed
    demanded = " or ".join(f"{c.point} in {{{', '.join(map(str, c.active))}}}" for c in causes)
    return AlarmRule(
        id=condition_alarm_of(point),
        point=point,
        kind=AlarmKind.CONDITION,
        when=f"({demanded}) and {point} != {state}",
        on_delay=effect.stroke_time,
        priority=1,
        post=_post(plant, point),
        consequence=Label(zh="联锁动作未到位,保护未完成", en="The final element has not moved: the function has not protected"),
        corrective_action=Label(
            zh="现场手动关断(或启动);按应急处置卡", en="Operate it by hand on site; follow the emergency card"
        ),
        time_to_respond=STROKE_SECONDS,
    )


def _against_command(plant: Plant, effect: Effect, position: str, command: str) -> AlarmRule:
    return AlarmRule(
        id=f"{position}.{_DIS}",
        point=position,
        kind=AlarmKind.DISCREPANCY,
        against=command,
        on_delay=effect.stroke_time,
        priority=2,
        post=_post(plant, position),
        consequence=Label(zh="阀位与指令不符,联锁时可能不动作", en="Position differs from command; it may fail on demand"),
        corrective_action=Label(zh="现场核对阀位;联系仪表岗", en="Look at the valve on site; call the instrument shift"),
        time_to_respond=CALIBRATION_SECONDS / 24,
    )


def _post(plant: Plant, point: str) -> str:
    known = plant.points_by_id.get(point)
    return plant.post_of(known.place) if known is not None else ""
