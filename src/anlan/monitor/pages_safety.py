"""探测器, 联锁矩阵, 旁路墙: detectors with their calibration, the live cause-and-effect matrix with its demand log, the wall of bypasses."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.monitor.pages_print import printing
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page

PAGES = (
    ("/detectors", "detectors", "Detectors", "anlan-detectors", "page fill"),
    ("/safety", "safety", "Cause and effect", "anlan-safety", "page"),
    ("/bypasses", "bypasses", "Bypasses", "anlan-bypasses", "page"),
)


def pages(context: Context) -> None:
    for path, name, title, element, cls in PAGES:
        _page(context, path, name, title, element, cls)


def _page(context: Context, path: str, name: str, title: str, element: str, cls: str) -> None:
    shell.add_way(context, shell.Way(path, name, title, "live.view"))

    @page(context, path, "live.view")
    def show() -> None:
        principal = principal_of_page()
        paper = printing(name, principal.language) if name == "bypasses" else None
        shell.show(context, principal, path, translate(title, principal.language), el("div", paper, el(element), cls=cls), name)
