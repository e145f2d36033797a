"""Comparisons of the vitals of a recording with those that are typical."""

from __future__ import annotations

import numpy as np

from ssl_behavior.quality.vitals import Vitals

_OTHER_BODY = 1.5
"""Ratio to the typical recording above which a landmark's distance from the centre is suspicious."""
_SIDE = 0.8
"""Share of the time above which a landmark keeps to its side."""
_NEAR_CENTRE = 0.15
"""Distance from the centre in body lengths, below which a ratio of distances means nothing."""


def ratio_of(value: float, typical: float) -> float:
    """The ratio of two positive numbers; else NaN, for which no comparison is true."""
    return value / typical if value > 0 and typical > 0 else np.nan


def is_turned(vitals: Vitals, typical: Vitals) -> bool:
    """Return whether the box fits the typical one with x and y exchanged, and does not fit it as it is."""
    box, typical_box = np.array(vitals.box), np.array(typical.box)
    distance, exchanged_distance = (np.abs(box - other).max() for other in (typical_box, typical_box[[1, 0, 3, 2]]))
    longest_side = np.ptp(typical_box.reshape(2, 2), axis=0).max()
    return bool(distance > 0.25 * longest_side and exchanged_distance < distance / 2)


def is_other_side(left: float, typical: float) -> bool:
    """Return whether left landmarks lie on the other side of the body than they typically do."""
    return (left < 1 - _SIDE and typical > _SIDE) or (left > _SIDE and typical < 1 - _SIDE)


def differing_landmarks(vitals: Vitals, typical: Vitals) -> list[str]:
    """Landmarks whose distance from the centre differs, the largest difference first."""
    shared = [
        name for name, distance in typical.proportions.items() if distance > _NEAR_CENTRE and name in vitals.proportions
    ]
    ratios = {name: vitals.proportions[name] / typical.proportions[name] for name in shared}
    differences = {name: max(ratio, 1 / max(ratio, 1e-3)) for name, ratio in ratios.items()}
    differing = [name for name, difference in differences.items() if difference > _OTHER_BODY]
    return sorted(differing, key=lambda name: -differences[name])


def compare_distance(landmark: str, vitals: Vitals, typical: Vitals) -> str:
    """Name a landmark with its distance from the centre and, in brackets, the typical one."""
    return f"{landmark} {vitals.proportions[landmark]:.2f} ({typical.proportions[landmark]:.2f})"


def describe_box(vitals: Vitals) -> str:
    """Give the edges of the area that animals use."""
    left, top, right, bottom = vitals.box
    return f"x {left:.0f} to {right:.0f} and y {top:.0f} to {bottom:.0f}"
