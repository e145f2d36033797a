"""Marks that people make in the explorer: clips marked with a behaviour, or as wrong or unsure.

Marks are kept in ``marks/marks.csv`` in the atlas's folder. The export consists of annotation files that ``finetune``
reads. Each holds the atlas's labels of a video with the marks over them; a later mark covers an earlier one. Frames
without a label or a mark get the behaviour ``unmarked``, which goes to ``--unscored`` with ``wrong`` and ``unsure``.
"""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError, count_of
from ssl_behavior.formats.annotations import boris, caltech
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.file_lock import changing
from ssl_behavior.storage.names import require_name
from ssl_behavior.storage.video_names import file_stems

UNMARKED = "unmarked"
WRONG, UNSURE = "wrong", "unsure"
NO_CHANNEL = "marks"
"""The channel of marks in an atlas without labels."""
_FOLDER, _FILE = "marks", "marks.csv"
_EXPORTED = "unmarked-is-unscored"
_LAST_FRAME = 2**31


@dataclass(frozen=True)
class Mark:
    """A clip to which a person gave a label.

    Attributes:
        video: video id.
        agent: name of the agent.
        target: name of the target; the agent itself if it is alone.
        channel: channel of the label.
        label: a behaviour, or ``wrong`` or ``unsure``.
        start: first frame of the recording.
        stop: the frame after the last.
    """

    video: str
    agent: str
    target: str
    channel: str
    label: str
    start: int
    stop: int


_COLUMNS = [field.name for field in fields(Mark)]


def _parse(row: Mapping[str, str]) -> Mark:
    texts = {name: row[name] for name in ("video", "agent", "target", "channel", "label")}
    start, stop = int(row["start"]), int(row["stop"])
    if not 0 <= start < stop <= _LAST_FRAME:
        raise ValueError(f"frames {start} to {stop}")
    return Mark(**texts, start=start, stop=stop)


class Marks:
    """The marks of an atlas; every change is written at once, and those of other processes stay.

    Args:
        atlas: atlas whose frames are marked.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas
        self.path = atlas.folder / _FOLDER / _FILE

    @property
    def all(self) -> list[Mark]:
        """The marks, oldest first.

        Raises:
            InputError: the file of marks has other columns, or impossible values.
        """
        if not self.path.is_file():
            return []
        try:
            with open(self.path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            return [_parse(row) for row in rows]
        except (KeyError, TypeError, ValueError, csv.Error):
            raise InputError(
                f"{self.path}: expected columns {', '.join(_COLUMNS)}; found others: correct the file, or move it away"
            ) from None

    def add(self, mark: Mark) -> None:
        """Save a mark.

        Raises:
            InputError: the label cannot be the name of a behaviour, or the video has no such frames.
        """
        for kind, text in (("label", mark.label), ("channel", mark.channel)):
            if not text.strip() or text != " ".join(text.split()) or text == UNMARKED:
                raise InputError(f"expected a word for the {kind}; found {text!r}")
            require_name(text, kind)
        if not 0 <= mark.start < mark.stop <= self.atlas.video(mark.video).poses.frames:
            raise InputError(f"expected frames of the video; found {mark.start} to {mark.stop}")
        with changing(self.path):
            self._write([*self.all, mark])

    def remove(self, mark: Mark) -> None:
        """Remove a mark: the last of several equal ones, because another explorer may have changed the file since.

        Raises:
            InputError: it was removed already.
        """
        with changing(self.path):
            marks = self.all
            if mark not in marks:
                raise InputError("this mark was removed already: reload the page to see the marks that remain")
            del marks[len(marks) - 1 - marks[::-1].index(mark)]
            self._write(marks)

    def _write(self, marks: Iterable[Mark]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(astuple(mark) for mark in marks)
        write_text(self.path, text.getvalue())

    def export(self) -> Exported:
        """Write annotation files for the Caltech annotator and BORIS, for all videos with labels or marks.

        The atlas has labels at the frames of its poses, so the ends of a labelled bout are accurate to half of such a
        frame. The ends of a mark are exact.

        Raises:
            InputError: nothing is marked.
        """
        marks = self.all
        if not marks:
            raise InputError("nothing is marked yet: play a clip, choose a label and press Mark")
        folder = self.atlas.folder / _FOLDER / _EXPORTED
        unscored: dict[str, set[str]] = {mark.channel: set() for mark in marks}
        videos, stems = 0, file_stems(self.atlas.ids)
        for video in self.atlas.videos():
            merged = {channel: _merged(video, channel, marks) for channel in unscored}
            channels = {channel: labels for channel, labels in merged.items() if labels is not None}
            if not channels:
                continue
            videos += 1
            for channel, labels in channels.items():
                occurring = {labels.behaviours[code] for code in np.unique(labels.values)}
                unscored[channel] |= occurring & {UNMARKED, WRONG, UNSURE}
            bouts = {_word(channel): tuple(labels.bouts()) for channel, labels in channels.items()}
            annotations = Annotations(video.id, bouts, frames=video.poses.frames)
            rate, stem = video.poses.native_rate, stems[video.id]
            caltech.write(folder / "caltech" / f"{stem}_annot.txt", annotations, rate)
            boris.write(folder / "boris" / f"{stem}.boris", annotations, rate)
        exported = Exported(folder, videos, {_word(name): tuple(sorted(words)) for name, words in unscored.items()})
        write_text(folder / "how-to-train.txt", exported.instructions() + "\n")
        return exported


@dataclass(frozen=True)
class Exported:
    """Annotation files that were written.

    Attributes:
        folder: folder that holds ``caltech/`` and ``boris/``.
        videos: number of videos.
        unscored: channel -> behaviours in the files that stand for unscored frames.
    """

    folder: Path
    videos: int
    unscored: dict[str, tuple[str, ...]]

    def instructions(self) -> str:
        """Explain how to train on the files, with a command per channel."""
        lines = [
            f"Annotations of {count_of(self.videos, 'video')}: labels of the atlas with your marks over them. "
            f"Frames with neither have the behaviour {UNMARKED!r}; leave it unscored."
        ]
        for channel, words in self.unscored.items():
            command = ["python", "-m", "ssl_behavior.finetune", "--annotations", str(self.folder / "caltech")]
            command += ["--channel", channel, *(["--unscored", *words] if words else [])]
            lines.append(f"{shlex.join(command)} ...")  # a channel's name may hold a command of the shell
        lines.append("With the files for BORIS, add 'other' to --unscored, unless it is one of your behaviours.")
        return "\n".join(lines)


def _merged(video: EmbeddedVideo, channel: str, marks: list[Mark]) -> Labels | None:
    """Return labels at the recording's frames, overridden by the marks of this channel; None if there are neither."""
    labels = video.labels.get(channel)
    chosen = [mark for mark in marks if (mark.video, mark.channel) == (video.id, channel)]
    if labels is None and not chosen:
        return None
    behaviours = () if labels is None else labels.behaviours
    names = tuple(dict.fromkeys([*behaviours, *(mark.label for mark in chosen), UNMARKED]))
    frames = video.poses.frames
    values = np.full(frames, UNSCORED, np.int16) if labels is None else video.poses.to_native(labels.values).copy()
    values[values == UNSCORED] = names.index(UNMARKED)
    for mark in chosen:
        values[mark.start : mark.stop] = names.index(mark.label)
    return Labels(names, values)


def _word(channel: str) -> str:
    """Return the name of a channel in annotation files, which may hold no spaces."""
    return "_".join(channel.split())
