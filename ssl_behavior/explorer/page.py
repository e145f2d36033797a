"""The page: its parts put together, with all that happens in the browser without a server."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import jinja2
import numpy as np
from bokeh.document import Document
from bokeh.events import ButtonClick, DocumentReady, Tap
from bokeh.models import (
    Button,
    Column,
    ColumnDataSource,
    CustomJS,
    DataTable,
    Div,
    RadioButtonGroup,
    Row,
    Select,
    Slider,
    TabPanel,
    Tabs,
    Toggle,
)
from bokeh.plotting import figure

from ssl_behavior.explorer import models, widgets
from ssl_behavior.explorer.colours import REST
from ssl_behavior.explorer.points import Points
from ssl_behavior.explorer.scene import CLUSTER, Scene

_HELD = {
    "video": ("video", 60), "time": ("starts", 60), "seconds": ("seconds", 60), "pair": ("pair", 150),
    "cluster": ("cluster", 90), "count": ("frames", 60),
}  # fmt: skip
_FOUND = {
    "video": ("video", 60), "time": ("time", 60), "pair": ("pair", 150), "cluster": ("cluster", 90),
    "similarity": ("similarity", 70),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Page:
    """The page's parts that something happens to.

    Attributes:
        scene: what is shown.
        points: on the map.
        sources: the data.
        by: menu of what the map is coloured by.
        told: what is told of the moment that plays.
        answer: what is told of the moments like it.
        alike: table of these.
        tabs: beside the player.
        plots: the figures by name.
    """

    scene: Scene
    points: Points
    sources: models.Sources
    by: Select
    told: Div
    answer: Div
    alike: DataTable
    tabs: Tabs
    plots: dict[str, figure]
    opening: list[CustomJS]

    def javascript(self, file: str, **args: Any) -> CustomJS:
        """A callback from a file of ``web``."""
        shared, own = ((widgets.WEB / one).read_text(encoding="utf-8") for one in ("shared.js", f"{file}.js"))
        return CustomJS(args=args, code=f"{shared}\n{own}")

    def add_tab(self, title: str, *parts: Any) -> None:
        """One more tab beside the player."""
        body = Column(*parts, sizing_mode="stretch_both", styles={"overflow-y": "auto", "padding-top": "8px"})
        self.tabs.tabs = [*self.tabs.tabs, TabPanel(title=title, child=body)]

    def add_to(self, document: Document, title: str, heading: str) -> None:
        """Put the page into a document.

        Args:
            document: of the server or the file.
            title: of the window.
            heading: HTML above the page.
        """
        root = Column(
            widgets.words(heading, styles={"margin": "0 0 4px 5px"}),
            Row(self._left(), self._middle(), self.tabs, sizing_mode="stretch_both", styles={"gap": "14px"}),
            self.plots["heading"],
            self.plots["strip"],
            sizing_mode="stretch_both",
            styles={"height": "calc(max(740px, 100vh - 22px))"},
        )
        document.add_root(root)
        document.title = title
        document.template = template()
        document.js_on_event(DocumentReady, *self.opening)

    def _left(self) -> Column:
        menus = Row(self.by, self.plots["only"], sizing_mode="stretch_width")
        return Column(menus, self.plots["map"], self.plots["legend"], sizing_mode="stretch_both", styles={"flex": "1.25 1 460px"})

    def _middle(self) -> Column:
        plots = self.plots
        controls = Row(plots["play"], plots["trail"], plots["speed"], sizing_mode="stretch_width")
        parts = (self.told, plots["stage"], plots["head"], controls)
        return Column(*parts, sizing_mode="stretch_height", width=310)


def template() -> jinja2.Template:
    """The page's frame, around Bokeh's own."""
    # Bokeh escapes what it fills in, and what is HTML must stay so.
    return jinja2.Template((widgets.WEB / "page.html").read_text(encoding="utf-8"))  # noqa: S701


def numbers(scene: Scene) -> dict[str, Any]:
    """Where on the map the clusters' numbers stand: columns ``x, y, text, colour``."""
    fitted = scene.clustered.clusters
    middles = [np.median(fitted.positions[fitted.labels == one], axis=0) for one in range(fitted.count)]
    x, y = np.array(middles).reshape(-1, 2).T
    colours = [colour for colour, _ in scene.looks(CLUSTER)]
    return {"x": x, "y": y, "text": [str(one) for one in range(fitted.count)], "colour": colours}


def build(scene: Scene, points: Points) -> Page:
    """The page of a scene, with what happens in the browser."""
    sources = models.sources(scene, points)
    mapper = widgets.colour_mapper()
    plots: dict[str, Any] = {
        "map": widgets.map_figure(sources.points, ColumnDataSource(numbers(scene)), mapper),
        "stage": widgets.stage_figure(),
        "strip": widgets.strip_figure(scene.rows),
        "legend": widgets.words(name="legend", height=88),
        "heading": widgets.words(name="heading", styles={"margin": "2px 0 0 5px"}),
        "only": Select(title="Show only", options=[("", "everything")], value="", name="only", sizing_mode="stretch_width"),
        "play": Toggle(label="❚❚ Pause", active=True, name="play", width=90),
        "trail": Toggle(label="Trail", active=True, name="trail", width=60),
        "speed": RadioButtonGroup(labels=["¼×", "½×", "1×", "2×"], active=2, name="speed", width=140),
        "head": Slider(start=0, end=1, value=0, step=1, show_value=False, title="", name="head", sizing_mode="stretch_width"),
    }  # fmt: skip
    titles = list(zip(sources.colourings.data["column"], sources.colourings.data["title"], strict=True))
    by = Select(title="Colour by", options=titles, value=CLUSTER, name="by", sizing_mode="stretch_width")
    told = widgets.words(name="told", height=76)
    answer = widgets.words(name="answer")
    alike = widgets.listing(sources.found, _FOUND, 250, "alike")
    tabs = Tabs(sizing_mode="stretch_both", styles={"flex": "1 1 380px"}, name="tabs")
    page = Page(scene, points, sources, by, told, answer, alike, tabs, plots, [])
    _colour(page, mapper)
    _play(page)
    _lasso(page)
    _jump(page)
    return page


def _colour(page: Page, mapper: Any) -> None:
    plots, sources = page.plots, page.sources
    numbers = plots["map"].select_one({"name": "numbers"})
    colour = page.javascript(
        "colour", points=sources.points, colourings=sources.colourings, by=page.by, only=plots["only"],
        mapper=mapper, legend=plots["legend"], numbers=numbers, grey=REST,
    )  # fmt: skip
    page.by.js_on_change("value", colour)
    plots["only"].js_on_change("value", colour)
    sources.colourings.js_on_change("data", colour)
    page.opening.append(colour)


def _play(page: Page) -> None:
    plots, sources, scene = page.plots, page.sources, page.scene
    bodies, joints, cursor, scale, bouts = (ColumnDataSource() for _ in range(5))
    bouts.name = "bouts"
    stage, strip = plots["stage"], plots["strip"]
    scale.data = {"xs": [], "ys": [], "x": [], "y": [], "text": []}
    stage.multi_line("xs", "ys", source=scale, line_color="#555", line_width=2)
    stage.text("x", "y", "text", source=scale, text_color="#555", text_font_size="12px", text_baseline="bottom")
    bodies.data = {name: [] for name in ("xs", "ys", "colour", "alpha", "width")}
    stage.multi_line("xs", "ys", source=bodies, line_color="colour", line_alpha="alpha", line_width="width", line_cap="round")
    joints.data = {name: [] for name in ("x", "y", "colour", "alpha", "size")}
    stage.scatter("x", "y", source=joints, color="colour", alpha="alpha", size="size", line_color="white")
    bouts.data = {name: [] for name in ("left", "right", "top", "bottom", "row", "name", "colour", "hatch", "what", "from", "until")}
    drawn = strip.quad("left", "right", "top", "bottom", source=bouts, fill_color="colour", line_color=None,
                       hatch_pattern="hatch", hatch_color="black", hatch_alpha=0.5, hatch_scale=8)  # fmt: skip
    widgets.tell_of_bouts(strip, drawn)
    cursor.data = {"x": []}
    here, wake = ColumnDataSource({"x": [], "y": []}, name="here"), ColumnDataSource({"x": [], "y": []})
    plots["map"].line("x", "y", source=wake, line_color="#111", line_width=2, line_alpha=0.7)
    plots["map"].scatter("x", "y", source=here, size=13, fill_color="white", line_color="#111", line_width=3)
    strip.vspan("x", source=cursor, line_color="#111", line_width=2)
    player = page.javascript(
        "player", clip=sources.clip, bouts=bouts, bodies=bodies, joints=joints, cursor=cursor, scale=scale, stage=stage,
        told=page.told, head=plots["head"], play=plots["play"], trail=plots["trail"], speed=plots["speed"],
        edges=models.joined(scene), middle=models.middle(scene), here=here, wake=wake,
    )  # fmt: skip
    offsets = np.cumsum([0, *(len(scene.names(row)) for row in scene.rows)]).tolist()
    ethogram = page.javascript(
        "strip", clip=sources.clip, strips=sources.strips, kinds=sources.kinds, bouts=bouts, strip=strip,
        heading=plots["heading"], rows=[row.removeprefix("label ") for row in scene.rows], offsets=offsets[:-1],
    )  # fmt: skip
    sources.clip.js_on_change("data", ethogram, player)
    sources.kinds.js_on_change("data", ethogram)
    sources.strips.js_on_change("data", ethogram)
    plots["head"].js_on_change("value", player)
    for name in ("play", "trail"):
        plots[name].js_on_change("active", player)
    plots["speed"].js_on_change("active", player)
    page.opening.extend([ethogram, player])


def _lasso(page: Page) -> None:
    sources, scene = page.sources, page.scene
    summary = widgets.words(name="summary")
    table = widgets.listing(sources.held, _HELD, 190, "held")
    stills, sketches = ColumnDataSource({"point": []}, name="stills"), ColumnDataSource({"xs": [], "ys": [], "colour": []})
    heads = ColumnDataSource({"x": [], "y": [], "colour": []})
    pictures = widgets.pictures_figure(sketches, heads)
    clear = Button(label="Clear the lasso", visible=False, name="clear", width=120)
    clear.js_on_event(ButtonClick, CustomJS(args={"points": sources.points}, code="points.selected.indices = []"))
    page.plots["pictures"], page.plots["stills"] = pictures, stills
    lasso = page.javascript(
        "lasso", points=sources.points, colourings=sources.colourings, clips=sources.clips, at=sources.at,
        held=sources.held, stills=stills, sketches=sketches, pictures=pictures, heads=heads, clear=clear, summary=summary, table=table,
        videos=list(page.points.videos), pairs=list(page.points.pairs), grey=REST, edges=models.joined(scene),
        judgements=scene.rows[1:], shape=list(page.points.clips.shape[1:4]),
    )  # fmt: skip
    sources.points.selected.js_on_change("indices", lasso)
    page.opening.append(lasso)
    page.add_tab("Lasso", summary, pictures, table, clear)


def _jump(page: Page) -> None:
    sources, plots = page.sources, page.plots
    jump = page.javascript(
        "jump", points=sources.points, asked=sources.asked, map=plots["map"], stills=plots["stills"], clip=sources.clip,
        strip=plots["strip"],
    )  # fmt: skip
    for name in ("map", "strip", "pictures"):
        plots[name].js_on_event(Tap, jump)
    for source in (sources.held, sources.found):
        play_row(page, source)
    rings = {"size": 13, "fill_color": None, "line_color": "#111", "line_width": 2}
    drawn = plots["map"].scatter("x", "y", source=sources.found, marker="circle", name="rings", visible=False, **rings)
    look = CustomJS(args={"rings": drawn}, code="rings.visible = cb_obj.tabs[cb_obj.active].title === 'More like this'")
    page.tabs.js_on_change("active", look)


def play_row(page: Page, source: ColumnDataSource) -> None:
    """Let a click on a row of a table play what it tells of."""
    row = page.javascript("row", listed=source, asked=page.sources.asked, points=page.sources.points)
    source.selected.js_on_change("indices", row)


def heading(scene: Scene, points: Points, more: str = "") -> str:
    """What the page shows, in a line of HTML."""
    count = len(scene.atlas.ids)
    videos = f"{count} video{'s' * (count != 1)}"
    pairs = ", each once for every pair of agent and target" if len(points.pairs) > 1 else ""
    shown = f"{len(points):,} of {points.total:,} frames shown, drawn at random"
    told = shown if len(points) < points.total else f"all {points.total:,} frames shown"
    name = escape(scene.atlas.folder.resolve().name)
    return f"<h1>{name} <span class='quiet'>{videos}; {told}{pairs}{more}</span></h1>"
