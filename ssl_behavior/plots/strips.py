"""Labels of videos as the rows of an ethogram, from recordings, tables or arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.in_memory import Recordings, as_recordings
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Strip:
    """One video in an ethogram.

    Attributes:
        id: the video.
        frame_rate: Hz.
        rows: what each row shows ("truth", "predicted") -> (time,) labels, -1 where unscored.
    """

    id: str
    frame_rate: float
    rows: Mapping[str, np.ndarray]


LabelSource: TypeAlias = "Recordings | pd.DataFrame"


class _Row(NamedTuple):
    video: str
    frame_rate: float
    name: str
    labels: np.ndarray
    behaviours: tuple[str, ...]


def strips_of(
    source: LabelSource | Mapping[str, LabelSource] | Sequence[Strip], behaviours: Sequence[str] | None = None
) -> tuple[list[Strip], tuple[str, ...]]:
    """Collect labels by video, as indices into one vocabulary.

    Args:
        source: recordings with labels, a row per channel; a table with the columns ``video``, ``time_s`` and
            ``label``; several of these by name, whose rows stand under each other; or strips.
        behaviours: names that come first in the vocabulary; of strips, the whole vocabulary.

    Returns:
        A strip per video, and the behaviours.

    Raises:
        InputError: there are no labels, or strips without the names of their behaviours.
    """
    if isinstance(source, Sequence) and (strips := [part for part in source if isinstance(part, Strip)]):
        if behaviours is None:
            raise InputError("expected the names of the strips' behaviours; found none: give behaviours=[...]")
        return strips, tuple(behaviours)
    named = dict(source) if isinstance(source, Mapping) else {"": source}
    rows = [row for name, part in named.items() for row in _rows(part, name)]
    if not rows:
        raise InputError("expected recordings with labels; found none with any: read them with sb.read_labelled(...)")
    vocabulary = tuple(dict.fromkeys([*(behaviours or ()), *(name for row in rows for name in row.behaviours)]))
    by_video: dict[str, Strip] = {}
    for row in rows:
        # The last entry stands for unscored frames, as -1 indexes it.
        numbers = np.array([*map(vocabulary.index, row.behaviours), UNSCORED], np.int16)
        strip = by_video.get(row.video, Strip(row.video, row.frame_rate, {}))
        by_video[row.video] = replace(strip, rows={**strip.rows, row.name: numbers[row.labels]})
    return list(by_video.values()), vocabulary


def _rows(source: LabelSource, name: str) -> Iterator[_Row]:
    if hasattr(source, "groupby") and hasattr(source, "columns"):
        yield from _rows_of_table(source, name or "label")
        return
    for recording in as_recordings(source):
        for channel, labels in recording.labels.items():
            shown = channel if not name else name if len(recording.labels) == 1 else f"{name}: {channel}"
            yield _Row(recording.id, recording.frame_rate, shown, labels.values, labels.behaviours)


def _rows_of_table(table: pd.DataFrame, name: str) -> Iterator[_Row]:
    if missing := [column for column in ("video", "time_s", "label") if column not in table.columns]:
        raise InputError(
            f"expected a table with the columns video, time_s, label; found one without {', '.join(missing)}"
        )
    categories = table["label"].astype("category")
    behaviours = tuple(map(str, categories.cat.categories))
    codes = categories.cat.codes.to_numpy()
    for video, places in table.groupby("video", sort=False).indices.items():
        seconds = table["time_s"].to_numpy()[places]
        rate = (len(seconds) - 1) / (seconds[-1] - seconds[0]) if len(seconds) > 1 else ASSUMED_FRAME_RATE
        yield _Row(str(video), float(rate), name, codes[places], behaviours)
