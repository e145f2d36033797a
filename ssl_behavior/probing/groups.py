"""One vector per frame for a whole group of animals, however many they are, to probe what embeddings hold.

An encoder speaks of ordered pairs. For labels that hold for the group, the vectors of all its ordered pairs are pooled
into their mean and their maximum: what all do, and what at least one pair does, in numbers that do not depend on how
the animals are counted. A principal component analysis, fitted to the vectors alone, then leaves as many numbers as
are allowed; of a single pair, whose mean is its maximum, it keeps all.
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
"""A recording's poses, and the ordered pairs to speak of."""

_LEARNED_FROM = 64  # recordings, evenly spread, that the principal components are fitted to


@torch.inference_mode()
def kinematics(encoder: Encoder, poses: Poses, pair: tuple[int, int], chunk: int = 8192) -> Tensor:
    """What the encoder is given (time, feature) for one ordered pair: standardised kinematics, 0 where unknown."""
    device = encoder.mean.device
    margin, total = max(LAGS) + 1, len(poses.positions)
    out = []
    for start in range(0, total, chunk):
        low, high = max(0, start - margin), min(total, start + chunk + margin)
        clip = pair_clip(poses, low, high, pair).map(lambda tensor: tensor.to(device))
        values, _ = encoder.kinematics(clip)
        out.append(values[0, start - low : start - low + chunk].float().cpu())
    return torch.cat(out)


def pooled(source: Source, group: Group) -> np.ndarray:
    """Mean and maximum of the pairs' vectors side by side, (frame, 2 channel) at the recording's own frames."""
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
        mean: (channel,) that is taken off first.
        directions: (channel, number) orthonormal, in order of variance.
    """

    mean: np.ndarray
    directions: np.ndarray

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """(frame, channel) -> (frame, number) float32."""
        return ((vectors - self.mean) @ self.directions).astype(np.float32)


def fit_reduction(vectors: Iterable[np.ndarray], numbers: int) -> Reduction:
    """Principal components of vectors (frame, channel) of several recordings, at most ``numbers`` of them."""
    count, total, moments = 0, np.zeros(1), np.zeros((1, 1))
    for one in vectors:
        wide = one.astype(np.float64)
        count, total, moments = count + len(wide), total + wide.sum(0), moments + wide.T @ wide
    mean = total / count
    _, directions = np.linalg.eigh(moments / count - np.outer(mean, mean))
    directions = directions[:, ::-1][:, :numbers]
    # Either sign of a direction would do; one is chosen, so that two runs agree.
    largest = np.abs(directions).argmax(0)
    return Reduction(mean, directions * np.sign(directions[largest, np.arange(directions.shape[1])]))


def embed_groups(
    source: Source, groups: Sequence[Group], places: Mapping[str, tuple[int, int]], numbers: int, description: str
) -> np.ndarray:
    """Vectors (frame, number) float32 of all groups in one array, at most ``numbers`` per frame.

    Args:
        source: of the pairs' vectors.
        groups: one or more recordings.
        places: recording id -> its frames (start, stop) in the array; those of no group stay 0.
        numbers: allowed per frame.
        description: of the progress bar.
    """
    spread = np.unique(np.linspace(0, len(groups) - 1, min(_LEARNED_FROM, len(groups))).astype(int))
    reduction = fit_reduction((pooled(source, groups[i]) for i in spread), numbers)
    whole = np.zeros((max(stop for _, stop in places.values()), reduction.directions.shape[1]), np.float32)
    for group in progress(groups, description, unit="video"):
        whole[slice(*places[group[0].id])] = reduction(pooled(source, group))
    return whole
