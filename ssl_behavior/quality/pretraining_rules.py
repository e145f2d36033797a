"""Rules that compare a recording with those that an encoder was pretrained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ssl_behavior.quality.comparisons import compare_distance, differing_landmarks, ratio_of
from ssl_behavior.quality.rules import OTHER_PACE, Suspicion, check_orientation
from ssl_behavior.quality.vitals import Vitals

_OTHER_SPEED = 2.0
"""Ratio to the speed in pretraining. Other mice in other arenas may well differ more than mice of one lab."""
_SAME_SCALE, _OTHER_SCALE = 1.5, 6.0
"""Ratios to the body length in pretraining, in pixels: below the first, the camera may be the same, so that areas can
be compared; above the second, cameras hardly explain it."""
_OTHER_RATE = 0.03
"""Relative difference from every frame rate of pretraining, above which the frame rate is another."""
_PACE_OF_OTHER_RATE, _PART_OF_RATE = 1.5, 1 / 3
"""Where the frame rate is another, less is needed to suspect it: so many standard deviations of the pace, and this part
of the difference between the frame rates, in its direction."""


def check_against_pretraining(video: str, vitals: Vitals, pretraining: Vitals, unit: str) -> Iterator[Suspicion]:
    """Apply the rules that compare a recording with those that an encoder was pretrained on.

    Args:
        video: id of the recording.
        vitals: measurements of the recording.
        pretraining: median measurements of the recordings that the encoder was pretrained on.
        unit: unit of the recording's coordinates.
    """
    where = "in those that the encoder was pretrained on"
    ratio = ratio_of(vitals.body_length, pretraining.body_length)
    is_same_scale = max(ratio, 1 / ratio) < _SAME_SCALE
    for suspicion in check_orientation(video, vitals, pretraining, where):
        # Sides do not depend on the camera, areas do.
        if suspicion.kind == "mirrored" or is_same_scale:
            yield suspicion
    if unit == "px" and max(ratio, 1 / ratio) > _OTHER_SCALE:
        yield Suspicion(
            video,
            "size",
            f"The distance from head to tail base is {vitals.body_length:.3g} px, and {where} "
            f"{pretraining.body_length:.3g} (ratio {ratio:.2g}). Check the unit and the size of a pixel; the encoder "
            "scales bodies to one length, so its embeddings do not depend on it.",
        )
    if is_same_scale and _has_same_body(vitals, pretraining):
        yield from _check_frame_rate(video, vitals, pretraining)
    if differences := [*_differences(vitals, pretraining)]:
        yield Suspicion(
            video,
            "strange to the encoder",
            "The recording differs from those that the encoder was pretrained on (in brackets): "
            f"{', '.join(differences)}. Check that it shows the same species, and that keypoints of the same name lie "
            "on the same place of the body.",
        )


def not_compared(pretraining: Vitals) -> list[str]:
    """Name the measurements that an encoder of an older version, or of few recordings, does not store."""
    stored = {
        "number of individuals": pretraining.individuals,
        "frame rate": pretraining.frame_rates,
        "pace": pretraining.pace,
    }
    return [name for name, value in stored.items() if not value]


def _has_same_body(vitals: Vitals, pretraining: Vitals) -> bool:
    """Tell whether the same landmarks are tracked at the same places: only then movements differ by the frame rate."""
    tracked, usual = (
        {name for name, distance in one.proportions.items() if not np.isnan(distance)} for one in (vitals, pretraining)
    )
    return tracked == usual and not differing_landmarks(vitals, pretraining)


def _check_frame_rate(video: str, vitals: Vitals, pretraining: Vitals) -> Iterator[Suspicion]:
    if vitals.speeds is None or pretraining.pace is None:
        return
    estimate, deviation = pretraining.pace.of(vitals.speeds), pretraining.pace.deviation
    change = _change_of_rate(vitals, pretraining)
    of_rate = estimate * np.sign(change)
    supports_change = of_rate > max(_PACE_OF_OTHER_RATE * deviation, _PART_OF_RATE * abs(change))
    if abs(estimate) > OTHER_PACE * deviation or supports_change:
        rates = ", ".join(f"{rate:g}" for rate in pretraining.frame_rates)
        yield Suspicion(
            video,
            "frame rate",
            f"All that animals do looks {np.exp(abs(estimate)):.1f} times {'faster' if estimate > 0 else 'slower'} "
            f"than usual in pretraining ({abs(estimate) / deviation:.1f} standard deviations). Check the frame rate: "
            f"it is {vitals.frame_rates[0]:g} Hz, and in pretraining {rates or 'unknown'}{' Hz' if rates else ''}.",
        )


def _change_of_rate(vitals: Vitals, pretraining: Vitals) -> float:
    """Logarithm of the frame rate relative to the nearest one of pretraining; 0 if that is the same or not recorded."""
    changes = [np.log(vitals.frame_rates[0] / rate) for rate in pretraining.frame_rates if rate > 0]
    change = min(changes, key=abs, default=0.0)
    return float(change) if abs(change) > _OTHER_RATE else 0.0


def _differences(vitals: Vitals, pretraining: Vitals) -> Iterator[str]:
    for name in differing_landmarks(vitals, pretraining)[:3]:
        yield f"{compare_distance(name, vitals, pretraining)} body lengths from the centre"
    ratio = ratio_of(vitals.speed, pretraining.speed)
    if max(ratio, 1 / ratio) > _OTHER_SPEED:
        yield f"speed exceeded in 3% of the time {vitals.speed:.2f} ({pretraining.speed:.2f}) body lengths per second"
    usual = pretraining.individuals
    if usual and not min(usual) <= vitals.individuals[0] <= max(usual):
        numbers = " or ".join(map(str, usual))
        yield f"{vitals.individuals[0]} individual{'s' * (vitals.individuals[0] != 1)} ({numbers})"
