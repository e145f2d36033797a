"""The balanced decision: all behaviours count alike, however rare they are.

Macro F1 counts a rare behaviour as much as a frequent one, but a rare behaviour is seldom the most probable one. With
few videos, weights from the frequencies are better than weights tuned on the videos (Menon et al. 2021,
https://arxiv.org/abs/2007.07314).
"""

from __future__ import annotations

import numpy as np


def balancing_weights(frequencies: np.ndarray, power: float = 1.0) -> tuple[float, ...]:
    """Compute weights that balance behaviours: frequency ** -power, and 1 for a behaviour that never occurs.

    Args:
        frequencies: (behaviour,) share of each behaviour in training.
        power: 0 changes nothing, 1 balances fully.

    Returns:
        One weight per behaviour.

    Examples:
        >>> balancing_weights(np.array([0.8, 0.2]))
        (1.25, 5.0)
    """
    return tuple((np.where(frequencies > 0, frequencies, 1.0) ** -power).tolist())


def rebalance(probabilities: np.ndarray, frequencies: np.ndarray, power: float = 1.0) -> np.ndarray:
    """Multiply probabilities by their ``balancing_weights`` and scale them to a sum of 1.

    Args:
        probabilities: (time, behaviour).
        frequencies: (behaviour,) share of each behaviour in training.
        power: 0 changes nothing, 1 balances fully.

    Returns:
        (time, behaviour) float32.
    """
    weighted = probabilities * np.array(balancing_weights(frequencies, power))
    return (weighted / np.maximum(weighted.sum(1, keepdims=True), 1e-12)).astype(np.float32)
