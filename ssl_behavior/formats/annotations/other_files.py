"""Files beside annotations that are none: tracks, settings, and tables of bouts that repeat labels."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.label_columns import has_labels_beside_points
from ssl_behavior.formats.text_files import first_line

_BOUTS = ".bouts.csv"


class PassedOver:
    """The files that are not read, for one notice.

    Args:
        reason: why they are not read.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self.files: list[Path] = []

    def add(self, path: Path) -> None:
        """Remember a file."""
        self.files.append(path)

    def notices(self) -> Iterator[str]:
        """Yield the line about all of them, if there are any."""
        if self.files:
            first, *others = self.files
            yield f"{first}{f' and {len(others)} more' if others else ''}: passed over, {self._reason}"


def without_repeated_bouts(files: Sequence[Path]) -> list[Path]:
    """Return the files without this program's tables of bouts whose table of labels is among the files too."""
    all_files = set(files)
    return [
        path
        for path in files
        if not path.name.endswith(_BOUTS) or path.with_name(f"{path.name.removesuffix(_BOUTS)}.csv") not in all_files
    ]


def holds_tracks(path: Path, is_tracks: Callable[[Path], bool]) -> bool:
    """Return whether a file that cannot be read as annotations holds tracks, and nothing that may be a behaviour.

    Args:
        path: the file.
        is_tracks: says whether a reader of tracks takes a file.
    """
    try:
        if path.suffix.lower() == ".csv" and first_line(path).lower().startswith("scorer,"):
            return True
        # SimBA adds columns of 0 and 1 for behaviours to its tracks: such labels must not get lost.
        return is_tracks(path) and not has_labels_beside_points(path)
    except (InputError, OSError, UnicodeError, csv.Error):
        return False


def notes_among(
    paths: str | Path | Sequence[str | Path], files: Sequence[Path], is_tracks: Callable[[Path], bool]
) -> PassedOver:
    """Return the .json files of a folder that hold no tracks, such as a program's settings or keys.

    Args:
        paths: what the user gave; a file that is named there is no mere note.
        files: files that tracks with labels may be in.
        is_tracks: says whether a reader of tracks takes a file.
    """
    named = {Path(path).expanduser().resolve() for path in ([paths] if isinstance(paths, str | Path) else paths)}
    notes = PassedOver("as no tracks or labels are in it")
    for path in files:
        if path.name.lower().endswith(".json") and path.resolve() not in named and not is_tracks(path):
            notes.add(path)
    return notes
