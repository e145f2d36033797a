"""The parts of the page: map, player, ethogram and tables, without what they do."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bokeh.models import (
    AdaptiveTicker,
    ColumnDataSource,
    CustomJSHover,
    CustomJSTickFormatter,
    DataTable,
    Div,
    GlyphRenderer,
    HoverTool,
    HTMLTemplateFormatter,
    InlineStyleSheet,
    LassoSelectTool,
    LinearColorMapper,
    NumberFormatter,
    PanTool,
    PlainText,
    Range1d,
    ResetTool,
    StringFormatter,
    TableColumn,
    WheelZoomTool,
    ZoomInTool,
    ZoomOutTool,
)
from bokeh.plotting import figure

from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.explorer.colours import REST
from ssl_behavior.explorer.models import Sources
from ssl_behavior.explorer.scene import CLUSTER, Scene

if TYPE_CHECKING:
    from ssl_behavior.explorer.parts import Drawn

WEB = Path(__file__).parent / "web"
STYLE = (WEB / "style.css").read_text(encoding="utf-8")
BOUTS = ("left", "right", "top", "bottom", "row", "name", "colour", "hatch", "what", "from", "until")
"""Columns of the bouts that are drawn."""
_QUIET = {"outline_line_color": None, "toolbar_location": None, "min_border": 0}
_CLOCK = "const s = Math.max(0, {0}); return `${{Math.floor(s / 60)}}:${{(s % 60).toFixed(1).padStart(4, '0')}}`;"


def words(text: str = "", **settings: Any) -> Div:
    """A piece of HTML in the page's style; what a user named must be escaped in it."""
    settings.setdefault("sizing_mode", "stretch_width")
    # A name with dollars in it is no formula, for which the browser would ask the network.
    return Div(text=text, disable_math=True, stylesheets=[InlineStyleSheet(css=STYLE)], **settings)


def colour_mapper() -> LinearColorMapper:
    """Codes or numbers to colours; the page says which."""
    return LinearColorMapper(palette=["#000000"], low=0, high=1, nan_color=REST)


def map_figure(sources: Sources, numbers: ColumnDataSource, mapper: LinearColorMapper, drawn: Drawn) -> figure:
    """The map: a point per frame drawn with WebGL, above them the clusters' numbers, what plays and what was found."""
    points = sources.points
    plot = figure(
        name="map",
        tools=[],
        match_aspect=True,
        output_backend="webgl",
        sizing_mode="stretch_both",
        outline_line_color=None,
        min_border=0,
        toolbar_location="right",
    )
    plot.axis.visible = plot.grid.visible = False
    colour = {"field": "value", "transform": mapper}
    size = 5 if len(points.data["x"]) < 8_000 else 4
    dots = plot.scatter(
        "x", "y", source=points, size=size, line_color=None, fill_color=colour, nonselection_fill_alpha=0.12,
        fill_alpha=0.75, selection_fill_alpha=0.95, name="dots",
    )  # fmt: skip
    plot.text(
        "x", "y", "text", source=numbers, text_align="center", text_baseline="middle", text_font_size="12px",
        text_font_style="bold", text_color="#1d1d1f", background_fill_color="#FFFFFF", background_fill_alpha=0.85,
        border_line_color="colour", border_line_width=1.5, padding=3, border_radius=4, name="numbers",
    )  # fmt: skip
    # What moves lies on the overlay, so that the points are not painted anew with it.
    over: dict[str, Any] = {"level": "overlay", "line_color": "#111"}
    plot.line("x", "y", source=drawn.wake, line_width=2, line_alpha=0.7, **over)
    plot.scatter("x", "y", source=drawn.here, size=13, fill_color="white", line_width=3, **over)
    plot.x_range.renderers = plot.y_range.renderers = [dots]
    plot.scatter(
        "x", "y", source=sources.found, name="rings", visible=False, size=13, fill_color=None, line_width=2, **over
    )
    _add_map_tools(plot, dots)
    return plot


def _add_map_tools(plot: figure, dots: GlyphRenderer) -> None:
    hover = HoverTool(renderers=[dots], point_policy="snap_to_data", visible=False, limit=1)
    hover.tooltips = "video @video_name, @seconds{custom}, @pair_name"
    hover.formatters = {"@seconds": CustomJSHover(code=_CLOCK.format("value"))}
    lasso = LassoSelectTool(renderers=[dots], continuous=False, description="Lasso: draw around points")
    wheel = WheelZoomTool(description="Zoom by scrolling")
    tools = [lasso, PanTool(description="Move the map"), wheel, ZoomInTool(), ZoomOutTool(), ResetTool(), hover]
    plot.add_tools(*tools)
    plot.toolbar.active_drag, plot.toolbar.active_scroll, plot.toolbar.logo = lasso, wheel, None


def stage_figure(drawn: Drawn) -> figure:
    """Where skeletons are played; its ranges are the camera."""
    plot = figure(
        name="stage", tools=[], x_range=Range1d(-1.5, 1.5), y_range=Range1d(1.5, -1.5), background_fill_color="#FAFAFA",
        sizing_mode="stretch_both", **_QUIET,
    )  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    plot.multi_line("xs", "ys", source=drawn.scale, line_color="#555", line_width=2)
    plot.text("x", "y", "text", source=drawn.scale, text_color="#555", text_font_size="12px", text_baseline="bottom")
    line = {"line_color": "colour", "line_alpha": "alpha", "line_width": "width"}
    plot.multi_line("xs", "ys", source=drawn.bodies, line_cap="round", **line)
    plot.scatter("x", "y", source=drawn.joints, color="colour", alpha="alpha", size="size", line_color="white")
    return plot


def strip_figure(rows: list[str], drawn: Drawn) -> figure:
    """The ethogram: a row of bouts for each thing that is known of a video over time."""
    plot = figure(
        name="strip", tools=[], height=58 + 26 * len(rows), sizing_mode="stretch_width", x_range=Range1d(0, 1),
        y_range=Range1d(-0.6, len(rows) - 0.4), toolbar_location="right", outline_line_color=None, min_border=0,
        min_border_left=84, background_fill_color="#FAFAFA",
    )  # fmt: skip
    plot.grid.visible = False
    plot.yaxis.ticker = list(range(len(rows)))
    titles = [PlainText(text=row.removeprefix("label ")) for row in rows]
    plot.yaxis.major_label_overrides = {len(rows) - 1 - place: title for place, title in enumerate(titles)}
    plot.xaxis.ticker = AdaptiveTicker(base=60, mantissas=[1, 2, 5, 10, 20, 30], min_interval=1, desired_num_ticks=10)
    whole = _CLOCK.replace("toFixed(1).padStart(4", "toFixed(0).padStart(2")
    plot.xaxis.formatter = CustomJSTickFormatter(code=whole.format("tick"))
    plot.axis.axis_line_color = plot.axis.major_tick_line_color = plot.axis.minor_tick_line_color = None
    plot.axis.major_label_text_font_size = "12px"
    plot.axis.major_label_text_color = "#1d1d1f"
    hatch: dict[str, Any] = {"hatch_pattern": "hatch", "hatch_color": "black", "hatch_alpha": 0.5, "hatch_scale": 8}
    box = ("left", "right", "top", "bottom")
    bouts = plot.quad(*box, source=drawn.bouts, fill_color="colour", line_color=None, **hatch)
    plot.vspan("x", source=drawn.cursor, line_color="#111", line_width=2)
    hover = HoverTool(renderers=[bouts], visible=False, tooltips="@what: @name, @from – @until")
    wheel, pan = WheelZoomTool(dimensions="width"), PanTool(dimensions="width")
    plot.add_tools(pan, wheel, ResetTool(), hover)
    plot.toolbar.active_drag, plot.toolbar.active_scroll, plot.toolbar.logo = pan, wheel, None
    return plot


def listing(source: ColumnDataSource, columns: dict[str, tuple[str, int]], height: int, name: str) -> DataTable:
    """A table whose rows can be chosen.

    Args:
        source: of the rows.
        columns: of the source -> title and width; ``time`` is in seconds.
        height: px, at least; a table fills what room there is.
        name: of the model.
    """
    clock = HTMLTemplateFormatter(
        template="<%= Math.floor(value / 60) + ':' + (value % 60).toFixed(1).padStart(4, '0') %>"
    )
    formats = {
        "time": clock,
        "seconds": NumberFormatter(format="0.0"),
        "similarity": NumberFormatter(format="0.000"),
    }
    made = [
        TableColumn(field=field, title=title, width=width, formatter=formats.get(field, StringFormatter()))
        for field, (title, width) in columns.items()
    ]
    small = InlineStyleSheet(css=".slick-cell, .slick-header-column { font-size: 12.5px; padding: 2px 4px; }")
    return DataTable(
        source=source, columns=made, min_height=height, index_position=None, sizing_mode="stretch_both", name=name,
        autosize_mode="force_fit", row_height=24, reorderable=False, stylesheets=[small],
    )  # fmt: skip


def pictures_figure(drawn: Drawn) -> figure:
    """Six by two small pictures of skeletons."""
    plot = figure(
        name="stills", tools=[], x_range=Range1d(0, 6), y_range=Range1d(2, 0), height=116, visible=False,
        sizing_mode="stretch_width", background_fill_color="#FAFAFA", **_QUIET,
    )  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    plot.multi_line("xs", "ys", source=drawn.sketches, line_color="colour", line_width=2, line_cap="round")
    plot.scatter("x", "y", source=drawn.heads, color="colour", size=6)
    return plot


def cluster_list(scene: Scene) -> str:
    """The clusters with their share of the time, as HTML."""
    bouts = scene.clustered.bouts()
    seconds = bouts.groupby("cluster")["seconds"].sum()
    total = seconds.sum()
    largest = max((value for cluster, value in seconds.items() if cluster != NOISE), default=1.0)
    rows = []
    for cluster, (colour, _) in enumerate(scene.looks(CLUSTER)):
        value = seconds.get(cluster, 0.0)
        number = f"{cluster} " if cluster in scene.clustered.names else ""
        rows.append(
            f"<tr><td>{number}{escape(scene.clustered.name(cluster))}</td><td class='bar'>"
            f"<i style='width:{100 * value / largest:.1f}%;background:{colour}'></i></td>"
            f"<td>{100 * value / total:.1f} %</td></tr>"
        )
    rest = seconds.get(NOISE, 0.0) / total
    told = f"<p class='quiet'>{100 * rest:.0f} % of the time is in no cluster.</p>"
    return f"<h4>Share of the time</h4>{told}<table>{''.join(rows)}</table>"
