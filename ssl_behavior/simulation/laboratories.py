"""Five invented laboratories, as different from each other as those of MABe-2025.

They differ in frame rate, size of a pixel, number of mice, body parts and quality of the tracker. They also differ in
how often their mice do what, in what the annotators look for, and in the annotators' habits. All numbers are chosen
within the range of the real laboratories. The names are not those of real ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ssl_behavior.simulation.actions import NOTHING
from ssl_behavior.simulation.annotators import Habits
from ssl_behavior.simulation.body_parts import HEADPIECE


@dataclass(frozen=True)
class Laboratory:
    """A laboratory.

    Attributes:
        name: name.
        frame_rate: Hz.
        pixels_per_cm: scale of its videos.
        mice: number of mice in an arena.
        parts: body parts that its tracker follows.
        tracking_method: name of the tracker.
        weights: action -> how often mice do it, and ``NOTHING``, relative to each other (``group.Group``).
        asked: actions that its annotators look for in every video, by the names of ``actions.ACTIONS``.
        sometimes: actions that they look for in about half of the videos.
        agents: only the first so many mice are asked for as agents.
        unlisted: share of the ordered pairs of two mice that nobody looks at.
        habits: habits of the annotators.
        jitter: factor on the tracker's jitter.
        losses: factor on the number of gaps in the tracks.
        has_stray_apostrophes: whether its lists have entries twice, once with apostrophes.
        annotates_twice: whether one more video repeats the first of train.csv, by a second annotator.
    """

    name: str
    frame_rate: float
    pixels_per_cm: float
    mice: int
    parts: tuple[str, ...]
    tracking_method: str
    weights: Mapping[str, float]
    asked: tuple[str, ...]
    sometimes: tuple[str, ...] = ()
    agents: int = 4
    unlisted: float = 0.0
    habits: Habits = field(default_factory=Habits)
    jitter: float = 1.0
    losses: float = 1.0
    has_stray_apostrophes: bool = False
    annotates_twice: bool = False


_EARS = ("ear_left", "ear_right")
_HIPS = ("hip_left", "hip_right")
_TAIL = ("tail_base", "tail_midpoint", "tail_tip")
_SEVEN = (*_EARS, *_HIPS, "neck", "nose", "tail_base")
_USUAL = {NOTHING: 7.0, "sniff": 5.0, "approach": 0.8, "attack": 1.2, "chase": 0.8, "mount": 1.2, "follow": 1.2}
_ALONE = {"rear": 2.0, "selfgroom": 1.0, "rest": 0.8, "run": 1.3, "dig": 1.0}

LABORATORIES = (
    Laboratory(
        "QuietVole",
        frame_rate=30.0,
        pixels_per_cm=18.3,
        mice=2,
        parts=_SEVEN,
        tracking_method="MARS",
        weights={**_USUAL, **_ALONE, "attack": 2.0},
        asked=("attack", "mount", "sniff"),
        sometimes=("chase", "approach"),
        agents=1,
        habits=Habits(late=0.05, spread=0.15, misses=0.08),
        annotates_twice=True,
    ),
    Laboratory(
        "BriskLemming",
        frame_rate=10.0,
        pixels_per_cm=15.3,
        mice=2,
        parts=(*_EARS, "body_center", "nose", "tail_base"),
        tracking_method="SLEAP",
        weights={**_USUAL, **_ALONE, "chase": 1.6},
        asked=("attack", "chase", "escape", "sniff"),
        habits=Habits(spread=0.2, misses=0.05, shortest=0.5, merges=0.4),
        jitter=1.3,
    ),
    Laboratory(
        "SteadyDormouse",
        frame_rate=25.0,
        pixels_per_cm=16.0,
        mice=4,
        parts=("body_center", *_EARS, *HEADPIECE, "lateral_left", "lateral_right", "neck", "nose", *_TAIL),
        tracking_method="DeepLabCut",
        # Mounts are so few that they cannot be learnt from this laboratory alone.
        weights={**_USUAL, **_ALONE, NOTHING: 10.0, "mount": 0.15, "follow": 1.5},
        asked=("approach", "attack", "chase", "escape", "follow", "mount", "rear"),
        unlisted=0.15,
        habits=Habits(late=0.1, spread=0.2, misses=0.12),
        jitter=1.5,
        losses=3.0,
    ),
    Laboratory(
        "SlyHamster",
        frame_rate=60.0,
        pixels_per_cm=11.0,
        mice=3,
        parts=("body_center", *_EARS, *_HIPS, "neck", "nose", "tail_base"),
        tracking_method="DeepLabCut",
        weights={**_USUAL, **_ALONE, "dig": 1.6, "attack": 0.8},
        asked=("attack", "follow", "sniff", "rear", "selfgroom", "rest", "run", "dig"),
        sometimes=("mount", "escape"),
        habits=Habits(spread=0.15, misses=0.08, merges=0.5, grid=9, names={"attack": "tussle"}),
    ),
    Laboratory(
        "BoldGerbil",
        frame_rate=120.0,
        pixels_per_cm=32.0,
        mice=2,
        parts=(*_EARS, "nose", "tail_base", "neck"),
        tracking_method="DeepLabCut",
        weights={**_USUAL, **_ALONE, "sniff": 4.0},
        asked=("approach", "attack", "defend", "escape", "sniff", "rear"),
        sometimes=("selfgroom",),
        habits=Habits(late=0.1, spread=0.12, misses=0.06, grid=3, shortest=0.3),
        losses=2.0,
        has_stray_apostrophes=True,
    ),
)
