"""Another rule set over the same plant: a plant folder, a YAML with an `alarms:` section, or a YAML list of what changes.

    - {id: TI-101.H, on_delay: 10}
    - {id: LT-301.H, limit: 82, dead_band: 1.5}
    - {id: PT-7.L, enabled: false}

An entry names a rule by its id and the fields that differ; one that the plant doesn't have needs `point` and `kind` and is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anlan.model.errors import ConfigError, InputError
from anlan.monitor.config import KIND_OF_SUFFIX, AlarmRule
from anlan.plant.compile import all_points, all_rules
from anlan.plant.description import AlarmSettings, Plant
from anlan.plant.findings import Findings, PlantMistakes
from anlan.plant.folder import load
from anlan.plant.sheet import decode
from anlan.plant.validation import shown, validated
from anlan.plant.yaml_file import Located, read_yaml
from anlan.plant.yaml_file import Path as Keys


class RuleMistakes(PlantMistakes):
    """Rules to be tried that can't be; `findings` as of a plant folder."""

    def __init__(self, findings: Findings) -> None:
        self.findings = tuple(findings)
        count = sum(f.fatal for f in self.findings)
        InputError.__init__(self, "the rules to be tried have {count} mistakes:", count=count)


def other_rules(plant: Plant, rules: Path) -> Plant:
    """The plant under the other rules. Raises PlantMistakes, RuleMistakes, ConfigError."""
    if rules.is_dir():
        return load(rules)
    if not rules.is_file():
        raise ConfigError("there is no such file or folder", file=str(rules))
    findings = Findings()
    located = read_yaml(decode(rules.name, rules.read_bytes()), rules.name, findings)
    changed = _Changes(plant, located, findings).applied() if not findings.fatal else None
    if changed is None or findings.fatal:
        raise RuleMistakes(findings)
    return changed


def with_changes(plant: Plant, changes: list[Mapping[str, Any]]) -> Plant:
    """The plant with these rules changed. Raises RuleMistakes."""
    findings = Findings()
    changed = _Changes(plant, Located("rules", list(changes)), findings).applied()
    if changed is None or findings.fatal:
        raise RuleMistakes(findings)
    return changed


class _Changes:
    def __init__(self, plant: Plant, located: Located, findings: Findings) -> None:
        self._plant, self._located, self._findings = plant, located, findings
        self._rules = {rule.id: rule for rule in all_rules(plant)}
        self._written = {rule.id for rule in plant.rules}
        self._points = {point.id for point in all_points(plant)} | {source.id for source in plant.sources}

    def applied(self) -> Plant | None:
        value = self._located.value
        if isinstance(value, list):
            return self._with_rules(value, ())
        if isinstance(value, dict) and isinstance(value.get("alarms"), dict):
            return self._with_section(value["alarms"])
        message = "the file was {found}; a list of rules, or a section alarms, was expected"
        self._findings.mistake("value", message, self._located.where(()), found=shown(value))
        return None

    def _with_section(self, section: Mapping[str, Any]) -> Plant | None:
        """Settings and rules; the defaults are columns of points.csv and have already been applied there."""
        if "defaults" in section:
            message = "defaults stand for empty columns of points.csv: give a whole plant folder to try others"
            self._findings.mistake("value", message, self._located.where(("alarms", "defaults")))
            return None
        settings = self._plant.alarms.model_dump() | {key: value for key, value in section.items() if key != "rules"}
        alarms = validated(AlarmSettings, settings, self._located, ("alarms",), self._findings)
        if alarms is None:
            return None
        self._plant = self._plant.model_copy(update={"alarms": alarms})
        self._rules = {rule.id: rule for rule in all_rules(self._plant)}
        return self._with_rules(section.get("rules") or [], ("alarms", "rules"))

    def _with_rules(self, entries: list[Any], path: Keys) -> Plant | None:
        changed: dict[str, AlarmRule] = {}
        for i, entry in enumerate(entries):
            rule = self._changed(entry, (*path, i))
            if rule is not None:
                changed[rule.id] = rule
        kept = [changed.pop(rule.id, rule) for rule in self._plant.rules]
        return self._plant.model_copy(update={"rules": (*kept, *changed.values())})

    def _changed(self, entry: Any, path: Keys) -> AlarmRule | None:
        where = self._located.where(path)
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            message = "{found} names no alarm; for example - {{id: TI-101.H, on_delay: 10}} was expected"
            self._findings.mistake("value", message, where, found=shown(entry))
            return None
        known = self._rules.get(entry["id"])
        if known is None and not {"point", "kind"} <= entry.keys():
            self._findings.mistake("unknown-alarm", "there is no alarm {alarm} in this plant", where, alarm=entry["id"])
            return None
        fields = {**(known.model_dump() if known is not None else {}), **entry}
        if known is not None and KIND_OF_SUFFIX.get(str(fields["kind"]), fields["kind"]) != known.kind:
            message = "{alarm} cannot become another kind: disable it and add one"
            self._findings.mistake("value", message, where, alarm=entry["id"])
            return None
        if fields["point"] not in self._points:
            self._findings.mistake("unknown-point", "there is no point {id}", where, id=shown(fields["point"]))
            return None
        return validated(AlarmRule, fields, self._located, path, self._findings)
