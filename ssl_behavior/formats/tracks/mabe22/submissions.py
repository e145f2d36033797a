"""Submissions of embeddings, the span of every sequence in them, and the split into training and scoring."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.untrusted import pickles
from ssl_behavior.storage.atomic import write_atomically

MAX_DIMENSIONS = 128
"""Largest size of an embedding in a submission to the mouse challenge."""

FrameNumberMap = Mapping[str, tuple[int, int]]
"""Sequence id -> its frames (start, stop) among the frames of all sequences."""

# Keys of the challenge's split, then shorter ones that users may write.
_TRAINING, _SCORING = ("SubmissionTrain", "train"), ("publicTest", "privateTest", "test")


def write_submission(path: str | Path, spans: FrameNumberMap, embeddings: np.ndarray) -> Path:
    """Write embeddings of all sequences in the challenge's layout.

    Args:
        path: the ``.npy`` to write.
        spans: the frames of every sequence.
        embeddings: (frame, dimension) float32, finite, at most ``MAX_DIMENSIONS`` wide.

    Raises:
        InputError: the embeddings are not as described, or the spans do not tile their frames.
    """
    _require_valid_embeddings(embeddings, path)
    checked_spans = check_frame_number_map(spans, len(embeddings), path)
    with write_atomically(path) as aside, open(aside, "wb") as file:
        content = {"frame_number_map": checked_spans, "embeddings": embeddings}
        np.save(file, np.array(content, dtype=object), allow_pickle=True)
    return Path(path)


def read_submission(path: str | Path) -> dict[str, np.ndarray]:
    """Read sequence id -> embeddings (frame, dimension) float32, views of one array.

    Raises:
        InputError: the file is no submission of embeddings that the challenge's evaluator would accept.
    """
    tree = pickles.load(path)
    if not isinstance(tree, Mapping) or not {"embeddings", "frame_number_map"} <= set(tree):
        raise InputError(f"{path}: expected a submission, a dict with embeddings and frame_number_map; found none")
    embeddings = tree["embeddings"]
    _require_valid_embeddings(embeddings, path)
    spans = check_frame_number_map(tree["frame_number_map"], len(embeddings), path)
    return {name: embeddings[start:stop] for name, (start, stop) in spans.items()}


def read_frame_number_map(path: str | Path) -> dict[str, tuple[int, int]]:
    """Read the span of every sequence from frame_number_map.npy, or another file of the challenge that holds the map.

    Raises:
        InputError: the file holds no such map.
    """
    tree = pickles.load(path)
    spans = tree.get("frame_number_map", tree) if isinstance(tree, Mapping) else None
    return check_frame_number_map(spans, None, path)


def read_split(path: str | Path) -> tuple[frozenset[str], frozenset[str]]:
    """Read the ids of the sequences for training and for scoring, from the challenge's JSON or one of train and test.

    Raises:
        InputError: the file is no such JSON, or a sequence is on both sides.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        training, scoring = (
            frozenset(str(name) for key in keys for name in content.get(key, ())) for keys in (_TRAINING, _SCORING)
        )
    except (ValueError, AttributeError, TypeError, RecursionError):
        training = scoring = frozenset()
    if not training or not scoring:
        raise InputError(
            f"{path}: expected JSON of lists of ids, for training ({' or '.join(_TRAINING)}) and for scoring "
            f"({' and '.join(_SCORING[:2])}, or {_SCORING[2]}); found none"
        )
    if both := training & scoring:
        raise InputError(f"{path}: expected each sequence on one side; found {list_names(both, 5)} on both")
    return training, scoring


def check_frame_number_map(spans: Any, frames: int | None, path: str | Path) -> dict[str, tuple[int, int]]:
    """Return sequence id -> (start, stop) once the spans are known to tile the frames without gap or overlap.

    Args:
        spans: the map as it is in the file, which may be anything.
        frames: number of frames that the spans must cover; None if unknown.
        path: the file, for the error.

    Raises:
        InputError: this is no such map, or the spans do not tile the frames.
    """
    try:
        checked = {str(name): (int(start), int(stop)) for name, (start, stop) in spans.items()}
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise InputError(f"{path}: expected a frame_number_map, id to (start, stop); found something else") from None
    reached = 0
    for name, (start, stop) in sorted(checked.items(), key=lambda item: item[1]):
        if start != reached or stop <= start:
            raise InputError(
                f"{path}: frame_number_map: expected {name!r} from frame {reached} on; found {start, stop}"
            )
        reached = stop
    if not checked:
        raise InputError(f"{path}: frame_number_map: expected the frames of sequences; found none")
    if frames is not None and reached != frames:
        raise InputError(f"{path}: frame_number_map: expected to end at frame {frames}; found {reached}")
    return checked


def _require_valid_embeddings(embeddings: Any, path: str | Path) -> None:
    if not isinstance(embeddings, np.ndarray) or embeddings.ndim != 2 or embeddings.dtype != np.float32:
        raise InputError(f"{path}: embeddings: expected a float32 array of shape (frame, dimension); found another")
    if not 1 <= embeddings.shape[1] <= MAX_DIMENSIONS:
        raise InputError(
            f"{path}: embeddings: expected at most {MAX_DIMENSIONS} numbers per frame; found {embeddings.shape[1]}"
        )
    if not np.isfinite(embeddings).all():
        raise InputError(f"{path}: embeddings: expected finite numbers; found NaN or infinity")
