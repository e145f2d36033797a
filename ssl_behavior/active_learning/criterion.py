"""The criterion: unsure, typical of what is left, and unlike what is labelled or suggested already.

Clip ``i`` is worth ``u_i * sum_j u_j * max(0, cos(i, j) - c_j)``. ``u`` is the uncertainty of a clip, or 1 without a
model; ``cos`` is the cosine between two clips' directions; ``j`` goes over the unlabelled clips; and ``c_j``, how far
``j`` is covered, is the largest cosine between ``j`` and a clip that is labelled or was chosen before, at least 0. The
clip that is worth most is chosen, what it covers is taken account of, and so on: so each suggestion is uncertain, like
many other uncertain clips, and unlike those above it. What is like nothing else, such as a failure of the tracker, is
worth little.

The product of uncertainty and density is that of Settles and Craven 2008 ("An Analysis of Active Learning Strategies
for Sequence Labeling Tasks", https://aclanthology.org/D08-1112); that what is covered counts no more is facility
location, as in Wei, Iyer and Bilmes 2015 ("Submodularity in Data Subset Selection and Active Learning",
https://proceedings.mlr.press/v37/wei15.html), and does for batches what k-centres (Sener and Savarese 2018,
https://arxiv.org/abs/1708.00489) and k-means++ (BADGE, Ash et al. 2020, https://arxiv.org/abs/1906.03671) do.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_REFERENCES = 2_000
"""Clips that stand for all where there are more, drawn at random."""


class Chosen(NamedTuple):
    """A clip that was chosen: its place among the candidates, and 1 - cosine to the nearest labelled or chosen one."""

    place: int
    novelty: float


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """(time,) Shannon entropy of probabilities (time, behaviour) in units of the largest possible: from 0 to 1."""
    known = np.asarray(probabilities, np.float64)
    total = -(known * np.log(np.maximum(known, 1e-12))).sum(1)
    return np.clip(total / np.log(max(2, known.shape[1])), 0, 1)


def choose(
    candidates: np.ndarray, uncertainty: np.ndarray | None, labelled: np.ndarray, top: int, seed: int = 0
) -> list[Chosen]:
    """The clips to label next, the best first; the same for the same seed.

    Args:
        candidates: (clip, channel) directions of length 1.
        uncertainty: (clip,) of 0 or more; None if there is no model, which leaves coverage alone.
        labelled: (clip, channel) directions of what is labelled already, perhaps none.
        top: how many; all candidates where they are fewer.
        seed: of the draw of the clips that stand for all, where there are very many.
    """
    weights = np.ones(len(candidates)) if uncertainty is None else np.maximum(uncertainty, 1e-9)
    weights = weights.astype(np.float32)
    count = min(len(candidates), _REFERENCES)
    references = np.sort(np.random.default_rng(seed).choice(len(candidates), count, replace=False))
    likeness = candidates @ candidates[references].T
    covered = _nearest(candidates[references], labelled)
    nearest = _nearest(candidates, labelled)
    left = np.ones(len(candidates), bool)
    chosen = []
    for _ in range(min(top, len(candidates))):
        worth = weights * (np.maximum(likeness - covered, 0) @ weights[references])
        best = int(np.argmax(np.where(left, worth, -1)))
        chosen.append(Chosen(best, float(np.clip(1 - nearest[best], 0, 1))))
        left[best] = False
        covered = np.maximum(covered, likeness[best])
        nearest = np.maximum(nearest, candidates @ candidates[best])
    return chosen


def _nearest(directions: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """(clip,) largest cosine to one that is labelled, at least 0."""
    found = np.zeros(len(directions), np.float32)
    for one in labelled:
        found = np.maximum(found, directions @ one)
    return found
