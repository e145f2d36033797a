"""The tab in which exchanges of animals are reviewed, and their lines on the ethogram."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
from bokeh.events import ButtonClick
from bokeh.models import Button, ColumnDataSource, CustomJS, Row

from ssl_behavior.atlas.video import EmbeddedVideo, pair_name
from ssl_behavior.errors import InputError, command_line, count_of
from ssl_behavior.explorer import exchange_review, widgets
from ssl_behavior.explorer.exchange_review import ExchangeReview
from ssl_behavior.explorer.page import Page
from ssl_behavior.explorer.page_data import EXCHANGE_COLUMNS
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.tracking.exchange_table import EXCHANGE

_NO_MOMENT = (-1, -1, -1, -1)
_COLOURS = {True: "#B00020", False: "#9A9A9A"}
"""Colour of an exchange's line, by whether the exchange is to be made."""


class ExchangesTab:
    """The exchanges of a table, beside the clip that plays.

    Args:
        page: page that the tab is added to.
        review: the table.
    """

    def __init__(self, page: Page, review: ExchangeReview) -> None:
        self.page, self.review = page, review
        self.video: EmbeddedVideo | None = None
        self.pair, self.first = (0, 0), 0
        self.listed: list[exchange_review.Row] = []
        self.message = widgets.text(name="exchange_message")
        self.source = ColumnDataSource({name: [] for name in EXCHANGE_COLUMNS}, name="exchanges")
        video, pair, _ = page.name_columns()
        columns = {**video, "time": ("from", 50), **pair, "probability": ("sure", 40), "decision": ("decision", 70)}
        self.table = widgets.table("exchanges_table", self.source, columns, 220)
        page.play_rows_of(self.source)
        here = Button(label="Exchange from here", button_type="primary", name="exchange from here")
        arguments = {"here": page.models["here"], "playhead": page.models["playhead"]}
        code = "here.data = { frame: [playhead.value], count: [Date.now()] };"
        here.js_on_event(ButtonClick, CustomJS(args=arguments, code=code))
        page.models["here"].on_change("data", lambda _attr, _old, _new: self.run(self.exchange_from_here))
        others = [self._button("Keep or exchange", self.decide), self._button("Undo", self.undo)]
        page.add_tab("Exchanges", Row(here, *others, sizing_mode="stretch_width"), self.message, self.table)
        self._list()
        self._show_message("")

    def _button(self, title: str, action: Callable[[], str]) -> Button:
        button = Button(label=title, name=title.lower())
        button.on_click(lambda: self.run(action))
        return button

    def begin(self, video: EmbeddedVideo, pair: tuple[int, int], first: int) -> None:
        """Draw the exchanges of the video that plays.

        Args:
            video: video of the clip.
            pair: individuals.
            first: first frame of the clip, of the poses.
        """
        self.video, self.pair, self.first = video, pair, first
        self._draw()

    def run(self, action: Callable[[], str]) -> None:
        """Run the action of a button, and show the outcome."""
        try:
            message = action()
            self._list()
        except (InputError, OSError) as error:
            self._show_message(f"<p class='problem'>{escape(str(error))}</p>")
            return
        self._draw()
        self._show_message(f"<p>{escape(message)}</p>")

    def exchange_from_here(self) -> str:
        """Exchange the two animals that play, from the frame that is shown to the end of the recording."""
        if self.video is None or self.pair[0] == self.pair[1]:
            raise InputError("expected two animals that play; found none: click a point on the map first")
        poses = self.video.poses
        try:
            frame = self.first + int(self.page.models["here"].data["frame"][0])
        except (LookupError, TypeError, ValueError, OverflowError):
            frame = -1  # a browser may send anything
        if not 0 <= frame < len(poses.native_frames):
            raise InputError("expected a frame of the clip that plays; found another")
        native = int(poses.native_frames[frame])
        first, second = (poses.individuals[i] for i in self.pair)
        self.review.add(self.video.id, native, first, second)
        return f"{first} and {second} of video {self.video.id} are exchanged from frame {native} to the end."

    def decide(self) -> str:
        """Refuse the exchange that is chosen in the list, or accept it again."""
        chosen = self.source.selected.indices[:1]
        if not chosen or not 0 <= chosen[0] < len(self.listed):  # a browser may send anything
            raise InputError("click an exchange in the list first")
        decision = self.review.decide(self.listed[chosen[0]])
        return "The exchange will be made." if decision == EXCHANGE else "The names of the file will be kept."

    def undo(self) -> str:
        """Undo the last change."""
        self.review.undo()
        return "Undone."

    def _show_message(self, outcome: str) -> None:
        wanted = sum(row["decision"] == EXCHANGE for row in self.listed)
        command = command_line("repair", "--recordings", "TRACKS", "--apply", self.review.path, "--output", "reviewed")
        self.message.text = (
            f"{outcome}<p class='quiet'>{wanted} of {count_of(len(self.listed), 'exchange')} to be made, kept in "
            f"{escape(str(self.review.path))}. Red lines on the time line are exchanges to be made, grey ones are not. "
            f"Then: <code>{escape(command)}</code>, with the original tracks.</p>"
        )

    def _list(self) -> None:
        self.listed = sorted(self.review.rows, key=lambda row: (row["video"], _frame(row)))
        rows = [self._row(row) for row in self.listed]
        self.source.selected.indices = []
        self.source.data = {name: [row[i] for row in rows] for i, name in enumerate(EXCHANGE_COLUMNS)}
        self.table.visible = bool(rows)

    def _row(self, row: exchange_review.Row) -> tuple[Any, ...]:
        """Return the columns ``EXCHANGE_COLUMNS`` of an exchange."""
        atlas, rate = self.page.scene.atlas, ASSUMED_FRAME_RATE
        moment: tuple[int, ...] = _NO_MOMENT
        names = (row["individual_1"], row["individual_2"])
        if row["video"] in atlas:
            poses = atlas.video(row["video"]).poses
            rate = poses.native_rate
            if set(names) <= set(poses.individuals):
                frame = int(np.searchsorted(poses.native_frames, _frame(row)))
                moment = (atlas.ids.index(row["video"]), *(poses.individuals.index(name) for name in names), frame)
        seconds = _frame(row) / rate
        return (row["video"], pair_name(*names), seconds, row.get("probability", ""), row["decision"], *moment)

    def _draw(self) -> None:
        """Draw a line on the ethogram where an exchange of the video begins."""
        if self.video is None:
            return
        rows = [row for row in self.listed if row["video"] == self.video.id]
        rate = self.video.poses.native_rate
        self.page.models["exchange_lines"].data = {
            "x": [_frame(row) / rate for row in rows],
            "colour": [_COLOURS[row["decision"] == EXCHANGE] for row in rows],
        }


def _frame(row: exchange_review.Row) -> float:
    """First frame of an exchange; 0 where a person wrote something else, which ``repair`` will refuse."""
    try:
        frame = float(row["start"])
    except ValueError:
        return 0.0
    return frame if math.isfinite(frame) else 0.0
