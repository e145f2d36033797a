"""Annotation tables of MABe-2025: a row per bout, and the labels of the pairs of one video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.formats.tracks.mabe25.metadata import Entry
from ssl_behavior.formats.untrusted.arrow_tables import opened_natively
from ssl_behavior.formats.untrusted.limits import most_bytes
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import Bout, Labels
from ssl_behavior.recordings.pairs import Pair, pair_channel
from ssl_behavior.storage.paths import ANNOTATION

_NUMBERS = ("agent_id", "target_id", "start_frame", "stop_frame")
_COLUMNS = ("agent_id", "target_id", "action", "start_frame", "stop_frame")
_ROW_BYTES = 40
_LONGEST_NAME = 200


class PairBout(NamedTuple):
    """One row: what ``agent`` does to ``target`` (or to itself) from ``start`` up to, but not including, ``stop``."""

    agent: str
    target: str
    action: str
    start: int
    stop: int


@dataclass(frozen=True)
class PairLabels:
    """Labels of one video.

    Attributes:
        labels: channel -> labels of a pair.
        notices: what was left out or cut, a sentence each.
    """

    labels: Mapping[str, Labels]
    notices: tuple[str, ...]


def mouse_name(number: int) -> str:
    """Return the name of a mouse.

    Examples:
        >>> mouse_name(2)
        'mouse2'
    """
    return f"mouse{number}"


def annotation_file(folder: Path, part: str, lab: str, video: str) -> Path:
    """Return the place of the annotations of a video in the competition's folder."""
    return folder / f"{part}{ANNOTATION}" / lab / f"{video}.parquet"


def read_bouts(path: Path) -> list[PairBout]:
    """Read the bouts of one annotation table, in the order of the file; some may be empty.

    Raises:
        InputError: the file is no such table, or a bout stops before it starts.
    """
    try:
        with opened_natively(path) as source, pq.ParquetFile(source) as file:
            if lacking := [name for name in _COLUMNS if name not in file.schema_arrow.names]:
                raise _unexpected(path, f"no column {', '.join(lacking)}")
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            size = sum(max(group.total_byte_size, group.num_rows * _ROW_BYTES) for group in groups)
            if size > most_bytes(path.stat().st_size):
                raise _unexpected(path, "more rows than the file can hold")
            table = file.read(list(_COLUMNS), use_threads=False)
        columns = [table[name].to_pylist() for name in _COLUMNS]
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise _unexpected(path, f"a damaged file ({error})") from None
    for name in _NUMBERS:
        if not pa.types.is_integer(table.schema.field(name).type) or table[name].null_count:
            raise _unexpected(path, f"{name} that is no whole number")
    bouts = [
        PairBout(mouse_name(agent), mouse_name(target), action, start, stop)
        for agent, target, action, start, stop in zip(*columns, strict=True)
    ]
    for bout in bouts:
        if not isinstance(bout.action, str) or not 0 < len(bout.action) <= _LONGEST_NAME:
            raise _unexpected(path, f"the action {bout.action!r:.40}")
        if not 0 <= bout.start <= bout.stop:
            raise _unexpected(path, f"a bout from frame {bout.start} to {bout.stop}")
    return bouts


def pair_labels(bouts: Iterable[PairBout], listed: Sequence[Entry], actions: Sequence[str], frames: int) -> PairLabels:
    """Make the labels of each pair that a video's list names.

    Args:
        bouts: bouts of the video.
        listed: the actions that were looked for, in pairs of mice that are tracked.
        actions: actions of all videos, the vocabulary; ``OTHER`` is added as its last behaviour.
        frames: number of frames of the tracks.

    Returns:
        Labels over one vocabulary for all videos, each with the actions that were asked for. Where two bouts of a pair
        overlap, the one that starts later holds.
    """
    kept: dict[Pair, list[Bout]] = {(agent, target): [] for agent, target, _ in listed}
    possible = set(listed)
    empty = unlisted = past = 0
    for bout in bouts:
        if (bout.agent, bout.target, bout.action) not in possible:
            unlisted += 1
        elif bout.start == bout.stop:
            empty += 1
        else:
            past += bout.stop > frames
            kept[bout.agent, bout.target].append(Bout(bout.start, bout.stop, bout.action))
    behaviours = (*actions, OTHER)
    labels, overlapping = {}, 0
    for pair, of_pair in kept.items():
        channel = pair_channel(pair)
        overlapping += Annotations("", {channel: tuple(of_pair)}).overlapping_frames(channel)
        asked = {action for agent, target, action in listed if (agent, target) == pair}
        labels[channel] = Labels(
            behaviours,
            Labels.from_bouts(sorted(of_pair), behaviours, frames, OTHER).values,
            pair,
            tuple(name for name in behaviours if name in asked or name == OTHER),
        )
    notices = {
        "of no length, left out": count_of(empty, "bout") if empty else "",
        "that the video's list does not have, left out": count_of(unlisted, "bout") if unlisted else "",
        "past the end of the tracks, cut there": count_of(past, "bout") if past else "",
        "in two bouts of one pair, where the later bout holds": count_of(overlapping, "frame") if overlapping else "",
    }
    return PairLabels(labels, tuple(f"{count} {what}" for what, count in notices.items() if count))


def without_strangers(listed: Sequence[Entry], mice: Sequence[str]) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Return the entries of a list whose mice are tracked, and a notice of the others."""
    kept = tuple(entry for entry in listed if {*entry[:2]} <= set(mice))
    strangers = {name for entry in listed for name in entry[:2]} - set(mice)
    if not strangers:
        return kept, ()
    return kept, (
        f"{list_names(strangers)}: listed and not in the tracks: {len(listed) - len(kept)} of "
        f"{count_of(len(listed), 'entry').replace('entrys', 'entries')} left out",
    )


def _unexpected(path: Path, found: str) -> InputError:
    return InputError(
        f"{path}: expected annotations of MABe-2025 ({', '.join(_COLUMNS)}); found {found}: download the file again"
    )
