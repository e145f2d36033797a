"""Predictions on disk: a table of frames and a table of bouts per video.

``<video id>.csv`` has the columns ``frame`` (from 0), ``time_s``, ``label``, ``animals_tracked`` (number of animals
tracked in the frame; where it is 0, the label is interpolated: treat it as a guess) and one probability per behaviour.
``<video id>.bouts.csv`` has the columns ``behaviour``, ``start_frame``, ``stop_frame``, ``start_s``, ``stop_s`` and
``mean_probability``; stops are exclusive.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError, natural_key
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE, MOST_COLUMNS
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.frame_rate import require_frame_rate
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import Video, Videos
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.video_names import file_stem

RECORD = "videos.yaml"
"""File of a folder of predictions that says which video each file name stands for."""

_ROUNDING = 1e-3
"""Largest difference of a sum of probabilities from 1: files have six decimals, and models may have many behaviours."""
_LEADING = ["frame", "time_s", "label", "animals_tracked"]
_ADVICE = "predict again, or move the file elsewhere if ssl-behavior predict did not write it"
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
        ``mean_probability``. Stops are exclusive; the mean is the probability of the bout's behaviour over its frames.
    """
    rows = []
    # Differences of running sums give the mean of any bout without a pass over its frames.
    sums = np.vstack([np.zeros(len(prediction.behaviours)), np.cumsum(prediction.probabilities, 0, dtype=np.float64)])
    for bout in Labels(prediction.behaviours, prediction.labels).bouts():
        column = prediction.behaviours.index(bout.behaviour)
        mean = (sums[bout.stop, column] - sums[bout.start, column]) / (bout.stop - bout.start)
        times = bout.start / prediction.frame_rate, bout.stop / prediction.frame_rate
        rows.append((bout.behaviour, bout.start, bout.stop, round(times[0], 6), round(times[1], 6), round(mean, 6)))
    return pd.DataFrame(rows, columns=_BOUT_COLUMNS)


def write(folder: str | Path, prediction: Prediction, stem: str | None = None) -> list[Path]:
    """Write both tables of one video. An interrupt leaves no half-written table.

    Args:
        folder: folder for the tables; created if missing.
        prediction: prediction to write; probabilities are rounded to six decimals.
        stem: beginning of the file names; by default ``file_stem`` of the video's id.

    Returns:
        The paths of the table of frames and of the table of bouts.
    """
    path = Path(folder) / (file_stem(prediction.id) if stem is None else stem)
    paths = [path.with_name(f"{path.name}.csv"), path.with_name(f"{path.name}.bouts.csv")]
    write_text(paths[0], _frames_table(prediction))
    text = io.StringIO()
    bout_table(prediction).to_csv(text, index=False, lineterminator="\n")
    write_text(paths[1], text.getvalue())
    return paths


def _frames_table(prediction: Prediction) -> str:
    """The table of frames as text. Pyarrow writes it in a sixth of the time that pandas takes."""
    names, frames = prediction.behaviours, np.arange(len(prediction.labels))
    columns: list[Any] = [frames, np.round(frames / prediction.frame_rate, 6)]
    columns += [pa.DictionaryArray.from_arrays(prediction.labels, list(names)).dictionary_decode()]
    columns += [prediction.animals_tracked, *np.round(prediction.probabilities.T.astype(np.float64), 6)]
    header, rows = io.StringIO(), io.BytesIO()
    csv.writer(header, lineterminator="\n").writerow([*_LEADING, *names])
    quoting = "needed" if set('",\r\n') & set("".join(names)) else "none"
    options = pa.csv.WriteOptions(include_header=False, quoting_style=quoting)
    pa.csv.write_csv(pa.table(columns, [str(number) for number in range(len(columns))]), rows, options)
    return header.getvalue() + rows.getvalue().decode()


def read(path: str | Path) -> Prediction:
    """Read the table of frames of one video.

    The frame rate is computed from the times. The id is the stem of the file name.

    Raises:
        InputError: the file is no table of frames, or a label is not among its behaviours.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(iter(lambda: file.readline(LONGEST_LINE), ""))
            names, first = next(lines, []), next(lines, [])
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a table of predictions; found another file ({error}): {_ADVICE}") from None
    behaviours = tuple(names[len(_LEADING) :])
    if names[: len(_LEADING)] != _LEADING or not behaviours:
        wanted = f"columns {', '.join(_LEADING)} and behaviours"
        raise InputError(f"{path}: expected {wanted}; found {', '.join(names)[:80]}: {_ADVICE}")
    if len(names) > MOST_COLUMNS or len(first) not in (0, len(names)):  # pandas would take gigabytes for millions
        raise InputError(
            f"{path}: expected a number per behaviour, of at most {MOST_COLUMNS:,}; found {len(names)} columns with "
            f"{len(first)} values in the first row: {_ADVICE}"
        )
    try:
        # Columns by position, as a behaviour may be named "label"; no missing values, as one may be named "NA".
        table = pd.read_csv(path, header=None, skiprows=1, dtype={2: str}, keep_default_na=False, na_values={})
        times = table[1].to_numpy(np.float64)
        animals_tracked = table[3].to_numpy(np.int64)
        if ((animals_tracked < 0) | (animals_tracked > np.iinfo(np.int16).max)).any():
            raise ValueError("animals_tracked is below 0, or larger than any number of animals")
        probabilities = table.iloc[:, len(_LEADING) :].to_numpy(np.float32)
        if not (np.isfinite(times).all() and ((probabilities >= 0) & (probabilities <= 1)).all()):
            raise ValueError("a missing time or probability, or a probability that is not from 0 to 1")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        problem = str(error).splitlines()[0]
        raise InputError(f"{path}: expected numbers in every column but label; found {problem}: {_ADVICE}") from None
    if probabilities.shape[1] != len(behaviours) or (table[0].to_numpy() != np.arange(len(table))).any():
        raise InputError(
            f"{path}: expected a row per frame from 0 and a number per behaviour; found other rows: {_ADVICE}"
        )
    labels = pd.Index(behaviours).get_indexer(table[2]) if len(set(behaviours)) == len(behaviours) else np.array([-1])
    if (labels < 0).any():
        wrong = table[2][int(np.flatnonzero(labels < 0)[0])]
        raise InputError(f"{path}: expected labels among {list(behaviours)}; found {wrong!r}: {_ADVICE}")
    rate = round((len(times) - 1) / times[-1], 3) if len(times) > 1 and times[-1] > 0 else ASSUMED_FRAME_RATE
    if len(times) and (np.abs(times - np.linspace(0, times[-1], len(times))) > 0.5 / max(rate, 1e-3)).any():
        raise InputError(f"{path}: expected times in equal steps from 0; found others: predict again")
    try:
        return Prediction(path.name.removesuffix(".csv"), behaviours, probabilities, labels, rate, animals_tracked)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_folder(folder: str | Path) -> list[Prediction]:
    """Read all predictions in a folder, in natural order of their names.

    The ids are those that ``predict`` recorded in the folder, or else the stems of the file names.

    Raises:
        InputError: the folder does not exist or holds no predictions, a table is damaged, or two tables differ in their
            behaviours.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder}: expected predictions; found no such folder: give the --output of ssl-behavior predict"
        )
    paths = [path for path in folder.glob("*.csv") if not path.name.endswith(".bouts.csv") and path.name[0] != "."]
    if not paths:
        raise InputError(
            f"{folder}: expected predictions (<video id>.csv); found none: give the --output of ssl-behavior predict"
        )
    first, *others = (read(path) for path in sorted(paths, key=lambda path: natural_key(path.name)))
    for other in others:
        if other.behaviours != first.behaviours:
            raise InputError(
                f"{folder}: expected predictions of one model; found different models: {first.id} has the behaviours "
                f"{list(first.behaviours)} and {other.id} has {list(other.behaviours)}: move the files of one of them "
                "elsewhere, or predict its videos again with the other's model"
            )
    ids = recorded_videos(folder)
    return [replace(prediction, id=ids.get(prediction.id, prediction.id)) for prediction in (first, *others)]


def recorded_videos(folder: Path) -> dict[str, str]:
    """Return stem -> id of the videos whose files ``predict`` wrote to a folder; empty without a record."""
    try:
        record = yaml_files.read(folder / RECORD)
    except InputError:  # version 0.1.0 wrote none
        return {}
    is_record = isinstance(record, dict) and all(isinstance(name, str) for pair in record.items() for name in pair)
    return record if is_record and len(set(record.values())) == len(record) else {}


def by_video(predictions: Iterable[Prediction], ids: Iterable[str]) -> dict[str, Prediction]:
    """Return the predictions of some videos by the ids of these; others are left out.

    Args:
        predictions: predictions, whose ids may be stems of file names.
        ids: ids of the videos.
    """
    videos = Videos(map(Video, ids))
    found = ((videos.find(prediction.id).id, prediction) for prediction in predictions)
    # A prediction whose id is the video's own comes last, and so before one that is only called alike.
    in_order = sorted(found, key=lambda pair: pair[0] == pair[1].id)
    return {video: prediction for video, prediction in in_order if video in videos}
