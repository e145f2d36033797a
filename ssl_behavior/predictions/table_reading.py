"""Read the tables of predictions that ``tables`` writes."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from ssl_behavior.errors import InputError, natural_key
from ssl_behavior.formats.untrusted.limits import LONGEST_LINE, MOST_COLUMNS
from ssl_behavior.predictions.tables import LEADING, LEADING_OF_PAIRS, OF_PAIR, Prediction, recorded_videos
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import Video, Videos

_ADVICE = "predict again, or move the file elsewhere if ssl-behavior predict did not write it"


def read(path: str | Path) -> list[Prediction]:
    """Read the table of frames of one video: a prediction for each pair, or a single one.

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
    of_pairs = names[2:4] == OF_PAIR
    leading = LEADING_OF_PAIRS if of_pairs else LEADING
    behaviours = tuple(names[len(leading) :])
    if names[: len(leading)] != leading or not behaviours:
        wanted = f"columns {', '.join(LEADING)} and behaviours"
        raise InputError(f"{path}: expected {wanted}; found {', '.join(names)[:80]}: {_ADVICE}")
    if len(names) > MOST_COLUMNS or len(first) not in (0, len(names)):  # pandas would take gigabytes for millions
        raise InputError(
            f"{path}: expected a number per behaviour, of at most {MOST_COLUMNS:,}; found {len(names)} columns with "
            f"{len(first)} values in the first row: {_ADVICE}"
        )
    try:
        # Columns by position, as a behaviour may be named "label"; no missing values, as one may be named "NA".
        names_at = dict.fromkeys(range(2, len(leading) - 1), str)
        table = pd.read_csv(path, header=None, skiprows=1, dtype=names_at, keep_default_na=False, na_values={})
        if not of_pairs:
            return [_prediction(path, table, behaviours)]
        groups = table.groupby([2, 3], sort=False)
        plain = [(pair, group.drop(columns=[2, 3]).reset_index(drop=True)) for pair, group in groups]
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(
            f"{path}: expected numbers in every column but label; found {str(error).splitlines()[0]}: {_ADVICE}"
        ) from None
    for _, group in plain:
        group.columns = range(len(group.columns))
    return [replace(_prediction(path, group, behaviours), pair=pair) for pair, group in plain]


def _prediction(path: Path, table: pd.DataFrame, behaviours: tuple[str, ...]) -> Prediction:
    """Return the prediction in the rows of one pair, whose columns are those of ``LEADING`` and the behaviours."""
    try:
        times = table[1].to_numpy(np.float64)
        animals_tracked = table[3].to_numpy(np.int64)
        if ((animals_tracked < 0) | (animals_tracked > np.iinfo(np.int16).max)).any():
            raise ValueError("animals_tracked is below 0, or larger than any number of animals")
        probabilities = table.iloc[:, len(LEADING) :].to_numpy(np.float32)
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
    in_order = sorted(paths, key=lambda path: natural_key(path.name))
    first, *others = (prediction for path in in_order for prediction in read(path))
    for other in others:
        if other.behaviours != first.behaviours:
            raise InputError(
                f"{folder}: expected predictions of one model; found different models: {first.id} has the behaviours "
                f"{list(first.behaviours)} and {other.id} has {list(other.behaviours)}: move the files of one of them "
                "elsewhere, or predict its videos again with the other's model"
            )
    ids = recorded_videos(folder)
    return [replace(prediction, id=ids.get(prediction.id, prediction.id)) for prediction in (first, *others)]


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
