"""Trends: how points moved, alone or against each other. The address carries points and window, so that a view can be passed on."""

from __future__ import annotations

from anlan.model.languages import translate
from anlan.web import shell
from anlan.web.context import Context
from anlan.web.markup import el
from anlan.web.pages import page, principal_of_page


def pages(context: Context) -> None:
    shell.add_way(context, shell.Way("/trends", "trends", "Trends", "history.view"))

    @page(context, "/trends", "history.view")
    def trends() -> None:
        principal = principal_of_page()
        offer_charts()
        shell.show(context, principal, "/trends", translate("Trends", principal.language), el("anlan-trend", cls="fill"), "trend")


def offer_charts() -> None:
    """ECharts comes inside NiceGUI; importing the package is what puts it on the page's import map, without an element on the server."""
    import nicegui.elements.echart  # noqa: F401
