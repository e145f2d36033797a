"""The MABe-2021 challenge's submission: a pickled .npy of a dict, id to a list of label numbers, one per frame."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import pickles
from ssl_behavior.storage.atomic import replacing


def detect(path: Path) -> bool:
    """Whether it is a pickled .npy of a dict of lists of whole numbers. Reads all of it, which is small."""
    if path.suffix.lower() != ".npy" or not pickles.is_pickled(path) or pickles.first_shape(path, 3) is not None:
        return False
    try:
        read_submission(path)
    except InputError:
        return False
    return True


def read_submission(path: str | Path) -> dict[str, np.ndarray]:
    """Id to labels (time,) int16.

    Raises:
        InputError: the file is no such dict, or a value is no list of whole numbers.
    """
    content = pickles.load(path)
    if not isinstance(content, Mapping) or not content:
        raise InputError(f"{path}: expected a dict of labels by id and found {type(content).__name__}")
    return {str(name): _labels(values, f"{path}: {name!r}") for name, values in content.items()}


def write_submission(path: str | Path, labels: Mapping[str, Any], sample: str | Path | None = None) -> Path:
    """Write labels (time,) by id, once their ids and lengths are those of ``sample_submission.npy`` if it is given.

    Raises:
        InputError: ids or lengths differ from the sample's; nothing is written then.
    """
    checked = {str(name): _labels(values, f"{path}: {name!r}") for name, values in labels.items()}
    if sample is not None:
        check_lengths(path, {name: len(values) for name, values in checked.items()}, sample)
    with replacing(path) as aside, open(aside, "wb") as file:
        lists = {name: values.tolist() for name, values in checked.items()}
        np.save(file, np.array(lists, dtype=object), allow_pickle=True)
    return Path(path)


def _labels(values: Any, where: str) -> np.ndarray:
    array: np.ndarray = np.empty(())
    if not isinstance(values, Mapping):
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"{where}: expected a list of whole numbers, one per frame, and found something else")
    if array.size and not np.iinfo(np.int16).min <= array.min() <= array.max() <= np.iinfo(np.int16).max:
        raise InputError(f"{where}: expected numbers of behaviours and found {array.min()} to {array.max()}")
    return array.astype(np.int16)


def check_lengths(path: str | Path, lengths: Mapping[str, int], sample: str | Path) -> None:
    """Make sure that the submission ``path`` is to have the ids and numbers of frames of ``sample_submission.npy``.

    Raises:
        InputError: ids or lengths differ from the sample's.
    """
    wanted = read_submission(sample)
    missing, extra = sorted(wanted.keys() - lengths.keys()), sorted(lengths.keys() - wanted.keys())
    if missing or extra:
        raise InputError(
            f"{path}: expected the {len(wanted)} ids of {sample}; missing {missing[:3] or 'none'}, "
            f"not wanted {extra[:3] or 'none'} of {len(lengths)}"
        )
    for name, values in wanted.items():
        if lengths[name] != len(values):
            raise InputError(
                f"{path}: {name!r}: expected {len(values)} frames as in {sample} and found {lengths[name]}"
            )
