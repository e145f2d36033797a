"""What of the page needs Python: any moment's poses, the search over all frames, names, and marks."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.events import ButtonClick
from bokeh.models import Button, CustomJS, Row, Select, TextInput

from ssl_behavior.atlas.clusters import NOISE
from ssl_behavior.atlas.index import EmbeddingIndex, load
from ssl_behavior.atlas.similarity import similar, when
from ssl_behavior.atlas.video import pair_name
from ssl_behavior.errors import InputError
from ssl_behavior.explorer import models, widgets
from ssl_behavior.explorer.colours import colourings
from ssl_behavior.explorer.marking import add_marking
from ssl_behavior.explorer.page import Page
from ssl_behavior.explorer.points import Points
from ssl_behavior.explorer.scene import CLUSTER, Scene, runs
from ssl_behavior.explorer.strips import strips

_MOST_S = 4.0
_LEAST_S = 0.5
_TOP = 20


class Live:
    """The page of one visitor.

    Args:
        scene: shared by all visitors.
        points: shared too.
        index: makes the index of the atlas; it is asked once for each search.
    """

    def __init__(self, scene: Scene, points: Points, index: Callable[[], EmbeddingIndex]) -> None:
        self.scene, self.points, self.index = scene, points, index
        self.page: Page = Page(scene, points)
        self.span = (0, 1)
        self.moment: tuple[int, tuple[int, int]] | None = None
        self._searching()
        self._naming()
        self.marking = add_marking(self.page)
        self.page.sources.asked.on_change("data", lambda _attr, _old, _new: self.play())
        begin = points.telling()
        moment = {name: [int(points.columns[name][begin])] for name in ("video", "agent", "target", "frame")}
        self.page.sources.asked.data = moment | {"count": [0]}

    def add_to(self, document: Document) -> None:
        """Put the page into a visitor's document."""
        self.page.add_to(document)

    def play(self) -> None:
        """Bring what is asked for, and what there is to know about it."""
        try:
            asked = [int(self.page.sources.asked.data[name][0]) for name in ("video", "agent", "target", "frame")]
        except (LookupError, TypeError, ValueError, OverflowError):
            return  # a browser may send anything
        number, pair, ids = asked[0], (asked[1], asked[2]), self.scene.atlas.ids
        if not 0 <= number < len(ids) or pair not in (video := self.scene.atlas.video(ids[number])).embeddings:
            return
        clip = models.clip(self.scene, number, pair, asked[3])
        frame = clip["first"][0] + clip["at"][0]
        codes = self.scene.codes(video, pair)[CLUSTER]
        self.span = _around(codes, frame, video.poses.frame_rate)
        self.moment = number, pair
        self.page.sources.strips.data = strips(self.scene, video, [pair])
        self.page.sources.clip.data = clip
        if codes[frame] >= 0:
            self.cluster.value = str(codes[frame])
        self.marking.begin(video, pair, self.span, (clip["first"][0], clip["first"][0] + clip["frames"][0]))

    def _searching(self) -> None:
        button = Button(label="Find more like this", button_type="primary", name="search", width=170)
        waiting = f"<p>Searching {self.points.total:,} frames …</p>"
        button.js_on_event(
            ButtonClick, CustomJS(args={"answer": self.page.parts.answer}, code=f"answer.text = {waiting!r}")
        )
        button.on_click(self.search)
        self.page.parts.alike.visible = False
        self.page.parts.answer.text = (
            f"<p>Finds the {_TOP} moments of all {self.points.total:,} frames whose embeddings are nearest to the bout "
            "that plays; they are circled on the map.</p>"
        )
        self.page.add_tab("More like this", button, self.page.parts.answer, self.page.parts.alike)

    def search(self) -> None:
        """Find bouts like the one that plays, over the whole atlas."""
        assert self.moment is not None, "the page opens with a moment"
        (number, pair), atlas = self.moment, self.scene.atlas
        video = atlas.video(atlas.ids[number])
        hits = similar(atlas, self.index(), video, self.span, [pair], _TOP)
        columns: dict[str, list[Any]] = {name: [] for name in models.FOUND}
        for hit in hits:
            other = atlas.video(hit.video)
            poses = other.poses
            own = (poses.individuals.index(hit.agent), poses.individuals.index(hit.target))
            frame = int(
                np.searchsorted(poses.native_frames, (hit.start + hit.stop) // 2).clip(0, len(poses.positions) - 1)
            )
            cluster = int(self.scene.codes(other, own)[CLUSTER][frame])
            place = self.scene.clustered.clusters.assign(other.embeddings[own], np.array([frame]))[1][0]
            row = {"video": hit.video, "pair": pair_name(hit.agent, hit.target), "time": frame / poses.frame_rate}
            row |= {"cluster": self.scene.clustered.name(cluster) if cluster >= 0 else "in none"}
            row |= {"similarity": hit.similarity, "at_video": atlas.ids.index(hit.video)}
            row |= {
                "at_agent": own[0],
                "at_target": own[1],
                "at_frame": frame,
                "x": float(place[0]),
                "y": float(place[1]),
            }
            for name, value in row.items():
                columns[name].append(value)
        self.page.sources.found.selected.indices = []
        self.page.sources.found.data = columns
        self.page.parts.alike.visible = bool(hits)
        low, high = (one / video.poses.frame_rate for one in self.span)
        self.page.parts.answer.text = (
            f"<p><b>{len(hits)} moments</b> most like {when(low)} to {when(high)} of video {escape(video.id)}, "
            f"of all {self.points.total:,} frames; circled on the map. Click a row to play it.</p>"
        )

    def _naming(self) -> None:
        self.cluster = Select(title="Cluster", name="cluster", width=150)
        self.name = TextInput(title="Name", name="cluster name", sizing_mode="stretch_width")
        button = Button(label="Save name", button_type="primary", name="save name", width=100, align="end")
        self.said, self.listed = widgets.words(name="said"), widgets.words(name="clusters")
        self.cluster.on_change("value", lambda _attr, _old, _new: self._tell_name())
        button.on_click(self.rename)
        self._list_clusters()
        self.cluster.value = "0" if self.cluster.options else ""
        row = Row(self.cluster, self.name, button, sizing_mode="stretch_width")
        self.page.add_tab("Clusters", row, self.said, self.listed)

    def _tell_name(self) -> None:
        self.name.value = self.scene.clustered.names.get(self._chosen(), "")

    def _chosen(self) -> int:
        """The cluster in the menu; -1 for what is none, as a browser may send anything."""
        known = [value for value, _ in self.cluster.options]
        return known.index(self.cluster.value) if self.cluster.value in known else NOISE

    def _list_clusters(self) -> None:
        names = self.scene.names(CLUSTER)
        self.cluster.options = [
            (str(number), name if name == f"cluster {number}" else f"{number} {name}")
            for number, name in enumerate(names)
        ]
        self.listed.text = widgets.cluster_list(self.scene)

    def rename(self) -> None:
        """Save the name that was given to a cluster, and show it everywhere."""
        try:
            self.scene.clustered.rename(self._chosen(), " ".join(self.name.value.split()))
        except (InputError, OSError) as error:
            self.said.text = f"<p class='problem'>Not saved: {escape(str(error))}</p>"
            return
        self._list_clusters()
        self.page.sources.colourings.data = models.table(colourings(self.scene, self.points))
        self.page.sources.kinds.data = models.kinds(self.scene)
        self.said.text = (
            "<p class='quiet'>Saved in the atlas’s folder, in clusters/names.yaml. The cards take it on when "
            "cluster is run with --apply on the same atlas.</p>"
        )


def _around(codes: np.ndarray, frame: int, rate: float) -> tuple[int, int]:
    """The bout that a frame is in, but half a second at least and four at most around it."""
    starts, stops, _ = runs(codes + 1)  # so that noise is a bout too
    place = int(np.searchsorted(starts, frame, side="right")) - 1
    low, high = (int(starts[place]), int(stops[place])) if place >= 0 else (frame, frame + 1)
    most, least = round(_MOST_S * rate / 2), round(_LEAST_S * rate / 2)
    low, high = min(max(low, frame - most), frame - least), max(min(high, frame + most), frame + least)
    return max(0, low), min(len(codes), max(high, 1))


def indexed(scene: Scene) -> Callable[[], EmbeddingIndex]:
    """The atlas's index, made when it is first asked for."""
    made: list[EmbeddingIndex] = []

    def index() -> EmbeddingIndex:
        if not made:
            made.append(load(scene.atlas))
        return made[0]

    return index
