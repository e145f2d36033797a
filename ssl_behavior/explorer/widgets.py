"""The figures and widgets of the page: map, player, ethogram, tables and texts. ``page`` adds their behaviour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from bokeh.models import (
    AdaptiveTicker,
    CDSView,
    ColumnDataSource,
    CustomJSHover,
    CustomJSTickFormatter,
    DataTable,
    Div,
    GlyphRenderer,
    GroupFilter,
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
from ssl_behavior.explorer.map_sample import MapSample
from ssl_behavior.explorer.scene import CLUSTER, LABEL, Scene

WEB = Path(__file__).parent / "web"
STYLE = (WEB / "style.css").read_text(encoding="utf-8")
_QUIET = {"outline_line_color": None, "toolbar_location": None, "min_border": 0}
_CLOCK = "const s = Math.max(0, {0}); return `${{Math.floor(s / 60)}}:${{(s % 60).toFixed(1).padStart(4, '0')}}`;"
_WEBGL_ABOVE = 50_000
"""Number of points above which WebGL is faster even if emulated; below, it takes longer to start than it saves."""

_CHARACTER_WIDTH, _WIDEST_COLUMN = 6.6, 300

Sources = Mapping[str, ColumnDataSource]


def text(html: str = "", **settings: Any) -> Div:
    """Make a piece of HTML in the page's style. The caller must escape names that a user gave."""
    settings.setdefault("sizing_mode", "stretch_width")
    # Bokeh would take dollars in a name for a formula, and ask the network for the fonts.
    return Div(text=html, disable_math=True, stylesheets=[InlineStyleSheet(css=STYLE)], **settings)


def map_figure(sources: Sources, sample: MapSample, mapper: LinearColorMapper) -> figure:
    """Draw the map: a point per frame, and above them the clusters' numbers, the moment that plays and matches."""
    plot = figure(
        name="map", tools=[], match_aspect=True, output_backend="canvas" if len(sample) <= _WEBGL_ABOVE else "webgl",
        sizing_mode="stretch_both", outline_line_color=None, min_border=0, toolbar_location="right",
    )  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    dots = plot.scatter(
        "x", "y", source=sources["points"], size=5 if len(sample) < 8_000 else 4, line_color=None, name="dots",
        fill_color={"field": "value", "transform": mapper}, nonselection_fill_alpha=0.12, fill_alpha=0.75,
        selection_fill_alpha=0.95,
    )  # fmt: skip
    plot.text(
        "x", "y", "text", source=sources["cluster_numbers"], text_align="center", text_baseline="middle",
        text_font_size="12px", text_font_style="bold", text_color="#1d1d1f", background_fill_color="#FFFFFF",
        background_fill_alpha=0.85, border_line_color="colour", border_line_width=1.5, padding=3, border_radius=4,
        name="numbers",
    )  # fmt: skip
    # Moving markers lie on the overlay, so that the browser need not repaint the points at each step.
    overlay: dict[str, Any] = {"level": "overlay", "line_color": "#111"}
    plot.line("x", "y", source=sources["map_path"], line_width=2, line_alpha=0.7, **overlay)
    plot.scatter("x", "y", source=sources["map_position"], size=13, fill_color="white", line_width=3, **overlay)
    rings: dict[str, Any] = {"size": 13, "fill_color": None, "line_width": 2, "visible": False}
    plot.scatter("x", "y", source=sources["matches"], name="rings", **rings, **overlay)
    plot.x_range.renderers = plot.y_range.renderers = [dots]
    _add_map_tools(plot, dots, sample)
    return plot


def _add_map_tools(plot: figure, dots: GlyphRenderer, sample: MapSample) -> None:
    hover = HoverTool(renderers=[dots], point_policy="snap_to_data", visible=False, limit=1)
    hover.tooltips = "video @video{custom}, @seconds{custom}, @pair{custom}"
    hover.formatters = {"@seconds": CustomJSHover(code=_CLOCK.format("value"))}
    for column, names in (("@video", sample.videos), ("@pair", sample.pairs)):
        hover.formatters[column] = CustomJSHover(args={"names": list(names)}, code="return names[value];")
    lasso = LassoSelectTool(renderers=[dots], continuous=False, description="Lasso: draw around points")
    wheel = WheelZoomTool(description="Zoom by scrolling")
    tools = [lasso, PanTool(description="Move the map"), wheel, ZoomInTool(), ZoomOutTool(), ResetTool(), hover]
    plot.add_tools(*tools)
    plot.toolbar.active_drag, plot.toolbar.active_scroll, plot.toolbar.logo = lasso, wheel, None


def player_figure(sources: Sources) -> figure:
    """Make the figure in which skeletons move; its ranges are the camera."""
    plot = figure(
        name="player", tools=[], x_range=Range1d(-1.5, 1.5), y_range=Range1d(1.5, -1.5),
        background_fill_color="#FAFAFA", sizing_mode="stretch_both", **_QUIET,
    )  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    bar = sources["scale_bar"]
    plot.multi_line("xs", "ys", source=bar, line_color="#555", line_width=2)
    plot.text("x", "y", "text", source=bar, text_color="#555", text_font_size="12px", text_baseline="bottom")
    line = {"line_color": "colour", "line_alpha": "alpha", "line_width": "width"}
    plot.multi_line("xs", "ys", source=sources["skeletons"], line_cap="round", **line)
    plot.scatter("x", "y", source=sources["keypoints"], color="colour", alpha="alpha", size="size", line_color="white")
    return plot


def ethogram_figure(scene: Scene, sources: Sources) -> figure:
    """Draw the ethogram: a row of bouts for the clusters, for each channel of labels, and for predictions."""
    rows = scene.rows
    plot = figure(
        name="ethogram", tools=[], height=58 + 26 * len(rows), sizing_mode="stretch_width", x_range=Range1d(0, 1),
        y_range=Range1d(-0.6, len(rows) - 0.4), toolbar_location="right", outline_line_color=None, min_border=0,
        min_border_left=84,
    )  # fmt: skip
    plot.grid.visible = False
    places = list(range(len(rows)))[::-1]
    plot.yaxis.ticker = places[::-1]
    names = [PlainText(text=row.removeprefix(LABEL)) for row in rows]
    plot.yaxis.major_label_overrides = dict(zip(places, names, strict=True))
    plot.xaxis.ticker = AdaptiveTicker(base=60, mantissas=[1, 2, 5, 10, 20, 30], min_interval=1, desired_num_ticks=8)
    whole_seconds = _CLOCK.replace("toFixed(1).padStart(4", "toFixed(0).padStart(2")
    plot.xaxis.formatter = CustomJSTickFormatter(code=whole_seconds.format("tick"))
    plot.axis.axis_line_color = plot.axis.major_tick_line_color = plot.axis.minor_tick_line_color = None
    plot.axis.major_label_text_font_size = "12px"
    plot.axis.major_label_text_color = "#1d1d1f"
    plot.hstrip(y0=[place - 0.4 for place in places], y1=[place + 0.4 for place in places], color="#EDEDED")
    bouts = _draw_bouts(plot, scene, sources["drawn_bouts"])
    plot.segment(
        "x", -0.5, "x", len(rows) - 0.5, source=sources["cursor"], line_color="#111", line_width=2, level="overlay"
    )
    lines: dict[str, Any] = {"source": sources["exchange_lines"], "line_color": "colour", "level": "overlay"}
    plot.segment("x", -0.5, "x", len(rows) - 0.5, line_dash="dotted", line_width=2, **lines)
    plot.scatter("x", len(rows) - 0.5, marker="inverted_triangle", size=9, fill_color="colour", **lines)
    hover = HoverTool(renderers=[bouts], visible=False, tooltips="@row_name: @name, @from – @until")
    wheel, pan = WheelZoomTool(dimensions="width"), PanTool(dimensions="width")
    plot.add_tools(pan, wheel, ResetTool(), hover)
    plot.toolbar.active_drag, plot.toolbar.active_scroll, plot.toolbar.logo = pan, wheel, None
    return plot


def _draw_bouts(plot: figure, scene: Scene, source: ColumnDataSource) -> GlyphRenderer:
    """Draw coloured boxes, and a glyph per hatch: with hatches in one glyph, Bokeh makes a new pattern for each box."""
    box: Any = ("left", "right", "top", "bottom")
    bouts = plot.quad(*box, source=source, fill_color="colour", line_color=None)
    for hatch in sorted({style.hatch for style in scene.bout_styles()} - {" "}):
        view = CDSView(filter=GroupFilter(column_name="hatch", group=hatch))
        look: dict[str, Any] = {"hatch_color": "black", "hatch_alpha": 0.5, "hatch_scale": 8}
        plot.quad(*box, source=source, view=view, fill_color=None, line_color=None, hatch_pattern=hatch, **look)
    return bouts


def stills_figure(sources: Sources) -> figure:
    """Make the figure of six by two small pictures of skeletons."""
    plot = figure(
        name="stills_figure", tools=[], x_range=Range1d(0, 6), y_range=Range1d(2, 0), height=116, visible=False,
        sizing_mode="stretch_width", background_fill_color="#FAFAFA", **_QUIET,
    )  # fmt: skip
    plot.axis.visible = plot.grid.visible = False
    plot.multi_line("xs", "ys", source=sources["still_lines"], line_color="colour", line_width=2, line_cap="round")
    plot.scatter("x", "y", source=sources["still_noses"], color="colour", size=6)
    return plot


def table(name: str, source: ColumnDataSource, columns: Mapping[str, tuple[str, int]], height: int) -> DataTable:
    """Make a table whose rows can be chosen. It scrolls if it is wider than its place, so that no column is cut.

    Args:
        name: name of the model.
        source: source of the rows.
        columns: column of the source -> title, and width in px; ``time`` is in seconds.
        height: px, at least; a table fills the space that is left.
    """
    clock = "<%= Math.floor(value / 60) + ':' + (value % 60).toFixed(1).padStart(4, '0') %>"
    formats: dict[str, Any] = {
        "time": HTMLTemplateFormatter(template=clock),
        "seconds": NumberFormatter(format="0.0"),
        "similarity": NumberFormatter(format="0.000"),
    }
    shown = [
        TableColumn(field=field, title=title, width=width, formatter=formats.get(field, StringFormatter()))
        for field, (title, width) in columns.items()
    ]
    # The stripes of the rows reach across the table where its columns do not.
    style = (
        ".slick-cell, .slick-header-column { font-size: 12.5px; padding: 2px 3px; } .grid-canvas { min-width: 100%; }"
    )
    return DataTable(
        source=source, columns=shown, min_height=height, index_position=None, sizing_mode="stretch_both", name=name,
        autosize_mode="none", row_height=24, reorderable=False, stylesheets=[InlineStyleSheet(css=style)],
    )  # fmt: skip


def column_width(title: str, texts: Iterable[str]) -> int:
    """Return the width in px of a table's column that holds any of some texts."""
    longest = max(map(len, (title, *texts)))
    return min(_WIDEST_COLUMN, round(_CHARACTER_WIDTH * longest) + 10)


def cluster_list(scene: Scene) -> str:
    """Return the clusters with their share of the time, as HTML."""
    seconds = scene.cluster_seconds
    total = sum(seconds.values())
    largest = max((value for cluster, value in seconds.items() if cluster != NOISE), default=1.0)
    rows = []
    for cluster, ((colour, _), name) in enumerate(zip(scene.looks(CLUSTER), scene.names(CLUSTER), strict=True)):
        value = seconds.get(cluster, 0.0)
        number = "" if name == f"cluster {cluster}" else f"{cluster} "
        rows.append(
            f"<tr><td>{number}{escape(name)}</td><td class='bar'>"
            f"<i style='width:{100 * value / largest:.1f}%;background:{colour}'></i></td>"
            f"<td>{100 * value / total:.1f} %</td></tr>"
        )
    noise = f"<p class='quiet'>{seconds.get(NOISE, 0.0) / total:.0%} of the time is in no cluster.</p>"
    return f"<h4>Share of the time</h4>{noise}<table>{''.join(rows)}</table>"
