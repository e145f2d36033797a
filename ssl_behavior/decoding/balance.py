"""The balanced decision: all behaviours count alike, however rare they are.

Macro F1 counts a rare behaviour as much as a frequent one, and the most probable behaviour is seldom a rare one. On few
videos this says more than weights tuned on them (Menon et al. 2021, https://arxiv.org/abs/2007.07314).
"""

from __future__ import annotations

import numpy as np


def balance(frequencies: np.ndarray, power: float = 1.0) -> tuple[float, ...]:
    """Weights of behaviours: their frequency to the power of minus ``power``; 1 for what never occurs.

    Args:
        frequencies: (behaviour,) share of each behaviour in training.
        power: 0 changes nothing, 1 balances fully.
    """
    return tuple((np.where(frequencies > 0, frequencies, 1.0) ** -power).tolist())


def balanced(probabilities: np.ndarray, frequencies: np.ndarray, power: float = 1.0) -> np.ndarray:
    """(time, behaviour) float32: probabilities, each times its weight in ``balance``, scaled to sum to 1.

    Args:
        probabilities: (time, behaviour).
        frequencies: as in ``balance``.
        power: as in ``balance``.
    """
    weighted = probabilities * np.array(balance(frequencies, power))
    return (weighted / np.maximum(weighted.sum(1, keepdims=True), 1e-12)).astype(np.float32)
