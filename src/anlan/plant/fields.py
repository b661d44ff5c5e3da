"""What a form for points, alarms and classes offers: each field with its words in both languages, its kind, and what may be chosen.

The fields are those of the models, so that one of a later release stands in the form too; a field within a field is named with a dot.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from anlan.model.kinds import kinds
from anlan.model.points import Point
from anlan.model.principles import principles
from anlan.model.units import units
from anlan.model.words import Label
from anlan.monitor.config import SUFFIX, AlarmRule
from anlan.monitor.rationalisation import AlarmClass
from anlan.plant.description import Plant
from anlan.plant.field_words import COLUMN, OWN, titles
from anlan.plant.master_book import CLASS_TITLES

MODELS: dict[str, type[BaseModel]] = {"point": Point, "alarm": AlarmRule, "class": AlarmClass}
_LONG = {"when", "suppress_when", "address"}


def fields_of(what: str, plant: Plant) -> list[dict[str, Any]]:
    """{name, zh, en, kind: text | long | number | whole | yes | choice | day | states | integers, choices?: [[value, zh, en]]}."""
    if what in ("source", "place"):
        return _of_wiring(what, plant)
    choices = _choices(what, plant)
    return [
        {"name": name, "zh": zh, "en": en, "kind": "choice" if name in choices else kind, **({"choices": choices[name]} if name in choices else {})}
        for name, kind in _flat(MODELS[what])
        for zh, en in [_title(what, name)]
    ]  # fmt: skip


def _of_wiring(what: str, plant: Plant) -> list[dict[str, Any]]:
    """Of a source, whose options are its driver's own (`options.NAME`, as it has them), and of a place."""
    name = [
        {"name": f"name.{language}", "zh": zh, "en": en, "kind": "text"}
        for language, zh, en in (("zh", "名称", "Name (Chinese)"), ("en", "名称(英文)", "Name (English)"))
    ]
    own = [{"name": "id", "zh": "标识", "en": "Id", "kind": "text"}, *name]
    if what == "source":
        return [*own, {"name": "keep_alive", "zh": "保活周期 (s)", "en": "Keep-alive (s)", "kind": "number"}]
    posts = [["", "—", "—"], *([one.id, one.name.text("zh") or one.id, one.name.text("en") or one.id] for one in plant.posts)]
    return [*own, {"name": "post", "zh": "岗位", "en": "Post", "kind": "choice", "choices": posts}]


def _flat(model: type[BaseModel], within: str = "") -> list[tuple[str, str]]:
    found = []
    for name, field in model.model_fields.items():
        inner = _model_in(field)
        if inner is Label:
            found += [(f"{within}{name}.{language}", "text") for language in ("zh", "en")]
        elif inner is not None and not within:
            found += _flat(inner, f"{name}.")
        else:
            found.append((f"{within}{name}", _kind(name, field)))
    return found


def _model_in(field: FieldInfo) -> type[BaseModel] | None:
    for one in (field.annotation, *get_args(field.annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one if get_origin(field.annotation) is not dict else None
    return None


def _kind(name: str, field: FieldInfo) -> str:
    types = {field.annotation, *get_args(field.annotation)}
    if get_origin(field.annotation) is dict:
        return "states"
    if get_origin(field.annotation) is tuple:
        return "integers"
    if bool in types:
        return "yes"
    if float in types:
        return "number"
    if int in types:
        return "whole"
    if any(getattr(one, "__name__", "") == "date" for one in types):
        return "day"
    return "long" if name in _LONG else "text"


def _title(what: str, name: str) -> tuple[str, str]:
    if what == "class":
        zh, en, *_ = CLASS_TITLES.get(name.partition(".")[0], (name, name, 0))
        language = name.partition(".")[2]
        return (f"{zh}{'(英文)' if language == 'en' else ''}", f"{en}{f' ({language})' if language else ''}")
    if what == "alarm" and name in OWN:
        return OWN[name]
    return titles().get(COLUMN.get(name, name.replace(".", "_"))) or OWN.get(name) or (name, name)


def _choices(what: str, plant: Plant) -> dict[str, list[list[Any]]]:
    """Field → what it may be, with its words."""

    def named(items: Any) -> list[list[Any]]:
        return [[one.id, one.name.text("zh") or one.id, one.name.text("en") or one.id] for one in items]

    none: list[list[Any]] = [["", "—", "—"]]
    if what == "class":
        return {}
    model = MODELS[what]
    found = {
        name: [[v, v, v] for v in get_args(f.annotation)]
        for name, f in model.model_fields.items()
        if get_origin(f.annotation) is Literal
    }
    if what == "point":
        places = [[p.path, f"{p.name.text('zh')} · {p.path}", f"{p.name.text('en')} · {p.path}"] for p in plant.places]
        written = [[code, one.label.text("zh"), one.label.text("en")] for code, one in units().items()]
        return {
            **found, "place": places, "kind": named(kinds().values()), "unit": none + written, "principle": none + named(principles().values()),
            "source": [[s.id, s.name.text("zh") or s.id, s.name.text("en") or s.id] for s in plant.sources],
            "reporting.mode": [["cyclic", "周期", "cyclic"], ["on_change", "变化上报", "on change"]],
        }  # fmt: skip
    severities = named(plant.alarms.matrix.severities)
    return {
        **found, "kind": [[s, s, s] for s in SUFFIX.values()], "post": none + named(plant.posts), "severity": none + severities,
        "alarm_class": none + named(plant.alarms.classes), "priority": [[n, str(n), str(n)] for n in (1, 2, 3, 4)],
    }  # fmt: skip
