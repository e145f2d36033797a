"""One vector per frame for a whole group of animals of any size, to probe the content of embeddings.

An encoder embeds ordered pairs. For labels of the whole group, the vectors of all its ordered pairs are pooled into
their mean and their maximum: what all pairs do, and what at least one does. Neither depends on the order of the
animals. A principal component analysis, fitted to the vectors without labels, reduces them to the allowed number of
dimensions. A single pair loses nothing by it, because its mean and its maximum are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ssl_behavior.compute.progress import progress
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.poses.clips import pair_clip
from ssl_behavior.poses.features import LAGS
from ssl_behavior.poses.poses import Poses

Source = Callable[[Poses, tuple[int, int]], Tensor]
"""A recording's poses and an ordered pair -> vectors (time, channel)."""

Group = tuple[Poses, Sequence[tuple[int, int]]]
"""A recording's poses, and the ordered pairs that its vectors describe."""

# Recordings, evenly spread, that the principal components are fitted to. More would not change them much.
_FITTED_TO = 64


@torch.inference_mode()
def kinematics(encoder: Encoder, poses: Poses, pair: tuple[int, int], chunk: int = 8192) -> Tensor:
    """Return the encoder's input for one ordered pair: (time, feature) standardised kinematics, 0 where unknown."""
    device = encoder.mean.device
    # A chunk needs the frames around it, or its first and last features would differ from those of the whole.
    margin, total = max(LAGS) + 1, len(poses.positions)
    chunks = []
    for start in range(0, total, chunk):
        low, high = max(0, start - margin), min(total, start + chunk + margin)
        clip = pair_clip(poses, low, high, pair).map(lambda tensor: tensor.to(device))
        values, _ = encoder.kinematics(clip)
        chunks.append(values[0, start - low : start - low + chunk].float().cpu())
    return torch.cat(chunks)


def pool_pairs(source: Source, group: Group) -> np.ndarray:
    """Return (frame, 2 channel): the mean over pairs, then the maximum, at the frame rate of the recording itself."""
    poses, pairs = group
    total: np.ndarray | float = 0.0
    highest: np.ndarray | float = -np.inf
    for pair in pairs:
        vectors = source(poses, pair).numpy()
        total, highest = total + vectors, np.maximum(highest, vectors)
    return poses.to_native(np.concatenate([np.asarray(total / len(pairs)), np.asarray(highest)], 1))


@dataclass(frozen=True, eq=False)
class Reduction:
    """A rotation to the directions of largest variance.

    Attributes:
        mean: (channel,) subtracted first.
        directions: (channel, dimension) orthonormal, in order of variance.
    """

    mean: np.ndarray
    directions: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """(frame, channel) -> (frame, dimension) float32."""
        return ((vectors - self.mean) @ self.directions).astype(np.float32)


def fit_reduction(vectors: Iterable[np.ndarray], dimensions: int) -> Reduction:
    """Compute the principal components of several recordings, at most ``dimensions`` of them.

    Sums are taken recording by recording, so that memory does not grow with their number.

    Args:
        vectors: (frame, channel) of each recording.
        dimensions: largest number of components.
    """
    count, total, moments = 0, np.zeros(1), np.zeros((1, 1))
    for recording in vectors:
        values = recording.astype(np.float64)
        count, total, moments = count + len(values), total + values.sum(0), moments + values.T @ values
    mean = total / count
    _, directions = np.linalg.eigh(moments / count - np.outer(mean, mean))
    directions = directions[:, ::-1][:, :dimensions]
    # The sign of a direction is arbitrary; this choice makes two runs agree.
    largest = np.abs(directions).argmax(0)
    return Reduction(mean, directions * np.sign(directions[largest, np.arange(directions.shape[1])]))


def embed_groups(
    source: Source, groups: Sequence[Group], places: Mapping[str, tuple[int, int]], dimensions: int, description: str
) -> np.ndarray:
    """Compute vectors (frame, dimension) float32 of all groups in one array.

    Args:
        source: source of the pairs' vectors.
        groups: one or more recordings.
        places: recording id -> its rows (start, stop) in the array. Rows of a recording without a group stay 0.
        dimensions: largest number per frame.
        description: text of the progress bar.
    """
    evenly_spread = np.unique(np.linspace(0, len(groups) - 1, min(_FITTED_TO, len(groups))).astype(int))
    reduction = fit_reduction((pool_pairs(source, groups[i]) for i in evenly_spread), dimensions)
    vectors = np.zeros((max(stop for _, stop in places.values()), reduction.directions.shape[1]), np.float32)
    for group in progress(groups, description, unit="video"):
        vectors[slice(*places[group[0].id])] = reduction(pool_pairs(source, group))
    return vectors
