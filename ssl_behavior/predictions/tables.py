"""Predictions on disk: a table of frames and a table of bouts per video.

``<video id>.csv`` has the columns ``frame`` (from 0), ``time_s``, ``label``, ``animals_tracked`` (number of animals
tracked in the frame; where it is 0, the label is interpolated: treat it as a guess) and one probability per behaviour.
``<video id>.bouts.csv`` has the columns ``behaviour``, ``start_frame``, ``stop_frame``, ``start_s``, ``stop_s`` and
``mean_probability``; stops are exclusive.

Where a model predicts pairs, both tables have the columns ``agent`` and ``target`` too (after ``time_s``, and first).
The rows of one pair follow those of another. What an animal does by itself has the same name twice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.frame_rate import require_frame_rate
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.pairs import pair_channel
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.video_names import file_stem

RECORD = "videos.yaml"
"""File of a folder of predictions that says which video each file name stands for."""

_ROUNDING = 1e-3
"""Largest difference of a sum of probabilities from 1: files have six decimals, and models may have many behaviours."""
LEADING = ["frame", "time_s", "label", "animals_tracked"]
"""Columns of a table of frames before those of the behaviours."""

OF_PAIR = ["agent", "target"]
LEADING_OF_PAIRS = [*LEADING[:2], *OF_PAIR, *LEADING[2:]]
"""The same where a model predicts pairs."""

_BOUT_COLUMNS = ["behaviour", "start_frame", "stop_frame", "start_s", "stop_s", "mean_probability"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """The predicted labels and probabilities of one video.

    Attributes:
        id: id of the video.
        behaviours: names of the behaviours: the columns of ``probabilities``, and the vocabulary of ``labels``.
        probabilities: (time, behaviour) float32.
        labels: (time,) int16, the decoded behaviour of each frame. Decoding weighs behaviours and smooths over time, so
            a label can differ from the most probable behaviour.
        frame_rate: Hz.
        animals_tracked: (time,) int16, number of individuals with a tracked landmark.
        pair: names of the agent and the target, as in ``Labels.pair``; None for labels of the whole group, or of the
            one pair that the model knows.

    Raises:
        InputError: a probability or the frame rate cannot be.
        ValueError: shapes or labels do not fit the behaviours.
    """

    id: str
    behaviours: tuple[str, ...]
    probabilities: np.ndarray
    labels: np.ndarray
    frame_rate: float
    animals_tracked: np.ndarray
    pair: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        probabilities = np.asarray(self.probabilities, np.float32)
        labels = np.asarray(self.labels, np.int16)
        if probabilities.shape != (len(labels), len(self.behaviours)):
            raise ValueError(
                f"probabilities must be (time, behaviour) = {(len(labels), len(self.behaviours))}; "
                f"got {probabilities.shape}"
            )
        if labels.size and not 0 <= labels.min() <= labels.max() < len(self.behaviours):
            raise ValueError(f"labels must index {list(self.behaviours)}; got {labels.min()} to {labels.max()}")
        animals_tracked = np.asarray(self.animals_tracked, np.int16)
        if animals_tracked.shape != labels.shape:
            raise ValueError(f"animals_tracked must be (time,) = {labels.shape}; got {animals_tracked.shape}")
        require_frame_rate(self.frame_rate, self.id)
        _require_probabilities(probabilities, self.id)
        object.__setattr__(self, "animals_tracked", animals_tracked)
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "labels", labels)

    def to_annotations(self, channel: str = "predicted") -> Annotations:
        """Convert the labels to bouts of one channel, to write them in an annotation format (Caltech, Bento, BORIS)."""
        bouts = tuple(Labels(self.behaviours, self.labels).bouts())
        return Annotations(self.id, {channel: bouts}, frames=len(self.labels), vocabulary={channel: self.behaviours})


def pair_annotations(predictions: Sequence[Prediction], background: str) -> Annotations:
    """Convert the labels of all pairs of one video to bouts, a channel per pair, without those of the background.

    Args:
        predictions: one or more, of the same video, each with its pair.
        background: the behaviour of frames in which nothing of interest happens.
    """
    first = predictions[0]
    channels, pairs = {}, {}
    for each in predictions:
        if each.pair is None:
            raise ValueError("predictions of pairs must have a pair")
        pairs[pair_channel(each.pair)] = each.pair
        bouts = Labels(each.behaviours, each.labels).bouts()
        channels[pair_channel(each.pair)] = tuple(bout for bout in bouts if bout.behaviour != background)
    vocabulary = dict.fromkeys(channels, first.behaviours)
    return Annotations(first.id, channels, background, frames=len(first.labels), vocabulary=vocabulary, pairs=pairs)


def _require_probabilities(probabilities: np.ndarray, video: str) -> None:
    """Make sure that numbers (time, behaviour) are from 0 to 1 and sum to 1 in each frame.

    Raises:
        InputError: they are not, NaN included.
    """
    sums = probabilities.sum(1, dtype=np.float64)
    is_right = (probabilities >= -_ROUNDING).all(1) & (np.abs(sums - 1) <= _ROUNDING)
    if not is_right.all():
        frame = int(is_right.argmin())
        raise InputError(
            f"{video}: expected probabilities from 0 to 1 that sum to 1 in each frame; found "
            f"{probabilities[frame].tolist()} in frame {frame}: predict again"
        )


def bout_table(prediction: Prediction) -> pd.DataFrame:
    """List the bouts of a prediction, by start.

    Returns:
        A row per bout with the columns ``behaviour``, ``start_frame``, ``stop_frame``, ``start_s``, ``stop_s`` and
        ``mean_probability``, after ``agent`` and ``target`` for a pair. Stops are exclusive; the mean is the
        probability of the bout's behaviour over its frames.
    """
    rows = []
    # Differences of running sums give the mean of any bout without a pass over its frames.
    sums = np.vstack([np.zeros(len(prediction.behaviours)), np.cumsum(prediction.probabilities, 0, dtype=np.float64)])
    for bout in Labels(prediction.behaviours, prediction.labels).bouts():
        column = prediction.behaviours.index(bout.behaviour)
        mean = (sums[bout.stop, column] - sums[bout.start, column]) / (bout.stop - bout.start)
        times = bout.start / prediction.frame_rate, bout.stop / prediction.frame_rate
        rows.append((bout.behaviour, bout.start, bout.stop, round(times[0], 6), round(times[1], 6), round(mean, 6)))
    table = pd.DataFrame(rows, columns=_BOUT_COLUMNS)
    if prediction.pair is not None:
        for place, (name, animal) in enumerate(zip(OF_PAIR, prediction.pair, strict=True)):
            table.insert(place, name, np.array([animal] * len(table), object))
    return table


def write(folder: str | Path, predictions: Prediction | Sequence[Prediction], stem: str | None = None) -> list[Path]:
    """Write both tables of one video. An interrupt leaves no half-written table.

    Args:
        folder: folder for the tables; created if missing.
        predictions: prediction to write, or those of all pairs of a video; probabilities are rounded to six decimals.
        stem: beginning of the file names; by default ``file_stem`` of the video's id.

    Returns:
        The paths of the table of frames and of the table of bouts.
    """
    parts = [predictions] if isinstance(predictions, Prediction) else list(predictions)
    path = Path(folder) / (file_stem(parts[0].id) if stem is None else stem)
    paths = [path.with_name(f"{path.name}.csv"), path.with_name(f"{path.name}.bouts.csv")]
    header = io.StringIO()
    leading = LEADING_OF_PAIRS if parts[0].pair else LEADING
    csv.writer(header, lineterminator="\n").writerow([*leading, *parts[0].behaviours])
    write_text(paths[0], header.getvalue() + "".join(map(_frame_rows, parts)))
    text = io.StringIO()
    pd.concat(list(map(bout_table, parts))).to_csv(text, index=False, lineterminator="\n")
    write_text(paths[1], text.getvalue())
    return paths


def _frame_rows(prediction: Prediction) -> str:
    """The rows of frames as text. Pyarrow writes them in a sixth of the time that pandas takes."""
    names, frames = prediction.behaviours, np.arange(len(prediction.labels))
    columns: list[Any] = [frames, np.round(frames / prediction.frame_rate, 6)]
    columns += [pa.array([name] * len(frames)) for name in prediction.pair or ()]
    columns += [pa.DictionaryArray.from_arrays(prediction.labels, list(names)).dictionary_decode()]
    columns += [prediction.animals_tracked, *np.round(prediction.probabilities.T.astype(np.float64), 6)]
    rows = io.BytesIO()
    quoting = "needed" if set('",\r\n') & set("".join([*names, *(prediction.pair or ())])) else "none"
    options = pa.csv.WriteOptions(include_header=False, quoting_style=quoting)
    pa.csv.write_csv(pa.table(columns, [str(number) for number in range(len(columns))]), rows, options)
    return rows.getvalue().decode()


def recorded_videos(folder: Path) -> dict[str, str]:
    """Return stem -> id of the videos whose files ``predict`` wrote to a folder; empty without a record."""
    try:
        record = yaml_files.read(folder / RECORD)
    except InputError:  # version 0.1.0 wrote none
        return {}
    is_record = isinstance(record, dict) and all(isinstance(name, str) for pair in record.items() for name in pair)
    return record if is_record and len(set(record.values())) == len(record) else {}
