"""Predictions on disk: a table of frames and a table of bouts per video.

``<video id>.csv`` has the columns ``frame`` (from 0), ``time_s``, ``label``, ``animals_tracked`` (number of animals
tracked in the frame; where it is 0, the label is interpolated: treat it as a guess) and one probability per behaviour.
``<video id>.bouts.csv`` has the columns ``behaviour``, ``start_frame``, ``stop_frame``, ``start_s``, ``stop_s`` and
``mean_probability``; stops are exclusive.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ssl_behavior.errors import InputError, natural_key
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE, MOST_COLUMNS
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.paths import file_stem

_LEADING = ["frame", "time_s", "label", "animals_tracked"]
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
        object.__setattr__(self, "animals_tracked", animals_tracked)
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "labels", labels)

    @property
    def file_stem(self) -> str:
        """The beginning of the video's file names."""
        return file_stem(self.id)

    def to_annotations(self, channel: str = "predicted") -> Annotations:
        """Convert the labels to bouts of one channel, to write them in an annotation format (Caltech, Bento, BORIS)."""
        bouts = tuple(Labels(self.behaviours, self.labels).bouts())
        return Annotations(self.id, {channel: bouts}, frames=len(self.labels), vocabulary={channel: self.behaviours})


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


def write(folder: str | Path, prediction: Prediction) -> list[Path]:
    """Write both tables of one video. An interrupt leaves no half-written table.

    Args:
        folder: folder for the tables; created if missing.
        prediction: prediction to write; probabilities are rounded to six decimals.

    Returns:
        The paths of the table of frames and of the table of bouts.
    """
    path = Path(folder) / prediction.file_stem
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
        raise InputError(f"{path}: expected a table of predictions; found another file ({error})") from None
    behaviours = tuple(names[len(_LEADING) :])
    if names[: len(_LEADING)] != _LEADING or not behaviours:
        wanted = f"columns {', '.join(_LEADING)} and behaviours"
        raise InputError(f"{path}: expected {wanted}; found {', '.join(names)[:80]}: predict again")
    if len(names) > MOST_COLUMNS or len(first) not in (0, len(names)):  # pandas would take gigabytes for millions
        raise InputError(
            f"{path}: expected a number per behaviour, of at most {MOST_COLUMNS:,}; found {len(names)} columns with "
            f"{len(first)} values in the first row: predict again"
        )
    try:
        # Columns by position, as a behaviour may be named "label"; no missing values, as one may be named "NA".
        table = pd.read_csv(path, header=None, skiprows=1, dtype={2: str}, keep_default_na=False, na_values={})
        times = table[1].to_numpy(np.float64)
        animals_tracked = table[3].to_numpy(np.int16)
        probabilities = table.iloc[:, len(_LEADING) :].to_numpy(np.float32)
        if not (np.isfinite(times).all() and ((probabilities >= 0) & (probabilities <= 1)).all()):
            raise ValueError("a time or probability is missing, or a probability is not from 0 to 1")
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: expected numbers in every column but label; {str(error).splitlines()[0]}") from None
    if probabilities.shape[1] != len(behaviours) or (table[0].to_numpy() != np.arange(len(table))).any():
        raise InputError(f"{path}: expected a row per frame from 0 and a number per behaviour; found other rows")
    labels = pd.Index(behaviours).get_indexer(table[2]) if len(set(behaviours)) == len(behaviours) else np.array([-1])
    if (labels < 0).any():
        wrong = table[2][int(np.flatnonzero(labels < 0)[0])]
        raise InputError(f"{path}: label {wrong!r} is not in the vocabulary {list(behaviours)}")
    rate = round((len(times) - 1) / times[-1], 3) if len(times) > 1 and times[-1] > 0 else ASSUMED_FRAME_RATE
    return Prediction(path.name.removesuffix(".csv"), behaviours, probabilities, labels, rate, animals_tracked)


def read_folder(folder: str | Path) -> list[Prediction]:
    """Read all predictions in a folder, in natural order of their names.

    Raises:
        InputError: the folder does not exist or holds no predictions, a table is damaged, or two tables differ in their
            behaviours.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder of predictions; it does not exist")
    paths = [path for path in folder.glob("*.csv") if not path.name.endswith(".bouts.csv") and path.name[0] != "."]
    if not paths:
        raise InputError(f"{folder}: expected predictions (<video id>.csv); found none: run `ssl-behavior predict`")
    first, *others = (read(path) for path in sorted(paths, key=lambda path: natural_key(path.name)))
    for other in others:
        if other.behaviours != first.behaviours:
            raise InputError(
                f"{folder}: expected predictions of one model; found different models: {first.id} has the behaviours "
                f"{list(first.behaviours)} and {other.id} has {list(other.behaviours)}; predict again with one model"
            )
    return [first, *others]
