"""The parts of the page that something happens to, made but not yet put together."""

from __future__ import annotations

from dataclasses import dataclass, field

from bokeh.models import (
    Button,
    ColumnDataSource,
    DataTable,
    Div,
    InlineStyleSheet,
    LinearColorMapper,
    RadioButtonGroup,
    Select,
    Slider,
    Tabs,
    Toggle,
)
from bokeh.plotting import figure

from ssl_behavior.explorer import widgets
from ssl_behavior.explorer.models import Sources
from ssl_behavior.explorer.numbers import numbers
from ssl_behavior.explorer.scene import CLUSTER, Scene

_HELD = {
    "video": ("video", 46),
    "time": ("starts", 64),
    "seconds": ("s", 46),
    "pair": ("pair", 170),
    "cluster": ("cluster", 80),
}
_FOUND = {
    "video": ("video", 46),
    "time": ("time", 64),
    "pair": ("pair", 160),
    "cluster": ("cluster", 80),
    "similarity": ("cosine", 56),
}


def _menu(title: str, name: str) -> Select:
    return Select(title=title, name=name, options=[("", "everything")], value="", sizing_mode="stretch_width")


def _source(name: str, *columns: str) -> ColumnDataSource:
    return ColumnDataSource({column: [] for column in columns}, name=name)


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is drawn anew while a clip plays, or when the lasso closes; it never leaves the browser.

    Attributes:
        bodies: lines of skeletons and trails.
        joints: keypoints.
        scale: a line of one body length.
        bouts: of the ethogram.
        cursor: the moment in the ethogram.
        here: the moment on the map.
        wake: where on the map the last seconds were.
        stills: points whose pictures are shown.
        sketches: lines of these pictures.
        heads: their foremost keypoints.
    """

    bodies: ColumnDataSource = field(default_factory=lambda: _source("bodies", "xs", "ys", "colour", "alpha", "width"))
    joints: ColumnDataSource = field(default_factory=lambda: _source("joints", "x", "y", "colour", "alpha", "size"))
    scale: ColumnDataSource = field(default_factory=lambda: _source("scale", "xs", "ys", "x", "y", "text"))
    bouts: ColumnDataSource = field(default_factory=lambda: _source("bouts", *widgets.BOUTS))
    cursor: ColumnDataSource = field(default_factory=lambda: _source("cursor", "x"))
    here: ColumnDataSource = field(default_factory=lambda: _source("here", "x", "y"))
    wake: ColumnDataSource = field(default_factory=lambda: _source("wake", "x", "y"))
    stills: ColumnDataSource = field(default_factory=lambda: _source("stills", "point"))
    sketches: ColumnDataSource = field(default_factory=lambda: _source("sketches", "xs", "ys", "colour"))
    heads: ColumnDataSource = field(default_factory=lambda: _source("heads", "x", "y", "colour"))


class Parts:
    """Figures, menus, buttons and tables, under the names that they have in the page.

    Args:
        scene: what is shown.
        sources: its data.
    """

    def __init__(self, scene: Scene, sources: Sources) -> None:
        self.drawn = Drawn()
        self.mapper: LinearColorMapper = widgets.colour_mapper()
        self.map: figure = widgets.map_figure(sources, ColumnDataSource(numbers(scene)), self.mapper, self.drawn)
        self.stage: figure = widgets.stage_figure(self.drawn)
        self.strip: figure = widgets.strip_figure(scene.rows, self.drawn)
        self.pictures: figure = widgets.pictures_figure(self.drawn)
        self.by, self.only = _menu("Colour by", "by"), _menu("Show only", "only")
        self.by.options = list(zip(sources.colourings.data["column"], sources.colourings.data["title"], strict=True))
        self.by.value = CLUSTER
        self.legend: Div = widgets.words(name="legend", height=92)
        self.heading: Div = widgets.words(name="heading", styles={"margin": "2px 0 0 5px"})
        self.told: Div = widgets.words(name="told", height=80)
        self.play = Toggle(label="❚❚ Pause", active=True, name="play", width=88)
        self.trail = Toggle(label="Trail", active=True, name="trail", width=54)
        narrow = InlineStyleSheet(css=".bk-btn { padding: 6px 8px; }")  # all four fit beside the others
        self.speed = RadioButtonGroup(labels=["¼×", "½×", "1×", "2×"], active=2, name="speed", stylesheets=[narrow])
        self.head = Slider(
            start=0, end=1, value=0, step=1, show_value=False, title="", name="head", sizing_mode="stretch_width"
        )
        self.summary: Div = widgets.words(name="summary")
        self.held: DataTable = widgets.listing(sources.held, _HELD, 96, "held table")
        self.clear = Button(label="Clear the lasso", visible=False, name="clear", width=120)
        self.answer: Div = widgets.words(name="answer")
        self.alike: DataTable = widgets.listing(sources.found, _FOUND, 200, "found table")
        self.tabs = Tabs(sizing_mode="stretch_both", styles={"flex": "1 1 380px"}, name="tabs")
