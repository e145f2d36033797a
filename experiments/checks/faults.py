"""Faults that are put into sound recordings, and changes that are none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.checks.changes import (
    Change,
    at_rate,
    cut,
    double_at_random,
    double_every,
    drop_at_random,
    drop_every,
    every_second_frame,
    exchange_animals,
    exchange_roles,
    frozen,
    join,
    late_by,
    mirrored,
    moved,
    normalized,
    nose_and_tail_exchanged,
    of_another_video,
    one_animal,
    rename,
    same_track,
    sides_exchanged,
)
from ssl_behavior.quality.rules import Kind


@dataclass(frozen=True)
class Fault:
    """A fault to put into a recording.

    Attributes:
        name: description.
        kinds: of suspicions that count as its detection.
        apply: the change.
        is_random: whether the change differs between seeds.
    """

    name: str
    kinds: tuple[Kind, ...]
    apply: Change
    is_random: bool = False


ORIENTATION: tuple[Kind, ...] = ("turned", "mirrored")
SWAP_AXES = Fault("x and y exchanged", ORIENTATION, moved(lambda positions: positions[..., ::-1]))
MIRROR = Fault("image mirrored (x)", ("mirrored",), mirrored(0))
FLIP = Fault("y axis flipped", ("mirrored",), mirrored(1))
SIDES = Fault("left and right exchanged in the names", ("mirrored",), rename(sides_exchanged))
NAMES: tuple[Kind, ...] = ("backwards", "proportions", "strange to the encoder")
NOSE_AND_TAIL = Fault("nose and tail exchanged in the names", NAMES, rename(nose_and_tail_exchanged))
ROTATED = Fault("all names moved on by one keypoint", NAMES, rename(lambda names: (*names[1:], names[0])))
RATES = tuple(
    Fault(f"frame rate {factor:.3g} times the true one", ("frame rate", "strange to the encoder"), at_rate(factor))
    for factor in (0.25, 0.5, 2 / 3, 1.2, 1.5, 2, 4)
)
SIZES = tuple(
    Fault(name, ("size",), moved(change))
    for name, change in (
        ("pixels twice as large", lambda positions: positions * np.float32(2)),
        ("pixels ten times as large", lambda positions: positions * np.float32(10)),
        ("pixels ten times as small", lambda positions: positions / np.float32(10)),
        ("coordinates from 0 to 1", normalized),
    )
)
EXCHANGED = Fault("two animals exchanged half-way", ("exchanged",), exchange_animals, is_random=True)
WITHIN = (
    Fault("two animals with one track", ("same track",), same_track(1.0)),
    Fault("two animals with one track, in the last half", ("same track",), same_track(0.5)),
    *(Fault(f"all animals frozen for {s:g} s", ("frozen",), frozen(s), is_random=True) for s in (1.5, 5)),
    Fault("one animal of two frozen for 5 s", ("frozen",), frozen(5, individual=1), is_random=True),
    *(Fault(f"{s:g} s missing in the middle", ("jump",), cut(s), is_random=True) for s in (2, 10, 60)),
    Fault("two videos in one", ("jump",), join, is_random=True),
    *(Fault(f"every {n}th frame missing", ("frames missing",), drop_every(n)) for n in (5, 11, 25)),
    *(Fault(f"{s:.0%} of the frames missing", ("frames missing",), drop_at_random(s), True) for s in (0.1,)),
    Fault("every frame twice", ("frames repeated",), double_every(1)),
    *(Fault(f"every {n}th frame twice", ("frames repeated",), double_every(n)) for n in (5, 25)),
    Fault("every 5th frame twice, with noise", ("frames repeated",), double_every(5, 0.002), is_random=True),
    *(Fault(f"{s:.0%} of the frames twice", ("frames repeated",), double_at_random(s), True) for s in (0.02, 0.1)),
)
LABELS = (
    *(
        Fault(f"labels {name} late", ("shifted labels",), late_by(seconds))
        for name, seconds in (("one frame", 1 / 30), ("0.5 s", 0.5), ("1 s", 1.0), ("2 s", 2.0), ("5 s", 5.0))
    ),
    Fault("labels of another video", ("unrelated labels",), of_another_video, is_random=True),
)
AMONG_OTHERS = (
    SWAP_AXES, MIRROR, FLIP, SIDES, NOSE_AND_TAIL, ROTATED, *RATES, *SIZES, EXCHANGED, *WITHIN, *LABELS
)  # fmt: skip
TO_AN_ENCODER = (
    SWAP_AXES, MIRROR, FLIP, SIDES, NOSE_AND_TAIL, ROTATED, *RATES, *SIZES,
    Fault("one animal in place of two", ("strange to the encoder",), one_animal),
    Fault("roles of two animals exchanged", ("strange to the encoder",), exchange_roles),
)  # fmt: skip
"""Faults of one new recording, which is compared only with what an encoder knows."""
NO_FAULTS = (
    Fault("as it is", (), moved(lambda positions: positions)),
    Fault("camera 1.5 times nearer", (), moved(lambda positions: positions * np.float32(1.5))),
    Fault("animals at another place of the image", (), moved(lambda positions: positions + np.float32(400))),
    Fault("recorded at half the frame rate", (), every_second_frame),
)
"""Changes that other cameras make: every suspicion of them is a false alarm."""
