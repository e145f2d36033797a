"""The explorer as one HTML file that needs neither a server nor the network."""

from __future__ import annotations

import faiss
import numpy as np
from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.models import Column, ColumnDataSource
from bokeh.resources import INLINE

from ssl_behavior.atlas.clusters import directions
from ssl_behavior.explorer import models, widgets
from ssl_behavior.explorer.page import Page, template
from ssl_behavior.explorer.points import Points, draw
from ssl_behavior.explorer.scene import Scene
from ssl_behavior.explorer.strips import strips
from ssl_behavior.explorer.wiring import javascript

CLIP_S = 3.0
LARGEST = 18_000_000
"""Bytes of clips, which come to half of that in the page, so that it can be sent by mail."""
_ALIKE = 12
_LOOKED_AT = 200
_APART_S = 3.0
_RUN = "python -m ssl_behavior.explore --atlas"


def exported(scene: Scene, count: int, largest: int = LARGEST) -> tuple[str, Points]:
    """The page as HTML, and the points on it, each of which brings its clip along.

    Args:
        scene: to show.
        count: of points, at most.
        largest: bytes of clips; what count is more is left out.
    """
    maker = scene.atlas.made_by
    length = round(CLIP_S * maker.frame_rate)
    animals = max(len(set(piece.pair)) for piece in scene.atlas.pieces)
    fitting = max(1, largest // (length * animals * len(maker.landmarks) * 4))
    points = draw(scene, min(count, fitting), length)
    page = Page(scene, points)
    _with_strips(page)
    _play_offline(page)
    _alike_offline(page)
    page.add_tab("Clusters", _named(page))
    page.add_tab("Marks", _no_marks())
    document = Document()
    page.add_to(document, "; a copy with three seconds around each")
    return file_html(document, INLINE, template=template(), title=document.title), points


def _with_strips(page: Page) -> None:
    parts = [strips(page.scene, video) for video in page.scene.atlas.videos()]
    page.sources.strips.data = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _play_offline(page: Page) -> None:
    sources, points = page.sources, page.points
    begin = points.telling()
    moment = {name: [int(points.columns[name][begin])] for name in ("video", "agent", "target", "frame")}
    sources.asked.data = moment | {"count": [0]}
    offline = javascript(
        "offline", asked=sources.asked, points=sources.points, clips=sources.clips, at=sources.at, about=sources.about,
        clip=sources.clip, shape=list(points.clips.shape[1:4]), rate=page.scene.atlas.made_by.frame_rate,
        videos=list(points.videos), sides=[name.split(" > ") for name in points.pairs],
    )  # fmt: skip
    sources.asked.js_on_change("data", offline)
    page.opening.append(offline)


def _alike_offline(page: Page) -> None:
    similarity, nearest = alike(page.scene, page.points)
    rows = ColumnDataSource({"point": nearest.ravel(), "similarity": similarity.ravel()})
    more = javascript(
        "alike", clip=page.sources.clip, points=page.sources.points, alike=rows, each=nearest.shape[1],
        found=page.sources.found, answer=page.parts.answer, table=page.parts.alike, colourings=page.sources.colourings,
        videos=list(page.points.videos), pairs=list(page.points.pairs),
    )  # fmt: skip
    page.sources.found.data = {name: [] for name in ("point", *models.FOUND)}
    page.sources.clip.js_on_change("data", more)
    hint = widgets.words(f"<p class='quiet'>Over all frames of the atlas: <code>{_RUN} …</code></p>")
    page.add_tab("More like this", page.parts.answer, page.parts.alike, hint)


def alike(scene: Scene, points: Points) -> tuple[np.ndarray, np.ndarray]:
    """Of each point, the points most like it that are not of the same moments.

    Returns:
        (point, 12) int16 cosines in ten-thousandths, falling, and int32 points, -1 where there are no more.
    """
    values = directions(points.embeddings, scene.clustered.clusters.centre)
    index = faiss.IndexFlatIP(values.shape[1])
    index.add(values)
    cosine, nearest = index.search(values, min(_LOOKED_AT, len(points)))
    video, seconds = points.columns["video"], points.columns["seconds"]
    found = np.full((len(points), _ALIKE), -1, np.int32)
    how = np.zeros((len(points), _ALIKE), np.int16)
    for i in range(len(points)):
        taken = [i]
        for other, value in zip(nearest[i], cosine[i], strict=True):
            is_same = video[other] == video[taken]
            if not (is_same & (np.abs(seconds[other] - seconds[taken]) < _APART_S)).any():
                found[i, len(taken) - 1], how[i, len(taken) - 1] = other, round(10_000 * float(value))
                taken.append(int(other))
            if len(taken) > _ALIKE:
                break
    return how, found


def _named(page: Page) -> Column:
    text = f"<p class='quiet'>To name clusters, run <code>{_RUN} …</code>: this page is a copy to look at.</p>"
    return Column(widgets.words(text + widgets.cluster_list(page.scene)), sizing_mode="stretch_width")


def _no_marks() -> Column:
    text = f"<p>Clips are marked where the explorer runs: <code>{_RUN} …</code>. This page is a copy to look at.</p>"
    return Column(widgets.words(text), sizing_mode="stretch_width")
