"""The videos that annotations may belong to, and what is known of their time."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.video_names import (
    file_stem,
    file_stems,
    names_of_video,
    plain_stem,
    unique_stem,
    video_id,
    without_appended,
)

_GENERAL = re.compile(r"(label|annot|annotation|behaviou?r|bout|event|score|scoring|ethogram)s?")
"""Names of annotations in a folder of their own video."""

_FOLDERS = 4
"""Last parts of a path that an id may stand for: ``b_t``, from the name of a file, is the video of ``b/t.csv``."""

_OF_VIDEO = 2
"""Folders above annotations that may be called after their video: ``m1/labels.csv``, ``m1/manual/labels.csv``."""

Parts = tuple[str, ...]
"""The folders of a name, and the name itself, last."""


@dataclass(frozen=True)
class Video:
    """The facts about a video that a reader of annotations needs.

    Attributes:
        id: the video id that matches annotations with tracks and predictions.
        frame_rate: Hz; None if neither the tracks nor the user give it.
        frames: number of frames of the tracks; None without tracks.
        source: file of the tracks; empty if it is unknown.
    """

    id: str
    frame_rate: float | None = None
    frames: int | None = None
    source: str = field(default="", repr=False, compare=False)


class Videos:
    """The videos that have tracks or predictions.

    Args:
        videos: these videos, which differ in their ids.
        frame_rate: Hz of all other videos; None if it is unknown.

    Examples:
        >>> Videos([Video("day1/mouse", 25.0)]).find("day1_mouse")
        Video(id='day1/mouse', frame_rate=25.0, frames=None)
    """

    def __init__(self, videos: Iterable[Video] = (), frame_rate: float | None = None) -> None:
        self._frame_rate = frame_rate
        self._by_id = {video.id: video for video in videos}
        self._by_unique_stem = {unique_stem(video.id): video for video in self._by_id.values()}
        self._parts: dict[str, Parts] = {}
        self._by_parts: dict[Parts, list[Video]] = {}
        self._by_stem: dict[str, list[Video]] = {}
        self._by_part: dict[str, set[str]] = {}
        self._by_folder: dict[str, set[str]] = {}
        self._by_last: tuple[dict[str, list[Video]], ...] = ({}, {})
        for video in self._by_id.values():
            parts = self._parts[video.id] = _parts(video.id)
            self._by_parts.setdefault(parts, []).append(video)
            for part in parts:
                self._by_part.setdefault(part, set()).add(video.id)
            self._by_folder.setdefault(_folder_of(video), set()).add(video.id)
            # An id may have been made from a name to which a program had appended something.
            for level, last in enumerate(without_appended(parts[-1])):
                self._by_last[level > 0].setdefault(last, []).append(video)
            for stem in {_spelling(rule(video.id)) for rule in (file_stem, plain_stem)}:
                self._by_stem.setdefault(stem, []).append(video)
        self._longest = max(map(len, self._by_parts), default=0)
        self._shared: frozenset[str] = frozenset()

    def beside(self, files: Iterable[Path]) -> Videos:
        """Return these videos for files of annotations: a name that several folders have is that of no video.

        Args:
            files: all files of annotations. Those of one name in several folders belong to the videos of the folders.
        """
        folders: dict[str, set[Path]] = {}
        for file in files:
            folders.setdefault(video_id(file).lower(), set()).add(file.parent)
        videos = copy(self)
        videos._shared = frozenset(name for name, of_name in folders.items() if len(of_name) > 1)
        return videos

    @classmethod
    def of(cls, recordings: Iterable[Recording]) -> Videos:
        """Return the videos of recordings. An assumed frame rate is none; one that all have holds for others."""
        videos = [
            Video(
                recording.id,
                None if recording.frame_rate_is_assumed else recording.frame_rate,
                recording.frames,
                recording.source,
            )
            for recording in recordings
        ]
        rates = {video.frame_rate for video in videos}
        return cls(videos, rates.pop() if len(rates) == 1 else None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __contains__(self, video: str) -> bool:
        return video in self._by_id

    def find(self, *names: str | Path) -> Video:
        """Return the first video that one of these names stands for.

        A name stands for the video whose id it is. A path does so without what ``video_id`` leaves out, and with as
        many of its folders as the id has; a file that this program writes has the name ``file_stem`` of the id, or
        ``unique_stem``. Otherwise a name stands for the only video whose id has the same last part.

        Args:
            names: what a file of annotations gives for its video, the surest first: names, and as ``Path`` its own
                path or that of the film.

        Returns:
            A video of this collection; if none matches, one whose id is the first name.

        Raises:
            InputError: the names stand for several videos, and none of them for one alone.
        """
        several: list[Video] = []
        for parts, is_path in _readings(names):
            if (name := parts[0]) in self._by_id and len(parts) == 1:
                return self._by_id[name]
            matches = [video for video in self._matches(parts, is_path) if not several or video in several]
            if len(matches) == 1:
                return matches[0]
            several = several or matches
        if several:
            stems = file_stems(video.id for video in several)
            first, stem = next(iter(stems.items()))
            raise InputError(
                f"{str(names[0])!r}: expected the name of one video; found that of {list_names(stems, 5)}: name the "
                f"video in full, such as {first!r}, or {stem!r} at the start of a file's name"
            )
        for path in names:
            if isinstance(path, Path) and (of_folder := self.of_folder(path)) is not None:
                return of_folder
        return Video(video_id(names[0]) if isinstance(names[0], Path) else names[0], self._frame_rate)

    def of_folder(self, file: Path) -> Video | None:
        """Return the only video of the folder of a file whose name is that of no video; None if there is none.

        Args:
            file: a file of annotations, such as ``m1/labels.csv``: the video is ``m1``, or ``m1/pose``, or has its
                tracks in a folder ``m1``.
        """
        own_name = video_id(file).lower()
        folders = file.absolute().parent.parts
        if not (own_name in self._shared or _GENERAL.fullmatch(own_name)):
            return None
        if any(self._matches((*folders, name), True) for name in names_of_video(file)):
            return None
        nearest, *others = map(_spelling, reversed(folders[-_OF_VIDEO:]))
        found = self._by_part.get(nearest) or self._by_folder.get(nearest, set())
        for folder in others:
            of_folder = self._by_part.get(folder, set())
            found = found & of_folder or found or of_folder
        return self._by_id[next(iter(found))] if len(found) == 1 else None

    def _matches(self, parts: Parts, is_path: bool) -> list[Video]:
        """Return the videos that fit a name best: by their whole id, as file names, or by the last part of their id."""
        if marked := self._by_unique_stem.get(_spelling(parts[-1])):
            return [marked]
        endings = [parts[-count:] for count in range(min(len(parts), max(self._longest, _FOLDERS)), 0, -1)]
        for ending in endings:
            if same := self._by_parts.get(tuple(map(_spelling, ending))):
                # Ids that differ only in how accents are spelt, or in their slashes.
                return [video for video in same if video.id == "/".join(ending)] or same
        if own := self._by_id.get(parts[-1]):  # it holds a backslash, which may be a part of a name
            return [own]
        for ending in (parts, *endings):
            if same := self._by_stem.get(_spelling(plain_stem("/".join(ending)))):
                return same
        name = _spelling(parts[-1])
        return self._of_last_part(parts, self._by_last[0].get(name) or self._by_last[1].get(name) or [], is_path)

    def _of_last_part(self, parts: Parts, candidates: Sequence[Video], is_path: bool) -> list[Video]:
        """Return those candidates that share most folders with a name."""
        folders = tuple(map(_spelling, parts[:-1]))
        common = [_common_end(self._parts[video.id][:-1], folders) for video in candidates]
        # A path lies in any folder, but two names with different folders are two names.
        return [
            video
            for video, count in zip(candidates, common, strict=True)
            if count == max(common) and (is_path or count in (len(folders), len(self._parts[video.id]) - 1))
        ]


def _readings(names: Iterable[str | Path]) -> Iterator[tuple[Parts, bool]]:
    """Yield the parts of every name that may be meant, the surest first, and whether it is that of a path."""
    for name in names:
        if isinstance(name, Path):
            folders = name.absolute().parent.parts
            yield from (((*folders, each), True) for each in names_of_video(name))
        else:
            yield (name,), False
            *above, last = _split(name)
            yield from (((*above, each), False) for each in without_appended(last))


def _split(name: str) -> Parts:
    return tuple(name.replace("\\", "/").split("/"))


def _folder_of(video: Video) -> str:
    return _spelling(Path(video.source).absolute().parent.name) if video.source else ""


def _parts(video: str) -> Parts:
    return tuple(map(_spelling, _split(video)))


def _spelling(name: str) -> str:
    """Return the name with one spelling of its accents: disks and programs change it."""
    return unicodedata.normalize("NFC", name)


def _common_end(first: Parts, second: Parts) -> int:
    """Count the parts at the end that are equal."""
    pairs = zip(reversed(first), reversed(second), strict=False)
    return next((count for count, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


UNKNOWN_VIDEOS = Videos()
"""No video is known: annotations are read by themselves."""
