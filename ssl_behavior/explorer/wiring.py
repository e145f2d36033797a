"""What happens in the browser without a server: a callback from a file of ``web`` for each thing that can change."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.events import ButtonClick, Tap
from bokeh.models import ColumnDataSource, CustomJS

from ssl_behavior.explorer import models, widgets
from ssl_behavior.explorer.colours import REST
from ssl_behavior.explorer.models import Sources
from ssl_behavior.explorer.parts import Parts
from ssl_behavior.explorer.points import Points
from ssl_behavior.explorer.scene import Scene


def javascript(file: str, **args: Any) -> CustomJS:
    """A callback from a file of ``web``, with what all of them share before it."""
    shared, own = ((widgets.WEB / one).read_text(encoding="utf-8") for one in ("shared.js", f"{file}.js"))
    return CustomJS(args=args, code=f"{shared}\n{own}")


def wire(scene: Scene, points: Points, sources: Sources, parts: Parts) -> list[CustomJS]:
    """Let the parts do what they are for.

    Returns:
        what is to be done when the page opens, in order.
    """
    opening = [_colour(sources, parts), *_play(scene, sources, parts), _lasso(scene, points, sources, parts)]
    jump = javascript(
        "jump",
        points=sources.points,
        asked=sources.asked,
        map=parts.map,
        stills=parts.drawn.stills,
        clip=sources.clip,
        strip=parts.strip,
    )
    for plot in (parts.map, parts.strip, parts.pictures):
        plot.js_on_event(Tap, jump)
    for source in (sources.held, sources.found):
        play_row(sources, source)
    rings = parts.map.select_one({"name": "rings"})
    look = javascript("tabs", rings=rings, tables=[sources.held, sources.found])
    parts.tabs.js_on_change("active", look)
    return opening


def play_row(sources: Sources, listed: ColumnDataSource) -> None:
    """Let a click on a row of a table play what it tells of."""
    row = javascript("row", listed=listed, asked=sources.asked, points=sources.points)
    listed.selected.js_on_change("indices", row)


def _colour(sources: Sources, parts: Parts) -> CustomJS:
    colour = javascript(
        "colour",
        points=sources.points,
        colourings=sources.colourings,
        by=parts.by,
        only=parts.only,
        mapper=parts.mapper,
        legend=parts.legend,
        numbers=parts.map.select_one({"name": "numbers"}),
        grey=REST,
    )
    parts.by.js_on_change("value", colour)
    parts.only.js_on_change("value", colour)
    sources.colourings.js_on_change("data", colour)
    return colour


def _play(scene: Scene, sources: Sources, parts: Parts) -> list[CustomJS]:
    drawn = parts.drawn
    player = javascript(
        "player",
        clip=sources.clip,
        bouts=drawn.bouts,
        bodies=drawn.bodies,
        joints=drawn.joints,
        cursor=drawn.cursor,
        scale=drawn.scale,
        here=drawn.here,
        wake=drawn.wake,
        stage=parts.stage,
        told=parts.told,
        head=parts.head,
        play=parts.play,
        trail=parts.trail,
        speed=parts.speed,
        edges=models.joined(scene),
        middle=models.middle(scene),
    )
    first = np.cumsum([0, *(len(scene.names(row)) for row in scene.rows)])[:-1]
    ethogram = javascript(
        "strip",
        clip=sources.clip,
        strips=sources.strips,
        kinds=sources.kinds,
        bouts=drawn.bouts,
        strip=parts.strip,
        heading=parts.heading,
        rows=[row.removeprefix("label ") for row in scene.rows],
        offsets=first.tolist(),
    )
    sources.clip.js_on_change("data", ethogram, player)
    for source in (sources.kinds, sources.strips):
        source.js_on_change("data", ethogram)
    parts.head.js_on_change("value", player)
    for part in (parts.play, parts.trail, parts.speed):
        part.js_on_change("active", player)
    return [ethogram, player]


def _lasso(scene: Scene, points: Points, sources: Sources, parts: Parts) -> CustomJS:
    drawn = parts.drawn
    lasso = javascript(
        "lasso",
        points=sources.points,
        colourings=sources.colourings,
        clips=sources.clips,
        at=sources.at,
        held=sources.held,
        stills=drawn.stills,
        sketches=drawn.sketches,
        heads=drawn.heads,
        pictures=parts.pictures,
        clear=parts.clear,
        summary=parts.summary,
        table=parts.held,
        videos=list(points.videos),
        pairs=list(points.pairs),
        grey=REST,
        edges=models.joined(scene),
        judgements=scene.rows[1:],
        shape=list(points.clips.shape[1:4]),
    )
    sources.points.selected.js_on_change("indices", lasso)
    parts.clear.js_on_event(ButtonClick, CustomJS(args={"points": sources.points}, code="points.selected.indices = []"))
    return lasso
