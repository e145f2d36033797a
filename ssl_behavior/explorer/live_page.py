"""The page that the server shows to a visitor: poses of any moment, search, names of clusters, and marks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler
from bokeh.document import Document
from bokeh.events import ButtonClick
from bokeh.models import Button, CustomJS, Row, Select, TextInput

from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.atlas.index import EmbeddingIndex, load
from ssl_behavior.atlas.similarity import Hit, as_clock, find_similar
from ssl_behavior.atlas.video import pair_name
from ssl_behavior.errors import InputError
from ssl_behavior.explorer import page_data, widgets
from ssl_behavior.explorer.exchange_review import ExchangeReview
from ssl_behavior.explorer.exchanges_tab import ExchangesTab
from ssl_behavior.explorer.map_sample import MapSample, colourings, draw_sample
from ssl_behavior.explorer.marks_tab import MarksTab
from ssl_behavior.explorer.page import Page
from ssl_behavior.explorer.scene import CLUSTER, Scene
from ssl_behavior.tracking.exchange_table import read_rows

_LONGEST_EXAMPLE_S = 4.0
_SHORTEST_EXAMPLE_S = 0.5
_TOP = 20


def application(scene: Scene, count: int, exchanges: Path | None = None) -> Application:
    """Make the explorer of a scene. All visitors see the same points, and each has a separate page.

    Args:
        scene: content.
        count: number of points on the map.
        exchanges: table of exchanges to review, if any.

    Raises:
        InputError: there is no such table.
    """
    if exchanges is not None:
        read_rows(exchanges)
    sample, index = draw_sample(scene, count), lazy_index(scene)

    def visit(document: Document) -> None:
        LivePage(scene, sample, index, exchanges).add_to(document)

    return Application(FunctionHandler(visit))


class LivePage:
    """The page of one visitor.

    Args:
        scene: content, shared by all visitors.
        sample: points on the map, shared by all visitors.
        index: function that returns the index of the atlas, as ``lazy_index`` does.
        exchanges: table of exchanges to review, if any.
    """

    def __init__(
        self,
        scene: Scene,
        sample: MapSample,
        index: Callable[[], EmbeddingIndex],
        exchanges: Path | None = None,
    ) -> None:
        self.scene, self.sample, self.index = scene, sample, index
        self.page = Page(scene, sample)
        self.models = self.page.models
        self.example = (0, 1)  # frames of the bout that plays
        self.moment: tuple[int, tuple[int, int]] | None = None
        self._add_search()
        self.names = NamesTab(self.page) if scene.clustered else None
        if self.names is None:
            self.page.add_tab("Clusters", widgets.text(_without_clusters(scene)))
        self.marks = MarksTab(self.page)
        self.exchanges = ExchangesTab(self.page, ExchangeReview(exchanges)) if exchanges else None
        request = self.models["request"]
        request.on_change("data", lambda _attr, _old, _new: self.play())
        request.data = {name: [value] for name, value in sample.first_moment().items()} | {"count": [0]}

    def add_to(self, document: Document) -> None:
        """Put the page into a visitor's document."""
        self.page.add_to(document)

    def play(self) -> None:
        """Send the requested clip, with the bouts of its pair."""
        try:
            video_index, agent, target, frame = (int(self.models["request"].data[name][0]) for name in page_data.MOMENT)
        except (LookupError, TypeError, ValueError, OverflowError):
            return  # a browser may send anything
        pair, ids = (agent, target), self.scene.atlas.ids
        if not 0 <= video_index < len(ids):
            return
        video = self.scene.atlas.video(ids[video_index])
        if pair not in video.embeddings:
            return
        clip = page_data.clip(self.scene, video_index, pair, frame)
        first, frame = clip["first"][0], clip["frame"][0]
        self.moment = video_index, pair
        self.example = _bout_around(self.scene.sections(video, pair), frame, video.poses.frame_rate)
        self.models["bouts"].data = self.scene.bouts(video, [pair])
        self.models["clip"].data = clip
        if self.names:
            self.names.show(int(self.scene.codes(video, pair)[CLUSTER][frame]))
        if self.exchanges:
            self.exchanges.begin(video, pair, first)
        self.marks.begin(video, pair, self.example, (first, first + clip["frames"][0]))

    def _add_search(self) -> None:
        button = Button(label="Find more like this", button_type="primary", name="search", width=170)
        message = self.models["search_message"]
        waiting = f"<p>Searching {self.sample.total:,} frames …</p>"
        button.js_on_event(ButtonClick, CustomJS(args={"message": message}, code=f"message.text = {waiting!r}"))
        button.on_click(self.search)
        message.text = (
            f"<p>Finds the {_TOP} moments of all {self.sample.total:,} frames whose embeddings are nearest to those of "
            "the bout that plays. The map shows them as circles.</p>"
        )
        self.page.add_tab("More like this", button, message, self.models["matches_table"])

    def search(self) -> None:
        """Find bouts like the one that plays, over the whole atlas."""
        assert self.moment is not None, "the page opens with a moment"
        (video_index, pair), atlas = self.moment, self.scene.atlas
        video = atlas.video(atlas.ids[video_index])
        hits = find_similar(atlas, self.index(), video, self.example, [pair], _TOP)
        rows = [self._match(hit) for hit in hits]
        self.models["matches"].selected.indices = []
        self.models["matches"].data = {name: [row[name] for row in rows] for name in page_data.MATCH_COLUMNS}
        self.models["matches_table"].visible = bool(hits)
        start, stop = (as_clock(frame / video.poses.frame_rate) for frame in self.example)
        self.models["search_message"].text = (
            f"<p><b>{len(hits)} moments</b> most like {start} to {stop} of video {escape(video.id)}, out of all "
            f"{self.sample.total:,} frames. The map shows them as circles. Click a row to play it.</p>"
        )

    def _match(self, hit: Hit) -> dict[str, Any]:
        """Return a row of the source ``matches``."""
        video = self.scene.atlas.video(hit.video)
        poses = video.poses
        pair = (poses.individuals.index(hit.agent), poses.individuals.index(hit.target))
        middle = np.searchsorted(poses.native_frames, (hit.start + hit.stop) // 2)
        frame = int(middle.clip(0, len(poses.positions) - 1))
        x, y = self.scene.positions(video.embeddings[pair], np.array([frame]))[0].tolist()
        cluster = int(self.scene.codes(video, pair)[CLUSTER][frame]) if self.scene.clustered else NOISE
        row = {"video": hit.video, "pair": pair_name(hit.agent, hit.target), "time": frame / poses.frame_rate}
        row |= {"cluster": self.scene.cluster_name(cluster), "similarity": hit.similarity, "x": x, "y": y}
        moment = (self.scene.atlas.ids.index(hit.video), *pair, frame)
        return row | {f"at_{name}": value for name, value in zip(page_data.MOMENT, moment, strict=True)}


class NamesTab:
    """The tab that lists the clusters of an atlas and gives them names.

    Args:
        page: page that the tab is added to.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cluster = Select(title="Cluster", name="cluster", width=150)
        self.name = TextInput(title="Name", name="cluster_name", sizing_mode="stretch_width")
        button = Button(label="Save name", button_type="primary", name="save name", width=100, align="end")
        self.message, self.list = widgets.text(name="name_message"), widgets.text(name="clusters")
        self.cluster.on_change("value", lambda _attr, _old, _new: self._show_name())
        button.on_click(self.rename)
        self._list_clusters()
        self.cluster.value = "0" if self.cluster.options else ""
        controls = Row(self.cluster, self.name, button, sizing_mode="stretch_width")
        page.add_tab("Clusters", controls, self.message, self.list)

    def show(self, cluster: int) -> None:
        """Offer to name a cluster; noise has no name."""
        if cluster != NOISE:
            self.cluster.value = str(cluster)

    def rename(self) -> None:
        """Save the name that was given to a cluster, and show it everywhere."""
        scene, clustered = self.page.scene, self.page.scene.clustered
        assert clustered is not None
        try:
            clustered.rename(self._chosen(), " ".join(self.name.value.split()))
        except (InputError, OSError) as error:
            self.message.text = f"<p class='problem'>Not saved: {escape(str(error))}</p>"
            return
        self._list_clusters()
        models = self.page.models
        models["colourings"].data = page_data.colouring_columns(colourings(scene, self.page.sample))
        models["bout_styles"].data = page_data.bout_style_columns(scene)
        self.message.text = (
            "<p class='quiet'>Saved in the atlas’s folder, in clusters/names.yaml. The cards show it once "
            "<code>ssl-behavior cluster</code> was run with --apply on the same atlas.</p>"
        )

    def _show_name(self) -> None:
        clustered = self.page.scene.clustered
        self.name.value = clustered.names.get(self._chosen(), "") if clustered else ""

    def _chosen(self) -> int:
        """Return the cluster in the menu; -1 for any other text, as a browser may send anything."""
        values = [value for value, _ in self.cluster.options]
        return values.index(self.cluster.value) if self.cluster.value in values else NOISE

    def _list_clusters(self) -> None:
        names = self.page.scene.names(CLUSTER)
        self.cluster.options = [
            (str(number), name if name == f"cluster {number}" else f"{number} {name}")
            for number, name in enumerate(names)
        ]
        self.list.text = widgets.cluster_list(self.page.scene)


def lazy_index(scene: Scene) -> Callable[[], EmbeddingIndex]:
    """Return a function that builds the atlas's index when it is first called, and returns it."""
    return cache(lambda: load(scene.atlas))


def _without_clusters(scene: Scene) -> str:
    return (
        "<p>This atlas has no clusters yet. They come with a better map from <code>ssl-behavior cluster --atlas "
        f"{escape(str(scene.atlas.folder))}</code>; then start the explorer again.</p>"
    )


def _bout_around(codes: np.ndarray, frame: int, rate: float) -> tuple[int, int]:
    """Return the bout that holds a frame, extended or cut to a length of half a second to four seconds around it."""
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    bout = int(np.searchsorted(starts, frame, side="right")) - 1
    start, stop = int(starts[bout]), int(np.append(starts, len(codes))[bout + 1])
    most, least = round(_LONGEST_EXAMPLE_S * rate / 2), round(_SHORTEST_EXAMPLE_S * rate / 2)
    start = min(max(start, frame - most), frame - least)
    stop = max(min(stop, frame + most), frame + least)
    return max(0, start), min(len(codes), max(stop, 1))
