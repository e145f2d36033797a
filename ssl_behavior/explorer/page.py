"""The page: its data and widgets by name, their layout, and the scripts that connect them in the browser."""

from __future__ import annotations

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
    InlineStyleSheet,
    LinearColorMapper,
    RadioButtonGroup,
    Row,
    Select,
    Slider,
    TabPanel,
    Tabs,
    Toggle,
)

from ssl_behavior.errors import count_of
from ssl_behavior.explorer import page_data, widgets
from ssl_behavior.explorer.map_sample import GREY, MapSample
from ssl_behavior.explorer.scene import CLUSTER, LABEL, Scene
from ssl_behavior.poses.landmarks import edges

_LASSO_HINT = (
    "<p>Draw around points on the map with the lasso to see what they are: their clusters and labels, and the bouts "
    "that hold them.</p>"
)
_NARROW = "@media (max-width: 1000px)"


class Page:
    """The part of a page that is the same on a server and in a file.

    Args:
        scene: the content.
        sample: the points on the map.

    Attributes:
        models: name -> source or widget. Python, the document and the scripts use the same names.
        opening: scripts that run when the page opens, in order.
    """

    def __init__(self, scene: Scene, sample: MapSample) -> None:
        self.scene, self.sample = scene, sample
        self.models: dict[str, Any] = dict(page_data.sources(scene, sample))
        self._add_plots()
        self._add_controls()
        self.opening: list[CustomJS] = []
        self._connect_colours()
        self._connect_player()
        self._connect_lasso()
        self._connect_clicks()
        self.add_tab("Lasso", *(self.models[name] for name in ("summary", "stills_figure", "selection_table", "clear")))

    def _add_plots(self) -> None:
        models = self.models
        models["colour_mapper"] = LinearColorMapper(palette=["#000000"], low=0, high=1, nan_color=GREY)
        models["map"] = widgets.map_figure(models, self.sample, models["colour_mapper"])
        for name in ("numbers", "rings"):
            models[name] = next(renderer for renderer in models["map"].renderers if renderer.name == name)
        models["player"] = widgets.player_figure(models)
        models["ethogram"] = widgets.ethogram_figure(self.scene, models)
        models["stills_figure"] = widgets.stills_figure(models)
        video, pair, cluster = self.name_columns()
        selection = {**video, "time": ("starts", 54), "seconds": ("s", 42), **pair, **cluster}
        models["selection_table"] = widgets.table("selection_table", models["selection"], selection, 96)
        matches = {**video, "time": ("time", 54), **pair, **cluster, "similarity": ("cosine", 50)}
        models["matches_table"] = widgets.table("matches_table", models["matches"], matches, 200)
        for name in ("selection_table", "matches_table"):
            models[name].visible = False

    def name_columns(self) -> list[dict[str, tuple[str, int]]]:
        """Return title and width of the columns with names of videos, of pairs and, if there are any, of clusters."""
        clusters = self.scene.names(CLUSTER)
        names = {"video": self.sample.videos, "pair": self.sample.pairs, "cluster": ["in none", *clusters]}
        columns = [{name: (name, widgets.column_width(name, texts))} for name, texts in names.items()]
        return columns if clusters else [*columns[:2], {}]

    def _add_controls(self) -> None:
        models, colourings = self.models, self.models["colourings"].data
        for name, title in (("colour_by", "Colour by"), ("show_only", "Show only")):
            models[name] = Select(title=title, name=name, sizing_mode="stretch_width")
        models["colour_by"].options = list(zip(colourings["column"], colourings["title"], strict=True))
        models["colour_by"].value = colourings["column"][0]
        models["show_only"].options = [("", "everything")]
        models["legend"] = widgets.text(name="legend", height=92)
        models["ethogram_title"] = widgets.text(name="ethogram_title", styles={"margin": "2px 0 0 5px"})
        models["caption"] = widgets.text(name="caption", height=80)
        models["play"] = Toggle(label="❚❚ Pause", active=True, name="play", width=88)
        models["trail"] = Toggle(label="Trail", active=True, name="trail", width=54)
        narrow = InlineStyleSheet(css=".bk-btn { padding: 6px 8px; }")  # so that four fit beside the toggles
        models["speed"] = RadioButtonGroup(
            labels=["¼×", "½×", "1×", "2×"], active=2, name="speed", stylesheets=[narrow]
        )
        models["playhead"] = Slider(
            start=0, end=1, value=0, step=1, show_value=False, title="", name="playhead", sizing_mode="stretch_width"
        )
        models["clear"] = Button(label="Clear the lasso", visible=False, name="clear", width=120)
        models["summary"] = widgets.text(_LASSO_HINT, name="summary")
        models["search_message"] = widgets.text(name="search_message")
        models["tabs"] = Tabs(name="tabs", sizing_mode="stretch_both", stylesheets=[_panel("1 1 400px", "560px")])

    def script(self, file: str, *names: str, **constants: Any) -> CustomJS:
        """Make a callback from a file of ``web``.

        Args:
            file: name of the file without suffix; ``shared.js`` comes before it.
            names: models that it uses, under the same names.
            constants: further values that it uses.
        """
        code = "\n".join((widgets.WEB / f"{name}.js").read_text(encoding="utf-8") for name in ("shared", file))
        return CustomJS(args={name: self.models[name] for name in names} | constants, code=code)

    def _connect_colours(self) -> None:
        names = ("points", "colourings", "colour_by", "show_only", "colour_mapper", "legend", "numbers")
        colour = self.script("map_colours", *names, grey=GREY)
        for name, attribute in (("colour_by", "value"), ("show_only", "value"), ("colourings", "data")):
            self.models[name].js_on_change(attribute, colour)
        self.opening.append(colour)

    def _connect_player(self) -> None:
        models, scene = self.models, self.scene
        first_codes = np.cumsum([0, *(len(scene.names(row)) for row in scene.rows)])[:-1].tolist()
        names = [row.removeprefix(LABEL) for row in scene.rows]
        ethogram = self.script(
            "ethogram", "clip", "bouts", "bout_styles", "drawn_bouts", "ethogram", "ethogram_title",
            rows=names, first_codes=first_codes, keyed_rows=[i for i, row in enumerate(scene.rows) if row != CLUSTER],
        )  # fmt: skip
        player = self.script(
            "player", "clip", "drawn_bouts", "skeletons", "keypoints", "cursor", "scale_bar", "map_position",
            "map_path", "player", "caption", "playhead", "play", "trail", "speed",
            edges=edges(scene.atlas.meta.landmarks), middle=_middle(scene.atlas.meta.landmarks),
        )  # fmt: skip
        models["clip"].js_on_change("data", ethogram, player)
        for name in ("bout_styles", "bouts"):
            models[name].js_on_change("data", ethogram)
        models["playhead"].js_on_change("value", player)
        for name in ("play", "trail", "speed"):
            models[name].js_on_change("active", player)
        self.opening += [ethogram, player]

    def _connect_lasso(self) -> None:
        lasso = self.script(
            "lasso", "points", "colourings", "point_clips", "frame_in_clip", "selection", "stills", "still_lines",
            "still_noses", "stills_figure", "clear", "summary", "selection_table", videos=list(self.sample.videos),
            pairs=list(self.sample.pairs), grey=GREY, edges=edges(self.scene.atlas.meta.landmarks),
            rows=self.scene.rows, shape=list(self.sample.clips.shape[1:4]), hint=_LASSO_HINT,
        )  # fmt: skip
        points = self.models["points"]
        points.selected.js_on_change("indices", lasso)
        clear = CustomJS(args={"points": points}, code="points.selected.indices = []")
        self.models["clear"].js_on_event(ButtonClick, clear)

    def _connect_clicks(self) -> None:
        jump = self.script("jump", "points", "request", "map", "stills", "clip", "ethogram")
        for name in ("map", "ethogram", "stills_figure"):
            self.models[name].js_on_event(Tap, jump)
        for name in ("selection", "matches"):
            self.play_rows_of(self.models[name])
        tables = [self.models[name] for name in ("selection", "matches")]
        self.models["tabs"].js_on_change("active", self.script("tabs", "rings", tables=tables))

    def play_rows_of(self, source: ColumnDataSource) -> None:
        """Let a click on a row of a table play the moment in it."""
        source.selected.js_on_change("indices", self.script("table_row", "request", "points", rows=source))

    def add_tab(self, title: str, *children: Any) -> None:
        """Add a tab beside the player."""
        body = Column(*children, sizing_mode="stretch_both", styles={"overflow-y": "auto", "padding-top": "8px"})
        self.models["tabs"].tabs = [*self.models["tabs"].tabs, TabPanel(title=title, child=body)]

    def add_to(self, document: Document, remark: str = "") -> None:
        """Put the page into an empty document, of a server or a file.

        Args:
            document: an empty document.
            remark: HTML at the end of the page's first line.
        """
        models = self.models
        menus = Row(models["colour_by"], models["show_only"], sizing_mode="stretch_width")
        controls = Row(models["play"], models["trail"], models["speed"], sizing_mode="stretch_width")
        left = Column(
            menus, models["map"], models["legend"],
            sizing_mode="stretch_both", stylesheets=[_panel("1.25 1 450px", "560px")],
        )  # fmt: skip
        middle = Column(
            models["caption"], models["player"], models["playhead"], controls,
            sizing_mode="stretch_both", stylesheets=[_panel("0.75 1 300px", "460px")],
        )  # fmt: skip
        stacked = (
            f":host {{ gap: 14px; }} {_NARROW} {{ :host {{ flex-direction: column; height: auto; flex: none; }} }}"
        )
        full = f":host {{ height: max(740px, 100vh - 22px); }} {_NARROW} {{ :host {{ height: auto; }} }}"
        panels = Row(
            left, middle, models["tabs"], sizing_mode="stretch_both", stylesheets=[InlineStyleSheet(css=stacked)]
        )
        title = widgets.text(self._heading(remark), styles={"margin": "0 0 4px 5px"})
        root = Column(
            title, panels, models["ethogram_title"], models["ethogram"],
            sizing_mode="stretch_both", stylesheets=[InlineStyleSheet(css=full)],
        )  # fmt: skip
        document.add_root(root)
        document.title = f"{self.scene.atlas.folder.resolve().name}, explorer"
        document.template = template()
        document.js_on_event(DocumentReady, *self.opening)

    def _heading(self, remark: str) -> str:
        shown, total = len(self.sample), self.sample.total
        parts = [count_of(len(self.scene.atlas.ids), "video")]
        parts.append(
            f"{shown:,} of {total:,} frames shown, drawn at random" if shown < total else f"all {total:,} frames shown"
        )
        if len(self.sample.pairs) > 1:
            parts[-1] += ", each once for every pair of agent and target"
        if self.scene.clustered is None:
            parts.append("a quick map by principal components; <code>ssl-behavior cluster</code> makes a better one")
        name = escape(self.scene.atlas.folder.resolve().name)
        return f"<h1>{name} <span class='quiet'>{'; '.join(parts)}{remark}</span></h1>"


def _panel(flex: str, height_when_narrow: str) -> InlineStyleSheet:
    """Return the style of a part that shares a row with others, but fills a row itself on a narrow screen."""
    narrow = f"flex: none; width: 100%; height: {height_when_narrow};"
    return InlineStyleSheet(css=f":host {{ flex: {flex}; }} {_NARROW} {{ :host {{ {narrow} }} }}")


def _middle(landmarks: tuple[str, ...]) -> int:
    """Return the landmark whose trail is drawn: the first of those in the middle of the body."""
    return next((landmarks.index(name) for name in ("centre", "neck", "tail base", "head") if name in landmarks), 0)


def template() -> jinja2.Template:
    """Return the page's frame, around Bokeh's own, which escapes its fields."""
    return jinja2.Template((widgets.WEB / "page.html").read_text(encoding="utf-8"))
