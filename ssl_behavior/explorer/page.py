"""The page: its parts put together, and what happens in the browser wired up."""

from __future__ import annotations

from html import escape
from typing import Any

import jinja2
from bokeh.document import Document
from bokeh.events import DocumentReady
from bokeh.models import Column, Row, TabPanel

from ssl_behavior.errors import how_many
from ssl_behavior.explorer import models, widgets
from ssl_behavior.explorer.parts import Parts
from ssl_behavior.explorer.points import Points
from ssl_behavior.explorer.scene import Scene
from ssl_behavior.explorer.wiring import wire


class Page:
    """A page of a scene; who makes it adds what a server, or a file without one, does further.

    Args:
        scene: what is shown.
        points: on the map.

    Attributes:
        sources: the data in it.
        parts: what is seen.
        opening: what is done when it opens.
    """

    def __init__(self, scene: Scene, points: Points) -> None:
        self.scene, self.points = scene, points
        self.sources = models.sources(scene, points)
        self.parts = Parts(scene, self.sources)
        self.opening = wire(scene, points, self.sources, self.parts)
        parts = self.parts
        self.add_tab("Lasso", parts.summary, parts.pictures, parts.held, parts.clear)

    def add_tab(self, title: str, *bodies: Any) -> None:
        """One more tab beside the player."""
        body = Column(*bodies, sizing_mode="stretch_both", styles={"overflow-y": "auto", "padding-top": "8px"})
        self.parts.tabs.tabs = [*self.parts.tabs.tabs, TabPanel(title=title, child=body)]

    def add_to(self, document: Document, more: str = "") -> None:
        """Put the page into a document, of a server or a file.

        Args:
            document: that has nothing in it yet.
            more: HTML that the page's first line ends with.
        """
        parts = self.parts
        root = Column(
            widgets.words(self._heading(more), styles={"margin": "0 0 4px 5px"}),
            Row(self._left(), self._middle(), parts.tabs, sizing_mode="stretch_both", styles={"gap": "14px"}),
            parts.heading,
            parts.strip,
            sizing_mode="stretch_both",
            styles={"height": "calc(max(740px, 100vh - 22px))"},
        )
        document.add_root(root)
        document.title = f"{self.scene.atlas.folder.resolve().name}, explorer"
        document.template = template()
        document.js_on_event(DocumentReady, *self.opening)

    def _left(self) -> Column:
        parts = self.parts
        menus = Row(parts.by, parts.only, sizing_mode="stretch_width")
        return Column(menus, parts.map, parts.legend, sizing_mode="stretch_both", styles={"flex": "1.25 1 460px"})

    def _middle(self) -> Column:
        parts = self.parts
        controls = Row(parts.play, parts.trail, parts.speed, sizing_mode="stretch_width")
        rows = (parts.told, parts.stage, parts.head, controls)
        return Column(*rows, sizing_mode="stretch_both", styles={"flex": "0.75 1 310px"})

    def _heading(self, more: str) -> str:
        points, count = self.points, len(self.scene.atlas.ids)
        videos = how_many(count, "video")
        pairs = ", each once for every pair of agent and target" if len(points.pairs) > 1 else ""
        shown = f"{len(points):,} of {points.total:,} frames shown, drawn at random"
        told = shown if len(points) < points.total else f"all {points.total:,} frames shown"
        name = escape(self.scene.atlas.folder.resolve().name)
        return f"<h1>{name} <span class='quiet'>{videos}; {told}{pairs}{more}</span></h1>"


def template() -> jinja2.Template:
    """The page's frame, around Bokeh's own, which escapes what it fills in."""
    return jinja2.Template((widgets.WEB / "page.html").read_text(encoding="utf-8"))
