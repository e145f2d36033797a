"""Submissions to the MABe-2021 challenge: a pickled .npy of a dict, id -> list of label numbers, one per frame."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.formats.untrusted import pickles
from ssl_behavior.storage.atomic import write_atomically


def detect(path: Path) -> bool:
    """Return whether the file is a pickled .npy of a dict of lists of whole numbers. It is read whole."""
    if path.suffix.lower() != ".npy" or not pickles.is_pickled(path) or pickles.first_shape(path, 3) is not None:
        return False
    try:
        read_submission(path)
    except InputError:
        return False
    return True


def read_submission(path: str | Path) -> dict[str, np.ndarray]:
    """Read id -> labels (time,) int16.

    Raises:
        InputError: the file is no such dict, or a value is no list of whole numbers.
    """
    content = pickles.load(path)
    if not isinstance(content, Mapping) or not content:
        raise InputError(f"{path}: expected a dict of labels by id; found {type(content).__name__}")
    return {str(name): _labels(values, f"{path}: {name!r}") for name, values in content.items()}


def write_submission(path: str | Path, labels: Mapping[str, Any], sample: str | Path | None = None) -> Path:
    """Write a submission.

    Args:
        path: the ``.npy`` to write.
        labels: id -> labels (time,), whole numbers.
        sample: the challenge's ``sample_submission.npy``, to check ids and lengths against.

    Raises:
        InputError: a value is no list of whole numbers, or ids or lengths differ from the sample's; nothing is written.
    """
    checked = {str(name): _labels(values, f"{path}: {name!r}") for name, values in labels.items()}
    if sample is not None:
        check_lengths(path, {name: len(values) for name, values in checked.items()}, sample)
    with write_atomically(path) as aside, open(aside, "wb") as file:
        lists = {name: values.tolist() for name, values in checked.items()}
        np.save(file, np.array(lists, dtype=object), allow_pickle=True)
    return Path(path)


def _labels(values: Any, where: str) -> np.ndarray:
    array: np.ndarray = np.empty(())
    if not isinstance(values, Mapping):
        with contextlib.suppress(ValueError, TypeError, OverflowError):
            array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"{where}: expected a list of whole numbers, one per frame; found something else")
    if array.size and not np.iinfo(np.int16).min <= array.min() <= array.max() <= np.iinfo(np.int16).max:
        raise InputError(f"{where}: expected numbers of behaviours; found {array.min()} to {array.max()}")
    return array.astype(np.int16)


def check_lengths(path: str | Path, lengths: Mapping[str, int], sample: str | Path) -> None:
    """Make sure that a submission will have the ids and numbers of frames of ``sample_submission.npy``.

    Args:
        path: the submission, for the error.
        lengths: id -> number of frames of the submission.
        sample: the challenge's sample.

    Raises:
        InputError: ids or lengths differ from the sample's.
    """
    expected = read_submission(sample)
    missing, extra = sorted(expected.keys() - lengths.keys()), sorted(lengths.keys() - expected.keys())
    if missing or extra:
        raise InputError(
            f"{path}: expected the {len(expected)} ids of {sample}; missing {missing[:3] or 'none'}, "
            f"unexpected {extra[:3] or 'none'} of {len(lengths)}"
        )
    for name, values in expected.items():
        if lengths[name] != len(values):
            raise InputError(f"{path}: {name!r}: expected {len(values)} frames as in {sample}; found {lengths[name]}")
