"""Submissions of embeddings, the place of every sequence in them, and the split of sequences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError, some
from ssl_behavior.formats.untrusted import pickles
from ssl_behavior.storage.atomic import replacing

MOST_NUMBERS = 128
"""Per frame, in a submission to the mouse challenge."""

Places = Mapping[str, tuple[int, int]]
"""Sequence id -> its frames (start, stop) among those of all sequences."""

_LEARNED, _SCORED = ("SubmissionTrain", "train"), ("publicTest", "privateTest", "test")


def write_submission(path: str | Path, places: Places, embeddings: np.ndarray) -> Path:
    """Write embeddings (frame, number) of all sequences as the challenge takes them.

    Raises:
        InputError: they are not float32, finite, at most 128 numbers per frame, or the places do not tile them.
    """
    _check_embeddings(embeddings, path)
    tiled = checked_places(places, len(embeddings), path)
    with replacing(path) as aside, open(aside, "wb") as file:
        content = {"frame_number_map": tiled, "embeddings": embeddings}
        np.save(file, np.array(content, dtype=object), allow_pickle=True)
    return Path(path)


def read_submission(path: str | Path) -> dict[str, np.ndarray]:
    """Sequence id to its embeddings (frame, number) float32, views of one array.

    Raises:
        InputError: the file is no submission of embeddings that the challenge's evaluator would take.
    """
    tree = pickles.load(path)
    if not isinstance(tree, Mapping) or not {"embeddings", "frame_number_map"} <= set(tree):
        raise InputError(f"{path}: expected a submission, a dict with embeddings and frame_number_map; found none")
    embeddings = tree["embeddings"]
    _check_embeddings(embeddings, path)
    places = checked_places(tree["frame_number_map"], len(embeddings), path)
    return {name: embeddings[start:stop] for name, (start, stop) in places.items()}


def read_frame_number_map(path: str | Path) -> dict[str, tuple[int, int]]:
    """The place of every sequence, from the challenge's frame_number_map.npy or any file of it that holds the map.

    Raises:
        InputError: there is no such map in it.
    """
    tree = pickles.load(path)
    places = tree.get("frame_number_map", tree) if isinstance(tree, Mapping) else None
    return checked_places(places, None, path)


def read_split(path: str | Path) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of the sequences to learn from and of those to score, from the challenge's JSON, or one of train and test.

    Raises:
        InputError: it is no such file, or a sequence is on both sides.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        learned, scored = (
            frozenset(str(name) for key in keys for name in content.get(key, ())) for keys in (_LEARNED, _SCORED)
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        learned = scored = frozenset()
    if not learned or not scored:
        raise InputError(
            f"{path}: expected JSON of lists of ids, to learn from ({' or '.join(_LEARNED)}) and to score "
            f"({' and '.join(_SCORED[:2])}, or {_SCORED[2]}); found none"
        )
    if both := learned & scored:
        raise InputError(f"{path}: expected each sequence on one side; found {some(both, 5)} on both")
    return learned, scored


def checked_places(places: Any, frames: int | None, path: str | Path) -> dict[str, tuple[int, int]]:
    """Sequence id to (start, stop), once they tile the frames without gap or overlap."""
    try:
        found = {str(name): (int(start), int(stop)) for name, (start, stop) in places.items()}
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise InputError(
            f"{path}: expected a frame_number_map, id to (start, stop), and found something else"
        ) from None
    reached = 0
    for name, (start, stop) in sorted(found.items(), key=lambda item: item[1]):
        if start != reached or stop <= start:
            raise InputError(
                f"{path}: frame_number_map: expected {name!r} from frame {reached} on; found {start, stop}"
            )
        reached = stop
    if not found:
        raise InputError(f"{path}: frame_number_map: expected the places of sequences and found none")
    if frames is not None and reached != frames:
        raise InputError(f"{path}: frame_number_map: expected to end at frame {frames} and found {reached}")
    return found


def _check_embeddings(embeddings: Any, path: str | Path) -> None:
    if not isinstance(embeddings, np.ndarray) or embeddings.ndim != 2 or embeddings.dtype != np.float32:
        raise InputError(f"{path}: embeddings: expected a float32 array of shape (frame, number) and found another")
    if not 1 <= embeddings.shape[1] <= MOST_NUMBERS:
        raise InputError(
            f"{path}: embeddings: expected at most {MOST_NUMBERS} numbers per frame and found {embeddings.shape[1]}"
        )
    if not np.isfinite(embeddings).all():
        raise InputError(f"{path}: embeddings: expected finite numbers and found NaN or infinity")
