"""A simulated competition of several laboratories, in the files of MABe-2025.

The files are train.csv and test.csv (38 columns), ``{train,test}_tracking/<lab>/<video>.parquet`` and
``train_annotation/<lab>/<video>.parquet``. Two things the real competition keeps to itself: ``test_annotation``, and
``oracle.csv``, a submission by an observer who knows the true actions and has the annotators' habits. The score of the
oracle is what one annotator reaches against another. A program that averages over the annotators' noise can pass it.

Each video depends only on the seed, its laboratory, its part of the competition and its number. Videos are made and
written one by one, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from ssl_behavior.formats.tracks.mabe25.submissions import COLUMNS, write_submission
from ssl_behavior.simulation.annotators import Bout, annotate
from ssl_behavior.simulation.arena_video import ArenaVideo, simulate_video
from ssl_behavior.simulation.competition_files import (
    csv_row,
    submission_rows,
    write_annotation,
    write_csv,
    write_tracking,
)
from ssl_behavior.simulation.laboratories import LABORATORIES, Laboratory
from ssl_behavior.simulation.lists import Entry, draw_list, is_listed, written_list
from ssl_behavior.simulation.mice import FRAME_RATE

TRAIN, TEST, UNLABELLED = range(3)
_PARTS = ("train", "test", "train")
_NUMBERS = 100_000  # of ids for each laboratory and part
_ANNOTATOR, _SECOND_ANNOTATOR, _ORACLE = range(3)


@dataclass(frozen=True)
class Sizes:
    """Numbers of videos in each laboratory, and their lengths.

    Attributes:
        train_videos: videos with annotations in train.csv.
        test_videos: videos in test.csv.
        unlabelled_videos: videos in train.csv without a list and annotations.
        frames: least and greatest length, in frames at 30 Hz.
    """

    train_videos: int
    test_videos: int
    unlabelled_videos: int
    frames: tuple[int, int]


class Simulated(NamedTuple):
    """A video of the competition, and what its annotators wrote.

    Attributes:
        laboratory: its laboratory.
        part: ``TRAIN``, ``TEST`` or ``UNLABELLED``.
        id: video id.
        video: tracks and true bouts.
        listed: what the annotators looked for; nothing in unlabelled videos.
        annotated: their bouts.
        oracle: bouts of an observer with the same habits.
    """

    laboratory: Laboratory
    part: int
    id: int
    video: ArenaVideo
    listed: tuple[Entry, ...]
    annotated: tuple[Bout, ...]
    oracle: tuple[Bout, ...]


class Written(NamedTuple):
    """Summary of a competition that was written.

    Attributes:
        counts: per laboratory, a row of numbers of videos, minutes and bouts.
        examples: the first labelled video of each laboratory.
    """

    counts: pd.DataFrame
    examples: tuple[Simulated, ...]


def competition_videos(sizes: Sizes, seed: int) -> Iterator[Simulated]:
    """Simulate the videos of a competition, one at a time.

    Args:
        sizes: numbers and lengths of the videos.
        seed: whole number, 0 or above.

    Examples:
        >>> first = next(competition_videos(Sizes(1, 1, 0, (900, 900)), seed=0))
        >>> first.video.positions.shape
        (900, 2, 7, 2)
    """
    numbers = (sizes.train_videos, sizes.test_videos, sizes.unlabelled_videos)
    for place, laboratory in enumerate(LABORATORIES):
        for part, videos in enumerate(numbers):
            for number in range(videos):
                key = (seed, place, part, number)
                one = _simulate(laboratory, part, key, sizes.frames)
                yield one
                if laboratory.annotates_twice and (part, number) == (TRAIN, 0):
                    again = _bouts_written(one.video, laboratory, one.listed, (*key, _SECOND_ANNOTATOR))
                    yield one._replace(id=_id_of(place, part, videos), annotated=again)


def write_competition(output: Path, sizes: Sizes, seed: int) -> Written:
    """Write all files of a competition.

    Args:
        output: folder that exists.
        sizes: numbers and lengths of the videos.
        seed: the same seed gives the same files.
    """
    rows: dict[str, list[dict[str, object]]] = {"train": [], "test": []}
    oracle: list[tuple[object, ...]] = []
    counts: list[tuple[object, ...]] = []
    examples: dict[str, Simulated] = {}
    for one in competition_videos(sizes, seed):
        part, name = _PARTS[one.part], one.laboratory.name
        text = written_list(one.listed, one.laboratory.has_stray_apostrophes) if one.listed else None
        rows[part].append(csv_row(one.laboratory, one.id, one.video.frames, text))
        write_tracking(output / f"{part}_tracking" / name / f"{one.id}.parquet", one.video.positions, one.laboratory)
        if one.part != UNLABELLED:
            write_annotation(output / f"{part}_annotation" / name / f"{one.id}.parquet", one.annotated)
            examples.setdefault(name, one)
        if one.part == TEST:
            oracle += submission_rows(one.id, one.oracle)
        minutes = one.video.frames / one.laboratory.frame_rate / 60
        counts.append((name, one.part, minutes, len(one.annotated)))
    for part, its_rows in rows.items():
        write_csv(output / f"{part}.csv", its_rows)
    tested = [str(row["video_id"]) for row in rows["test"]]
    write_submission(output / "oracle.csv", pd.DataFrame(oracle, columns=COLUMNS[1:]), tested)
    return Written(pd.DataFrame(counts, columns=["lab", "part", "minutes", "bouts"]), tuple(examples.values()))


def _simulate(laboratory: Laboratory, part: int, key: tuple[int, ...], frames: tuple[int, int]) -> Simulated:
    rng = np.random.default_rng(key)
    length = int(rng.integers(frames[0], frames[1] + 1))
    listed = draw_list(laboratory, rng) if part != UNLABELLED else ()
    video = simulate_video(laboratory, length / FRAME_RATE, rng)
    annotated = _bouts_written(video, laboratory, listed, (*key, _ANNOTATOR))
    oracle = _bouts_written(video, laboratory, listed, (*key, _ORACLE))
    return Simulated(laboratory, part, _id_of(key[1], part, key[3]), video, listed, annotated, oracle)


def _bouts_written(
    video: ArenaVideo, laboratory: Laboratory, listed: Sequence[Entry], key: tuple[int, ...]
) -> tuple[Bout, ...]:
    """The listed bouts that an annotator writes down; the key decides what the annotator misses and delays."""
    rng = np.random.default_rng(key)
    bouts = annotate(video.bouts, laboratory.habits, laboratory.frame_rate, video.frames, rng)
    return tuple(bout for bout in bouts if is_listed(bout, listed))


def _id_of(place: int, part: int, number: int) -> int:
    return ((place + 1) * len(_PARTS) + part) * _NUMBERS + number
