"""The tab in which clips are marked, and marks listed, taken back and exported."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from bokeh.models import Button, ColumnDataSource, RangeSlider, Row, Select, TextInput

from ssl_behavior.atlas.video import EmbeddedVideo, pair_name
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.explorer import models, widgets
from ssl_behavior.explorer.marks import NO_CHANNEL, UNSURE, WRONG, Mark, Marks
from ssl_behavior.explorer.page import Page
from ssl_behavior.explorer.wiring import play_row
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE

_NEW = "another word …"
_TABLE = {
    "video": ("video", 46),
    "time": ("from", 64),
    "seconds": ("s", 40),
    "pair": ("pair", 150),
    "channel": ("channel", 56),
    "label": ("mark", 84),
}


class Marking:
    """The marks of an atlas, beside what plays.

    Args:
        page: that gets the tab.
    """

    def __init__(self, page: Page) -> None:
        self.page, self.marks = page, Marks(page.scene.atlas)
        self.video: EmbeddedVideo | None = None
        self.pair = (0, 0)
        self.listed: list[Mark] = []
        channels = list(page.scene.atlas.channels) or [NO_CHANNEL]
        self.channel = Select(title="Channel", options=channels, value=channels[0], name="channel", width=100)
        self.label = Select(title="Mark as", name="label", sizing_mode="stretch_width")
        self.word = TextInput(title="Word", name="word", visible=False, sizing_mode="stretch_width")
        self.span = RangeSlider(title="Frames of the recording", start=0, end=1, value=(0, 1), step=1, format="0",
                                name="span", sizing_mode="stretch_width")  # fmt: skip
        self.said = widgets.words(name="marked")
        self.source = ColumnDataSource({name: [] for name in models.MARKED}, name="marks")
        self.table = widgets.listing(self.source, _TABLE, 120, "marks table")
        self._offer()
        self._list()
        self._tell("")

    def add(self) -> None:
        """Put the tab into the page, and let its buttons do what they say."""
        self.channel.on_change("value", lambda _attr, _old, _new: self._offer())
        self.label.on_change("value", lambda _attr, _old, new: self.word.update(visible=new == _NEW))
        play_row(self.page.sources, self.source)
        buttons = []
        for title, action, kind in (
            ("Mark", self.mark, "primary"),
            ("Take back", self.remove, "default"),
            ("Export annotations", self.export, "default"),
        ):
            button = Button(label=title, button_type=kind, name=title.lower(), align="end")
            button.on_click(lambda action=action: self._try(action))
            buttons.append(button)
        what = Row(self.channel, self.label, self.word, buttons[0], sizing_mode="stretch_width")
        with_list = Row(*buttons[1:], sizing_mode="stretch_width")
        self.page.add_tab("Marks", what, self.span, self.said, self.table, with_list)

    def begin(self, video: EmbeddedVideo, pair: tuple[int, int], span: tuple[int, int], clip: tuple[int, int]) -> None:
        """Get ready to mark what plays.

        Args:
            video: that it is of.
            pair: individuals.
            span: frames of the poses that are offered, the last left out.
            clip: frames of the poses that play.
        """
        self.video, self.pair = video, pair
        native = np.append(video.poses.native_frames, video.poses.frames)
        low, high = (int(native[min(one, len(native) - 1)]) for one in clip)
        first, last = (min(max(int(native[min(one, len(native) - 1)]), low), high) for one in span)
        self.span.update(start=low, end=high, value=(first, last))

    def mark(self) -> str:
        """Keep a mark of the frames that are chosen."""
        if self.video is None:
            raise InputError("nothing plays: click a point on the map first")
        label = " ".join(self.word.value.split()) if self.label.value == _NEW else self.label.value
        if not label:
            raise InputError("expected a word to mark these frames with; found none: type it under Word")
        if self.channel.value not in self.channel.options:
            raise InputError(f"expected one of the channels {', '.join(self.channel.options)}; found another")
        start, stop = self._frames()
        agent, target = (self.video.poses.individuals[i] for i in self.pair)
        self.marks.add(Mark(self.video.id, agent, target, self.channel.value, label, start, stop))
        self._offer(label)
        return f"Marked {stop - start} frames of video {self.video.id} as {label}. "

    def remove(self) -> str:
        """Take back the mark that is chosen in the list, or the last."""
        if not self.listed:
            raise InputError("nothing is marked")
        chosen = self.source.selected.indices[:1] or [-1]
        known = range(len(self.listed))
        self.marks.remove(self.listed[chosen[0] if chosen[0] in known else -1])
        return "Taken back. "

    def _frames(self) -> tuple[int, int]:
        """What is chosen of the recording's frames; a browser may send anything."""
        low, high = self.span.start, self.span.end
        if not all(low <= one <= high for one in self.span.value):
            raise InputError(f"expected frames of the clip, {low:g} to {high:g}; found others")
        start, stop = self.span.value
        return round(start), round(stop)

    def export(self) -> str:
        """Write annotation files."""
        found = self.marks.export()
        return f"Written to {found.folder}, with how-to-train.txt. {found.told()} "

    def _try(self, action: Any) -> None:
        try:
            done = action()
        except (InputError, OSError) as error:
            self._tell(f"<p class='problem'>{escape(str(error))}</p>")
            return
        self._list()
        self._tell("".join(f"<p>{escape(line)}</p>" for line in done.splitlines()))

    def _tell(self, done: str) -> None:
        count = len(self.source.data["video"])
        told = how_many(count, "mark") if count else "Nothing is marked yet. Marks"
        what = f"<p class='quiet'>{told} {'' if count else 'are '}kept in {escape(str(self.marks.path))}.</p>"
        how = (
            "<p class='quiet'>Export writes files for the Caltech annotator and BORIS that finetune reads: the atlas’s "
            "labels with your marks over them. Frames with neither are called “unmarked”; that, “wrong” and “unsure” "
            "go to --unscored.</p>"
        )
        self.said.text = done + what + ("" if done else how)

    def _offer(self, label: str = "") -> None:
        """What clips of the chosen channel can be marked as."""
        scene, channel = self.page.scene, self.channel.value
        channels = scene.atlas.channels
        known = [*channels.get(channel, ()), *(scene.predictable if not channels else ())]
        known += [mark.label for mark in self.marks.all if mark.channel == channel]
        self.label.options = [
            *(name for name in dict.fromkeys(known) if name not in (WRONG, UNSURE)),
            WRONG,
            UNSURE,
            _NEW,
        ]
        wanted = label or self.label.value
        self.label.value = wanted if wanted in self.label.options else self.label.options[0]

    def _list(self) -> None:
        atlas = self.page.scene.atlas
        columns: dict[str, list[Any]] = {name: [] for name in models.MARKED}
        self.listed = self.marks.all
        for mark in self.listed:
            moment = (-1, -1, -1, -1)
            rate = ASSUMED_FRAME_RATE
            if mark.video in atlas:
                poses = atlas.video(mark.video).poses
                rate = poses.native_rate
                names = poses.individuals
                if {mark.agent, mark.target} <= set(names):
                    frame = round((mark.start + mark.stop) / 2 / rate * poses.frame_rate)
                    moment = (atlas.ids.index(mark.video), names.index(mark.agent), names.index(mark.target), frame)
            row = (mark.video, pair_name(mark.agent, mark.target), mark.start / rate, (mark.stop - mark.start) / rate)
            for name, value in zip(models.MARKED, (*row, mark.channel, mark.label, *moment), strict=True):
                columns[name].append(value)
        self.source.selected.indices = []
        self.source.data = columns
        self.table.visible = bool(columns["video"])


def add_marking(page: Page) -> Marking:
    """The tab of a page."""
    marking = Marking(page)
    marking.add()
    return marking
