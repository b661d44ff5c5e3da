"""盲区图: a live plan of what can't be seen now. What is seen stays quiet; each thing that isn't carries a hatch or a ring with a sign for its
cause, legible in black and white, beside a list of causes with since and until when, the post, and which alarms can't come.

Area fills are kept for a risk level, red and amber for priorities (DOMAIN.md 17): nothing here uses either.
"""

from __future__ import annotations

from functools import partial

from anlan.model.languages import Language, translate
from anlan.model.words import Label
from anlan.monitor import plan
from anlan.monitor.blindness import Unseen
from anlan.web import shell
from anlan.web.context import Context, PlantView
from anlan.web.markup import Markup, el
from anlan.web.pages import page, principal_of_page

PATH = "/blind"
CAUSES: dict[Unseen, tuple[str, Label, str]] = {
    Unseen.COMMUNICATION: ("not heard", Label(zh="断", en="L"), "unknown"),
    Unseen.NO_DATA: ("no data yet", Label(zh="无", en="N"), "unknown"),
    Unseen.STALE: ("no longer updated", Label(zh="滞", en="S"), "unknown"),
    Unseen.UNHEARD: ("not heard again since its source came back", Label(zh="旧", en="A"), "unknown"),
    Unseen.FAULT: ("fault of sensor or device", Label(zh="障", en="F"), "unknown"),
    Unseen.OVER_RANGE: ("outside its range", Label(zh="超", en="R"), "unknown"),
    Unseen.CALIBRATION: ("calibrating", Label(zh="校", en="C"), "aside"),
    Unseen.INHIBITED: ("inhibited or maintained", Label(zh="修", en="M"), "aside"),
    Unseen.STOPPED: ("stopped or out of service", Label(zh="停", en="O"), "aside"),
    Unseen.BYPASSED: ("bypassed", Label(zh="旁", en="B"), "bypass"),
    Unseen.VOTE: ("vote degraded", Label(zh="决", en="V"), "bypass"),
    Unseen.SHELVED: ("alarm shelved", Label(zh="搁", en="H"), "veiled"),
    Unseen.SUPPRESSED: ("alarm suppressed by design", Label(zh="抑", en="D"), "veiled"),
    Unseen.OUT_OF_SERVICE: ("alarm out of service", Label(zh="退", en="X"), "veiled"),
    Unseen.DERIVED: ("cannot be calculated", Label(zh="算", en="="), "unknown"),
}
"""Cause → its words, the sign on the plan, and how it is hatched."""
COUNTS: tuple[tuple[str, str, tuple[Unseen, ...]], ...] = (
    ("unknown", "unknown", (Unseen.COMMUNICATION, Unseen.NO_DATA, Unseen.STALE, Unseen.UNHEARD, Unseen.FAULT, Unseen.OVER_RANGE)),
    ("bypassed", "bypassed", (Unseen.BYPASSED,)),
    ("calibrating", "calibrating", (Unseen.CALIBRATION,)),
    ("inhibited", "inhibited", (Unseen.INHIBITED, Unseen.STOPPED)),
    ("votes", "votes degraded", (Unseen.VOTE,)),
    ("shelved", "shelved", (Unseen.SHELVED,)),
    ("suppressed", "suppressed", (Unseen.SUPPRESSED,)),
    ("out", "out of service", (Unseen.OUT_OF_SERVICE,)),
)
"""Of the line above the plan: name, words, and the causes it adds up."""


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way(PATH, "blind", "Blind spots", "live.view"))

    @page(context, PATH, "live.view")
    def blind() -> None:
        principal = principal_of_page()
        language = principal.language
        shell.show(context, principal, PATH, translate("Blind spots", language), body(context.plant, language), "blind")


def body(plant: PlantView, language: Language) -> Markup:
    drawn = plan.draw(plant, language)
    picture = el("section", hatches(), drawn, legend(language), cls="panel drawing", aria_label=translate("Plant plan", language)) if drawn is not None else None  # fmt: skip
    return el(
        "div",
        counts(language),
        picture,
        what(language, drawn=drawn is not None),
        cls="blind fill" if drawn is not None else "blind fill listed",
    )


def counts(language: Language) -> Markup:
    """A dash until the node has told; a zero is shown as one, because a count that is away says nothing."""
    parts = [
        el("span", translate(words, language), " ", el("b", "—"), cls="part", data_count=name, data_causes=",".join(causes))
        for name, words, causes in COUNTS
    ]
    return el("div", parts, cls="summary panel", role="status")


def legend(language: Language) -> Markup:
    """Also tells the script each cause's sign, hatch and words."""
    say = partial(translate, language=language)
    shown = [
        el("li", el("span", sign.text(language), cls=f"sign {look}"), say(words), data_cause=cause.value, data_sign=sign.text(language), data_look=look, data_words=say(words))
        for cause, (words, sign, look) in CAUSES.items()
    ]  # fmt: skip
    return el("ul", shown, cls="legend", aria_label=say("Signs"))


def what(language: Language, *, drawn: bool) -> Markup:
    """The list that `blind.js` fills; a plant without a plan has its legend here."""
    say = partial(translate, language=language)
    head = el("header", el("h2", say("What cannot be seen now")), el("span", cls="spacer"), el("span", cls="dim total"))
    return el("section", head, None if drawn else legend(language), el("div", el("p", "…", cls="none dim"), cls="rows", tabindex="-1"), cls="panel what")  # fmt: skip


def hatches() -> Markup:
    """Fills by direction and texture, not by colour."""
    return el(
        "svg",
        el(
            "defs",
            _pattern("unknown", 2.6, "M-1 3.6L3.6 -1M1.6 3.6L3.6 1.6M-1 1L1 -1"),
            _pattern("aside", 2.6, "M0 1.3H2.6"),
            _pattern("bypass", 2.6, "M1.3 0V2.6"),
            _pattern("area", 9, "M-2 11L11 -2M0 0L9 9"),
        ),
        width="0",
        height="0",
        style="position:absolute",
        aria_hidden="true",
    )


def _pattern(name: str, size: float, path: str) -> Markup:
    return el(
        "pattern",
        el("path", d=path),
        id=f"hatch-{name}",
        width=f"{size:g}",
        height=f"{size:g}",
        patternUnits="userSpaceOnUse",
        cls="hatch",
    )
