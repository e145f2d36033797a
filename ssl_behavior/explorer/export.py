"""The explorer as one HTML file that needs neither a server nor the network."""

from __future__ import annotations

import faiss
import numpy as np
from bokeh.document import Document
from bokeh.embed import file_html
from bokeh.models import ColumnDataSource
from bokeh.resources import INLINE

from ssl_behavior.atlas.clusters import directions
from ssl_behavior.explorer import widgets
from ssl_behavior.explorer.map_sample import MapSample, draw_sample
from ssl_behavior.explorer.page import Page, template
from ssl_behavior.explorer.scene import BOUT_COLUMNS, Scene

CLIP_S = 3.0
MAX_CLIP_BYTES = 18_000_000
"""Bytes of clips, which are compressed to about half in a mail."""
_MATCHES = 12
_CANDIDATES = 200
_APART_S = 3.0
_RUN = "<code>ssl-behavior explore --atlas …</code>"


def export_page(scene: Scene, count: int, max_clip_bytes: int = MAX_CLIP_BYTES) -> tuple[str, MapSample]:
    """Return the page as HTML, and the points on it, each with its clip.

    Args:
        scene: scene to show.
        count: points, at most.
        max_clip_bytes: bytes of clips; points beyond them are left out.
    """
    maker = scene.atlas.meta
    length = round(CLIP_S * maker.frame_rate)
    animals = max(len(set(piece.pair)) for piece in scene.atlas.pair_rows)
    fitting = max(1, max_clip_bytes // (length * animals * len(maker.landmarks) * 4))
    sample = draw_sample(scene, min(count, fitting), length)
    page = Page(scene, sample)
    _add_bouts(page)
    _add_clips(page)
    _add_matches(page)
    clusters = f"<p class='quiet'>To name clusters, run {_RUN}: this page is a copy to look at.</p>"
    page.add_tab("Clusters", widgets.text(clusters + (widgets.cluster_list(scene) if scene.clustered else "")))
    marks = f"<p>Clips are marked where the explorer runs: {_RUN}. This page is a copy to look at.</p>"
    page.add_tab("Marks", widgets.text(marks))
    document = Document()
    page.add_to(document, "; a copy with three seconds around each")
    return file_html(document, INLINE, template=template(), title=document.title), sample


def _add_bouts(page: Page) -> None:
    scene = page.scene
    tables = [scene.bouts(video, list(video.embeddings)) for video in scene.atlas.videos()]
    page.models["bouts"].data = {name: np.concatenate([table[name] for table in tables]) for name in BOUT_COLUMNS}


def _add_clips(page: Page) -> None:
    sample, request = page.sample, page.models["request"]
    request.data = {name: [value] for name, value in sample.first_moment().items()} | {"count": [0]}
    play = page.script(
        "offline_clip", "request", "points", "point_clips", "frame_in_clip", "videos", "clip",
        shape=list(sample.clips.shape[1:4]), rate=page.scene.atlas.meta.frame_rate, ids=list(sample.videos),
        individuals=[name.split(" > ") for name in sample.pairs],
    )  # fmt: skip
    request.js_on_change("data", play)
    page.opening.append(play)


def _add_matches(page: Page) -> None:
    similarity, nearest = similar_points(page.scene, page.sample)
    show = page.script(
        "offline_matches", "clip", "points", "matches", "search_message", "matches_table", "colourings",
        nearest=ColumnDataSource({"point": nearest.ravel(), "similarity": similarity.ravel()}),
        per_point=nearest.shape[1], ids=list(page.sample.videos), pairs=list(page.sample.pairs),
    )  # fmt: skip
    matches = page.models["matches"]
    matches.data = {"point": [], **matches.data}
    page.models["clip"].js_on_change("data", show)
    hint = widgets.text(f"<p class='quiet'>To search all frames of the atlas, run {_RUN}.</p>")
    page.add_tab("More like this", page.models["search_message"], page.models["matches_table"], hint)


def similar_points(scene: Scene, sample: MapSample) -> tuple[np.ndarray, np.ndarray]:
    """Find the points of other moments that are most similar to each point.

    Returns:
        (point, 12) int16 cosines in ten-thousandths, falling, and int32 points, -1 after the last.
    """
    values = directions(sample.embeddings, scene.centre)
    index = faiss.IndexFlatIP(values.shape[1])
    index.add(values)
    cosine, nearest = index.search(values, min(_CANDIDATES, len(sample)))
    video, seconds = sample.columns["video"], sample.columns["seconds"]
    points = np.full((len(sample), _MATCHES), -1, np.int32)
    similarity = np.zeros((len(sample), _MATCHES), np.int16)
    for i in range(len(sample)):
        similar = [i]
        for candidate, value in zip(nearest[i], cosine[i], strict=True):
            is_same_video = video[candidate] == video[similar]
            if not (is_same_video & (np.abs(seconds[candidate] - seconds[similar]) < _APART_S)).any():
                points[i, len(similar) - 1], similarity[i, len(similar) - 1] = candidate, round(10_000 * float(value))
                similar.append(int(candidate))
            if len(similar) > _MATCHES:
                break
    return similarity, points
