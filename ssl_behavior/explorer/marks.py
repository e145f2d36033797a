"""What people marked in the explorer: clips with a label, or as wrong or unsure; kept in the atlas and exported.

Marks lie in ``marks/marks.csv`` in the atlas's folder. Their export is made of annotation files that finetune reads:
per video the labels that the atlas has, with the marks laid over them, the later mark above the earlier. What nobody
labelled or marked is the behaviour ``unmarked``, and goes to ``--unscored`` with the marks ``wrong`` and ``unsure``.
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
from ssl_behavior.atlas.video import EmbeddedVideo, require_name
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.formats.annotations import boris_project, caltech
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.paths import file_stem

UNMARKED = "unmarked"
WRONG, UNSURE = "wrong", "unsure"
NO_CHANNEL = "marks"
"""The channel of marks in an atlas without labels."""
_FOLDER, _FILE = "marks", "marks.csv"
_EXPORTED = "unmarked-is-unscored"
_LAST_FRAME = 2**31


@dataclass(frozen=True)
class Mark:
    """A clip that a person judged.

    Attributes:
        video: id.
        agent: name of the individual.
        target: name; the agent again if it is alone.
        channel: of behaviours.
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


def _mark(row: Mapping[str, str]) -> Mark:
    words = {name: row[name] for name in ("video", "agent", "target", "channel", "label")}
    start, stop = int(row["start"]), int(row["stop"])
    if not 0 <= start < stop <= _LAST_FRAME:
        raise ValueError(f"frames {start} to {stop}")
    return Mark(**words, start=start, stop=stop)


class Marks:
    """The marks of an atlas; every change is written at once.

    Args:
        atlas: that they are of.

    Raises:
        InputError: the file holds something else.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas
        self.path = atlas.folder / _FOLDER / _FILE

    @property
    def all(self) -> list[Mark]:
        """The marks, in the order in which they were made."""
        if not self.path.is_file():
            return []
        try:
            with open(self.path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            return [_mark(row) for row in rows]
        except (KeyError, TypeError, ValueError, csv.Error):
            raise InputError(f"{self.path}: expected columns {', '.join(_COLUMNS)}; found others: mend it") from None

    def add(self, mark: Mark) -> None:
        """Keep one more.

        Raises:
            InputError: its label cannot be a behaviour, or it holds no frame.
        """
        for what, text in (("label", mark.label), ("channel", mark.channel)):
            if not text.strip() or text != " ".join(text.split()) or text == UNMARKED:
                raise InputError(f"expected a word for the {what}; found {text!r}")
            require_name(text, what)
        if not 0 <= mark.start < mark.stop <= self.atlas.video(mark.video).poses.frames:
            raise InputError(f"expected frames of the video; found {mark.start} to {mark.stop}")
        self._write([*self.all, mark])

    def remove(self, mark: Mark) -> None:
        """Forget a mark, the last of several that are equal; others may have changed the list since it was read.

        Raises:
            InputError: it is not there any more.
        """
        marks = self.all
        if mark not in marks:
            raise InputError("expected a mark that is there; found it taken back already")
        del marks[len(marks) - 1 - marks[::-1].index(mark)]
        self._write(marks)

    def _write(self, marks: Iterable[Mark]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_COLUMNS)
        writer.writerows(astuple(mark) for mark in marks)
        write_text(self.path, text.getvalue())

    def export(self) -> Exported:
        """Write annotation files for the Caltech annotator and BORIS, of all videos that are labelled or marked.

        Labels are known at the frames of the poses, so that where a bout begins and ends is right to half of such a
        frame; marks are to the frame.

        Raises:
            InputError: nothing is marked.
        """
        marks = self.all
        if not marks:
            raise InputError("nothing is marked yet: play a clip, choose a label and mark it")
        folder = self.atlas.folder / _FOLDER / _EXPORTED
        unscored: dict[str, set[str]] = {mark.channel: set() for mark in marks}
        videos = 0
        for video in self.atlas.videos():
            found = {channel: _merged(video, channel, marks) for channel in unscored}
            channels = {channel: labels for channel, labels in found.items() if labels is not None}
            if not channels:
                continue
            videos += 1
            for channel, labels in channels.items():
                occurring = {labels.behaviours[code] for code in np.unique(labels.values)}
                unscored[channel] |= occurring & {UNMARKED, WRONG, UNSURE}
            bouts = {_word(name): tuple(one.bouts()) for name, one in channels.items()}
            annotations = Annotations(video.id, bouts, frames=video.poses.frames)
            rate, stem = video.poses.native_rate, file_stem(video.id)
            caltech.write(folder / "caltech" / f"{stem}_annot.txt", annotations, rate)
            boris_project.write(folder / "boris" / f"{stem}.boris", annotations, rate)
        exported = Exported(folder, videos, {_word(name): tuple(sorted(words)) for name, words in unscored.items()})
        write_text(folder / "how-to-train.txt", exported.told() + "\n")
        return exported


@dataclass(frozen=True)
class Exported:
    """Annotation files that were written.

    Attributes:
        folder: with ``caltech/`` and ``boris/``.
        videos: how many.
        unscored: channel -> behaviours in the files that are no judgement.
    """

    folder: Path
    videos: int
    unscored: dict[str, tuple[str, ...]]

    def told(self) -> str:
        """How to train on them, a command per channel."""
        lines = [
            f"Annotations of {how_many(self.videos, 'video')}: labels of the atlas with your marks laid "
            f"over them; where there is neither, the behaviour is {UNMARKED!r}, which is to be left unscored."
        ]
        for channel, words in self.unscored.items():
            command = ["python", "-m", "ssl_behavior.finetune", "--annotations", str(self.folder / "caltech")]
            command += ["--channel", channel, *(["--unscored", *words] if words else [])]
            lines.append(f"{shlex.join(command)} ...")  # a channel may be called like another command
        lines.append("The files for BORIS need 'other' in --unscored too, unless it is a behaviour of yours.")
        return "\n".join(lines)


def _merged(video: EmbeddedVideo, channel: str, marks: list[Mark]) -> Labels | None:
    """A video's labels at its own frames with its marks of this channel over them; None where there are neither."""
    labels = video.labels.get(channel)
    own = [mark for mark in marks if (mark.video, mark.channel) == (video.id, channel)]
    if labels is None and not own:
        return None
    known = () if labels is None else labels.behaviours
    names = tuple(dict.fromkeys([*known, *(mark.label for mark in own), UNMARKED]))
    frames = video.poses.frames
    values = np.full(frames, UNSCORED, np.int16) if labels is None else video.poses.to_native(labels.values).copy()
    values[values == UNSCORED] = names.index(UNMARKED)
    for mark in own:
        values[mark.start : mark.stop] = names.index(mark.label)
    return Labels(names, values)


def _word(channel: str) -> str:
    """A channel as annotation files can hold it: without spaces."""
    return "_".join(channel.split())
