"""Check recordings for silent errors."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ssl_behavior.errors import PROGRAM, list_names
from ssl_behavior.poses.poses import Poses
from ssl_behavior.quality.identity_swaps import find_swaps
from ssl_behavior.quality.label_fit import fit_of_labels
from ssl_behavior.quality.label_shifts import SUSPICIOUS_LONE_S, SUSPICIOUS_S, best_shift
from ssl_behavior.quality.pretraining_rules import check_against_pretraining
from ssl_behavior.quality.rules import Suspicion, check_against_others, check_alone
from ssl_behavior.quality.track_rules import check_tracks, list_frames
from ssl_behavior.quality.vitals import Vitals, measure_vitals
from ssl_behavior.recordings.recording import Recording

_FEWEST_OTHERS = 3
"""With fewer other recordings, nobody can say which of them is the odd one."""
_CHANCE = 3.0
"""Standard deviations by which labels must explain more of the movement than when moved to another time."""
_NAMED_SINGLY = 3
"""Suspicious recordings that get a line each; of more, each kind of suspicion gets one."""


class QualityInput(NamedTuple):
    """A recording to check.

    Attributes:
        poses: the prepared recording.
        recording: the recording as it was read.
        labels: (time,) labels at the frames of the poses, -1 where unscored; None if there are none.
    """

    poses: Poses
    recording: Recording
    labels: np.ndarray | None


def check_recordings(
    inputs: Sequence[QualityInput], landmarks: Sequence[str], pretraining: Vitals | None = None
) -> list[tuple[Vitals, list[Suspicion]]]:
    """Measure each recording and compare it with the others.

    Args:
        inputs: recordings to check.
        landmarks: landmarks that they were prepared with.
        pretraining: median measurements of the recordings that an encoder was pretrained on, to compare with them too.

    Returns:
        Measurements and suspicions of each recording, in the order of ``inputs``.
    """
    measured = [measure_vitals(quality_input.poses, landmarks) for quality_input in inputs]
    return [
        (vitals, find_suspicions(quality_input, vitals, measured[:i] + measured[i + 1 :], pretraining))
        for i, (quality_input, vitals) in enumerate(zip(inputs, measured, strict=True))
    ]


def find_suspicions(
    quality_input: QualityInput, vitals: Vitals, others: Sequence[Vitals], pretraining: Vitals | None = None
) -> list[Suspicion]:
    """Apply every rule to one recording.

    Args:
        quality_input: recording to check.
        vitals: its measurements.
        others: measurements of the other recordings; rules that need them are left out with fewer than three.
        pretraining: as in ``check_recordings``.
    """
    video = quality_input.poses.id
    unit = quality_input.recording.unit
    suspicions = [*check_alone(video, vitals, unit)]
    if len(others) >= _FEWEST_OTHERS:
        suspicions += check_against_others(video, vitals, others)
    if pretraining is not None:
        suspicions += check_against_pretraining(video, vitals, pretraining, unit)
    suspicions += check_tracks(quality_input.recording, quality_input.poses)
    suspicions += _check_swaps(quality_input.poses)
    return suspicions + _check_labels(quality_input)


def _check_swaps(poses: Poses) -> list[Suspicion]:
    frames = find_swaps(poses)
    if not frames:
        return []
    evidence = (
        f"Two animals jump to each other's position at {list_frames(frames)}. "
        f"If the tracker exchanges them from there on, {PROGRAM} repair exchanges them back."
    )
    return [Suspicion(poses.id, "exchanged", evidence, tuple(frames))]


def _check_labels(quality_input: QualityInput) -> list[Suspicion]:
    poses, labels = quality_input.poses, quality_input.labels
    if labels is None:
        return []
    fit = fit_of_labels(poses, labels)
    if fit is not None and fit < _CHANCE:
        evidence = (
            f"Labels explain no more of the movement than when moved to another time ({fit:.1f} standard deviations, "
            f"expected above {_CHANCE:g}). Check that they belong to this video."
        )
        return [Suspicion(poses.id, "unrelated labels", evidence)]
    shift = best_shift(poses, labels)
    if shift is None or abs(shift) < (SUSPICIOUS_S if len(poses.individuals) > 1 else SUSPICIOUS_LONE_S):
        return []
    evidence = (
        f"Labels match the movement best when shifted {abs(shift):.1f} s {'earlier' if shift > 0 else 'later'}. "
        "Check that they belong to this video and start at frame 0."
    )
    return [Suspicion(poses.id, "shifted labels", evidence)]


def print_warnings(
    inputs: Sequence[QualityInput], encoder: Path, landmarks: Sequence[str], pretraining: Vitals | None
) -> None:
    """Print a line for each suspicious recording, or for each kind if they are many, in commands that continue then.

    Args:
        inputs: as in ``check_recordings``.
        encoder: folder of the encoder or model that reads the recordings.
        landmarks: landmarks of the encoder.
        pretraining: as in ``check_recordings``.
    """
    suspicious = [suspicions for _, suspicions in check_recordings(inputs, landmarks, pretraining) if suspicions]
    option = f" --encoder {shlex.quote(str(encoder))}" if pretraining is not None else ""
    if len(suspicious) <= _NAMED_SINGLY:
        for first, *others in suspicious:
            kinds = ", ".join(dict.fromkeys(suspicion.kind for suspicion in (first, *others)))
            print(f"suspicious ({kinds}): {first.video}: {first.evidence}")
    else:
        videos: dict[str, dict[str, None]] = {}
        for suspicion in chain.from_iterable(suspicious):
            videos.setdefault(suspicion.kind, {})[suspicion.video] = None
        for kind, names in videos.items():
            print(f"suspicious ({kind}): {list_names([*names])}")
    if suspicious:
        print(f"ssl-behavior check{option} shows why, with pictures")
