"""The tab in which clips are marked, and in which marks are listed, removed and exported."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from bokeh.models import Button, ColumnDataSource, RangeSlider, Row, Select, TextInput

from ssl_behavior.atlas.video import EmbeddedVideo, pair_name
from ssl_behavior.errors import InputError, count_of
from ssl_behavior.explorer import widgets
from ssl_behavior.explorer.marks import NO_CHANNEL, UNSURE, WRONG, Mark, Marks
from ssl_behavior.explorer.page import Page
from ssl_behavior.explorer.page_data import MARK_COLUMNS
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE

_NEW = "another word …"
_NO_MOMENT = (-1, -1, -1, -1)


class MarksTab:
    """The marks of an atlas, beside the clip that plays.

    Args:
        page: page that the tab is added to.
    """

    def __init__(self, page: Page) -> None:
        self.scene, self.marks = page.scene, Marks(page.scene.atlas)
        self.video: EmbeddedVideo | None = None
        self.pair = (0, 0)
        self.listed: list[Mark] = []
        channels = list(self.scene.atlas.channels) or [NO_CHANNEL]
        self.channel = Select(title="Channel", options=channels, value=channels[0], name="channel", width=100)
        self.label = Select(title="Mark as", name="label", sizing_mode="stretch_width")
        self.word = TextInput(title="Word", name="word", visible=False, sizing_mode="stretch_width")
        self.span = RangeSlider(
            title="Frames of the recording", start=0, end=1, value=(0, 1), step=1, format="0", name="span",
            sizing_mode="stretch_width",
        )  # fmt: skip
        self.message = widgets.text(name="mark_message")
        self.source = ColumnDataSource({name: [] for name in MARK_COLUMNS}, name="marks")
        video, pair, _ = page.name_columns()
        columns = {**video, "time": ("from", 50), "seconds": ("s", 34), **pair, "mark": ("mark", 100)}
        self.table = widgets.table("marks_table", self.source, columns, 120)
        self._offer_labels()
        self._list_marks()
        self._show_message("")
        self.channel.on_change("value", lambda _attr, _old, _new: self._offer_labels())
        self.label.on_change("value", lambda _attr, _old, new: self.word.update(visible=new == _NEW))
        page.play_rows_of(self.source)
        mark = self._button("Mark", self.mark, "primary")
        others = [self._button("Remove mark", self.remove), self._button("Export annotations", self.export)]
        above = Row(self.channel, self.label, self.word, mark, sizing_mode="stretch_width")
        below = Row(*others, sizing_mode="stretch_width")
        page.add_tab("Marks", above, self.span, self.message, self.table, below)

    def _button(self, title: str, action: Callable[[], str], kind: str = "default") -> Button:
        button = Button(label=title, button_type=kind, name=title.lower(), align="end")
        button.on_click(lambda: self.run(action))
        return button

    def begin(self, video: EmbeddedVideo, pair: tuple[int, int], span: tuple[int, int], clip: tuple[int, int]) -> None:
        """Offer frames of the clip that plays.

        Args:
            video: video of the clip.
            pair: individuals.
            span: first frame that is offered and the frame after the last, of the poses.
            clip: first frame that plays and the frame after the last, of the poses.
        """
        self.video, self.pair = video, pair
        native = np.append(video.poses.native_frames, video.poses.frames)
        low, high, first, last = (int(native[min(frame, len(native) - 1)]) for frame in (*clip, *span))
        value = (min(max(first, low), high), min(max(last, low), high))
        self.span.update(start=low, end=high, value=value)

    def run(self, action: Callable[[], str]) -> None:
        """Run the action of a button, and show the outcome."""
        try:
            message = action()
        except (InputError, OSError) as error:
            self._show_message(f"<p class='problem'>{escape(str(error))}</p>")
            return
        self._list_marks()
        self._show_message("".join(f"<p>{escape(line)}</p>" for line in message.splitlines()))

    def mark(self) -> str:
        """Save a mark of the frames that are chosen."""
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
        self._offer_labels(label)
        return f"Marked {stop - start} frames of video {self.video.id} as {label}. "

    def remove(self) -> str:
        """Remove the mark that is chosen in the list, or the last."""
        if not self.listed:
            raise InputError("nothing is marked")
        chosen = self.source.selected.indices[:1]
        is_listed = bool(chosen) and 0 <= chosen[0] < len(self.listed)  # a browser may send anything
        self.marks.remove(self.listed[chosen[0] if is_listed else -1])
        return "Removed. "

    def export(self) -> str:
        """Write annotation files."""
        exported = self.marks.export()
        return f"Written to {exported.folder}, with how-to-train.txt. {exported.instructions()} "

    def _frames(self) -> tuple[int, int]:
        """Return the chosen frames of the recording."""
        low, high = self.span.start, self.span.end
        if not all(low <= frame <= high for frame in self.span.value):  # a browser may send anything
            raise InputError(f"expected frames of the clip, {low:g} to {high:g}; found others")
        start, stop = self.span.value
        return round(start), round(stop)

    def _show_message(self, outcome: str) -> None:
        count = len(self.source.data["video"])
        kept = f"{count_of(count, 'mark')} kept" if count else "Nothing is marked yet. Marks are kept"
        where = f"<p class='quiet'>{kept} in {escape(str(self.marks.path))}.</p>"
        explanation = (
            "<p class='quiet'>Export writes annotation files for the Caltech annotator and BORIS: the atlas’s labels "
            "with your marks over them, which ssl-behavior finetune reads. Frames without a label or a mark get the "
            "behaviour “unmarked”; give that, “wrong” and “unsure” to --unscored.</p>"
        )
        self.message.text = outcome + where + ("" if outcome else explanation)

    def _offer_labels(self, label: str = "") -> None:
        """List the behaviours of the chosen channel in the menu, and choose ``label``."""
        channels, channel = self.scene.atlas.channels, self.channel.value
        behaviours = [*channels.get(channel, ()), *(() if channels else self.scene.predicted_behaviours)]
        behaviours += [mark.label for mark in self.marks.all if mark.channel == channel]
        names = [name for name in dict.fromkeys(behaviours) if name not in (WRONG, UNSURE)]
        self.label.options = [*names, WRONG, UNSURE, _NEW]
        chosen = label or self.label.value
        self.label.value = chosen if chosen in self.label.options else self.label.options[0]

    def _list_marks(self) -> None:
        self.listed = self.marks.all
        rows = [self._row(mark) for mark in self.listed]
        self.source.selected.indices = []
        self.source.data = {name: [row[i] for row in rows] for i, name in enumerate(MARK_COLUMNS)}
        self.table.visible = bool(rows)

    def _row(self, mark: Mark) -> tuple[Any, ...]:
        """Return the columns ``MARK_COLUMNS`` of a mark."""
        atlas, moment, rate = self.scene.atlas, _NO_MOMENT, ASSUMED_FRAME_RATE
        if mark.video in atlas:
            poses = atlas.video(mark.video).poses
            rate, names = poses.native_rate, poses.individuals
            if {mark.agent, mark.target} <= set(names):
                frame = round((mark.start + mark.stop) / 2 / rate * poses.frame_rate)
                moment = (atlas.ids.index(mark.video), names.index(mark.agent), names.index(mark.target), frame)
        times = (mark.start / rate, (mark.stop - mark.start) / rate)
        shown = mark.label if len(self.channel.options) == 1 else f"{mark.channel}: {mark.label}"
        return (mark.video, pair_name(mark.agent, mark.target), *times, shown, *moment)
