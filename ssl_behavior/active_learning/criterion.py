"""The criterion: choose clips that are uncertain, typical of the unlabelled clips, and unlike any labelled clip.

The value of clip ``i`` is ``u_i * sum_j u_j * max(0, cos(i, j) - c_j)``:

- ``u`` is the uncertainty of a clip, or 1 without a model;
- ``j`` runs over the unlabelled clips;
- ``cos`` is the cosine between the directions of two clips;
- ``c_j``, the coverage of ``j``, is the largest cosine between ``j`` and a clip that is labelled or already chosen, and
  at least 0.

The clip of the highest value is chosen, the coverage is updated, and so on. So each suggestion is uncertain, similar to
many other uncertain clips, and different from the suggestions above it. A clip that is like no other, such as a failure
of the tracker, has a low value.

The product of uncertainty and density is that of Settles and Craven 2008 ("An Analysis of Active Learning Strategies
for Sequence Labeling Tasks", https://aclanthology.org/D08-1112). Discounting covered clips makes the sum a facility
location function, as in Wei, Iyer and Bilmes 2015 ("Submodularity in Data Subset Selection and Active Learning",
https://proceedings.mlr.press/v37/wei15.html). In a batch it plays the part of k-centres (Sener and Savarese 2018,
https://arxiv.org/abs/1708.00489) and of k-means++ (BADGE, Ash et al. 2020, https://arxiv.org/abs/1906.03671).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_MAX_REFERENCES = 2_000
"""Unlabelled clips that the sum runs over; of more, a random sample stands for all, which bounds time and memory."""


class Choice(NamedTuple):
    """A chosen clip.

    Attributes:
        clip: index of the clip among the candidates.
        novelty: 1 - cosine to the nearest clip that is labelled or was chosen before, from 0 to 1.
    """

    clip: int
    novelty: float


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Compute the Shannon entropy (time,) of probabilities (time, behaviour), as a share of its maximum: 0 to 1."""
    values = np.asarray(probabilities, np.float64)
    total = -(values * np.log(np.maximum(values, 1e-12))).sum(1)
    return np.clip(total / np.log(max(2, values.shape[1])), 0, 1)


def choose_clips(
    candidates: np.ndarray, uncertainty: np.ndarray | None, labelled: np.ndarray, top: int, seed: int = 0
) -> list[Choice]:
    """Choose the clips to label next, the best first; the same seed gives the same choice.

    Args:
        candidates: (clip, channel) directions of length 1.
        uncertainty: (clip,) values of 0 or more; None without a model, so that only coverage counts.
        labelled: (clip, channel) directions of the labelled clips, of which there may be none.
        top: number of clips to choose; all candidates if there are fewer.
        seed: seed of the sample of clips that stands for all, if there are very many.
    """
    # The small number keeps clips that the model is certain about in the order of their coverage.
    weights = np.ones(len(candidates)) if uncertainty is None else np.maximum(uncertainty, 1e-9)
    weights = weights.astype(np.float32)
    count = min(len(candidates), _MAX_REFERENCES)
    references = np.sort(np.random.default_rng(seed).choice(len(candidates), count, replace=False))
    similarity = candidates @ candidates[references].T
    coverage = _largest_cosine(candidates[references], labelled)
    nearest = _largest_cosine(candidates, labelled)
    is_available = np.ones(len(candidates), bool)
    choices = []
    for _ in range(min(top, len(candidates))):
        value = weights * (np.maximum(similarity - coverage, 0) @ weights[references])
        best = int(np.argmax(np.where(is_available, value, -1)))
        choices.append(Choice(best, float(np.clip(1 - nearest[best], 0, 1))))
        is_available[best] = False
        coverage = np.maximum(coverage, similarity[best])
        nearest = np.maximum(nearest, candidates @ candidates[best])
    return choices


def _largest_cosine(directions: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """Return the largest cosine (clip,) to a labelled clip, at least 0."""
    largest = np.zeros(len(directions), np.float32)
    for direction in labelled:  # one at a time: the whole matrix may not fit in memory
        largest = np.maximum(largest, directions @ direction)
    return largest
