"""Schedule: settings of the optimiser over a training run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Schedule:
    """Settings of AdamW and of its learning rate.

    Attributes:
        steps: number of batches in all.
        learning_rate: learning rate after the warm-up.
        weight_decay: weight decay of AdamW; it acts on matrices only, not on biases and scales.
        warmup: steps over which the rate rises; at most half of all steps.
        cosine: whether the rate falls to 0 along a cosine after the warm-up; otherwise it stays constant.
        clip_norm: largest norm of the gradient.
        average: decay of the running mean of the weights. The module ends with this mean; 0 keeps the last weights.
        factors: factor on the learning rate, by prefix of a parameter's name. The first prefix that matches counts; a
            parameter without one has factor 1, and factor 0 freezes.
    """

    steps: int
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 100
    cosine: bool = True
    clip_norm: float = 1.0
    average: float = 0.0
    factors: Mapping[str, float] = field(default_factory=dict)

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate at a step, counted from 0.

        Examples:
            >>> [Schedule(100, warmup=4).rate(step) for step in range(4)]
            [0.25, 0.5, 0.75, 1.0]
        """
        warm = max(1, min(self.warmup, self.steps // 2))
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, self.steps - warm))) if self.cosine else 1.0

    def factor(self, parameter: str) -> float:
        """Return the factor on the learning rate of the parameter with this name."""
        return next((factor for prefix, factor in self.factors.items() if parameter.startswith(prefix)), 1.0)
