"""Anatomical landmarks: the meaning of keypoint names, which makes recordings with different skeletons comparable."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.skeleton import Skeleton

# From nose to tail, each with its aliases. Word order, case and abbreviations of the side do not matter.
LANDMARKS: dict[str, tuple[str, ...]] = {
    "nose": ("snout", "nose tip", "tip nose"),
    "left ear": ("left ear base", "left ear tip"),
    "right ear": ("right ear base", "right ear tip"),
    "head": ("top", "top head", "head top", "head center", "head centre", "mid head", "between ears", "implant"),
    "neck": ("nape", "back neck", "base neck", "neck base", "head base"),
    "left shoulder": ("left fhip", "left lateral front", "left front hip"),
    "right shoulder": ("right fhip", "right lateral front", "right front hip"),
    "left forepaw": ("left front paw", "left forelimb"),
    "right forepaw": ("right front paw", "right forelimb"),
    "front spine": ("spine 1", "upper spine", "mid back 1"),
    "centre": (
        "center",
        "body",
        "body center",
        "body centre",
        "center back",
        "centroid",
        "mid back",
        "spine mid",
        "torso",
        "thorax",
    ),
    "rear spine": ("spine 2", "lower spine", "mid back 2"),
    "left side": ("left lateral", "left flank", "left mid side"),
    "right side": ("right lateral", "right flank", "right mid side"),
    "left hip": ("left bhip", "left rear hip"),
    "right hip": ("right bhip", "right rear hip"),
    "left hindpaw": ("left hind paw", "left rear paw", "left hindlimb"),
    "right hindpaw": ("right hind paw", "right rear paw", "right hindlimb"),
    "tail base": ("tail", "base tail", "tail start", "tail root", "tail 0", "abdomen"),
    "tail middle": ("tail mid", "tail m", "tail midpoint", "tail middle 1", "mid tail", "tail centre", "tail center"),
    "tail tip": ("tail end", "tail e", "end tail", "tip tail"),
}
# The mean of these landmarks stands in for one that a skeleton lacks.
STAND_INS: dict[str, tuple[str, ...]] = {
    "head": ("left ear", "right ear"),
    "centre": ("neck", "tail base"),
}
# Lines of a drawn body, from nose to tail. A line skips the landmarks that are not tracked.
_CHAINS = (
    ("nose", "head", "neck", "front spine", "centre", "rear spine", "tail base", "tail middle", "tail tip"),
    ("nose", "left ear", "neck", "left shoulder", "left side", "left hip", "tail base"),
    ("nose", "right ear", "neck", "right shoulder", "right side", "right hip", "tail base"),
    ("left shoulder", "left forepaw"),
    ("right shoulder", "right forepaw"),
    ("left hip", "left hindpaw"),
    ("right hip", "right hindpaw"),
)
_SIDES = {"l": "left", "r": "right", "lft": "left", "rgt": "right"}


def canonical(name: str) -> frozenset[str]:
    """Return the words of a name; case, order, separators and abbreviations of the side are ignored.

    Examples:
        >>> sorted(canonical("TailBase_L"))
        ['base', 'left', 'tail']
    """
    # Words are also separated by a change of case and between letters and digits: "tailBase", "spine1".
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", " ", name)
    return frozenset(_SIDES.get(word, word) for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word)


# Each alias counts without its spaces too: "tailbase" and "leftear" are as common as "tail base" and "left ear".
_MEANING = {
    canonical(spelling): landmark
    for landmark, aliases in LANDMARKS.items()
    for alias in (landmark, *aliases)
    for spelling in (alias, alias.replace(" ", ""))
}


def landmark_of(name: str, skeleton: Skeleton) -> str:
    """Return the landmark that a keypoint marks, or the keypoint's own name if it is no known landmark.

    The meaning that the skeleton states (``Skeleton.landmarks``) goes before the name.
    """
    meaning = skeleton.landmarks.get(name, name)
    return _MEANING.get(canonical(meaning), meaning)


def shared_landmarks(skeletons: Iterable[Skeleton]) -> tuple[str, ...]:
    """Return every landmark of at least one skeleton, from nose to tail; names that are no known landmark come last."""
    names = {landmark_of(name, skeleton) for skeleton in skeletons for name in skeleton.keypoints}
    return tuple(name for name in LANDMARKS if name in names) + tuple(sorted(names - set(LANDMARKS)))


def coverage_notice(skeleton: Skeleton, landmarks: Sequence[str]) -> str:
    """Describe the landmarks that a skeleton lacks and its unused keypoints; empty if there are none."""
    keypoints = {landmark_of(name, skeleton): name for name in skeleton.keypoints}
    stand_ins = {
        name: parts for name, parts in STAND_INS.items() if set(parts) <= set(keypoints) and name not in keypoints
    }
    lacking = [name for name in landmarks if name not in keypoints and name not in stand_ins]
    used = {*landmarks, *(part for name, parts in stand_ins.items() if name in landmarks for part in parts)}
    unused = [name for landmark, name in keypoints.items() if landmark not in used]
    if not lacking and not unused:
        return ""
    notice = f"keypoints used: {', '.join(name for name in landmarks if name not in lacking) or 'none'}"
    notice += f"; unseen in these recordings: {', '.join(lacking)}" if lacking else ""
    return notice + (f"; not used: {', '.join(unused)}" if unused else "")


def mirror(landmarks: Sequence[str]) -> list[int]:
    """Return the index of each landmark's mirror image: left and right are exchanged, all others stay.

    Examples:
        >>> mirror(("nose", "left ear", "right ear"))
        [0, 2, 1]
    """
    words = [canonical(name) for name in landmarks]
    index = {name: i for i, name in enumerate(words)}
    swap = {"left": "right", "right": "left"}
    return [index.get(frozenset(swap.get(word, word) for word in name), i) for i, name in enumerate(words)]


def as_landmarks(skeleton: Skeleton, landmarks: Sequence[str], values: np.ndarray) -> np.ndarray:
    """Reorder the keypoints of a skeleton to landmarks.

    Args:
        skeleton: skeleton of the values.
        landmarks: names of the landmarks, in the order of the result.
        values: (time, individual, keypoint, ...), positions or confidence.

    Returns:
        (time, individual, landmark, ...) float32; NaN where the skeleton has neither the landmark nor a stand-in.

    Raises:
        InputError: the skeleton has none of the landmarks, or two keypoints with the same meaning.
    """
    names = skeleton.keypoints
    index = {landmark_of(name, skeleton): i for i, name in enumerate(names)}
    if len(index) < len(names):
        meanings = [landmark_of(name, skeleton) for name in names]
        repeated = next(meaning for meaning in meanings if meanings.count(meaning) > 1)
        both = [name for name, meaning in zip(names, meanings, strict=True) if meaning == repeated]
        raise InputError(
            f"expected keypoints of different meanings; found {' and '.join(both)}, both {repeated!r}: "
            f"give one of them another meaning with --skeleton FILE, whose line is '{both[-1]}: other'"
        )
    if not set(index) & set(landmarks):
        raise InputError(
            f"expected at least one of the keypoints {list(landmarks)}; found {list(names)}: "
            f"say what they mean with --skeleton FILE, of lines such as '{names[0]}: {landmarks[0]}'"
        )
    out = np.full((*values.shape[:2], len(landmarks), *values.shape[3:]), np.nan, np.float32)
    for k, landmark in enumerate(landmarks):
        if landmark in index:
            out[:, :, k] = values[:, :, index[landmark]]
        elif (parts := STAND_INS.get(landmark, ())) and set(parts) <= set(index):
            out[:, :, k] = np.mean([values[:, :, index[part]] for part in parts], axis=0)
    return out


def edges(landmarks: Sequence[str]) -> list[tuple[int, int]]:
    """Return the lines of a drawn body, as pairs of indices into ``landmarks``."""
    index = {name: number for number, name in enumerate(landmarks)}
    lines: dict[tuple[int, int], None] = {}
    for chain in _CHAINS:
        tracked = [name for name in chain if name in index]
        # A chain along a side of the body is drawn only if one of its landmarks on that side is tracked. Without them
        # the chain would repeat the line along the middle.
        if chain is _CHAINS[0] or any(name.startswith(("left", "right")) for name in tracked):
            lines.update(dict.fromkeys(pairwise(index[name] for name in tracked)))
    return list(lines)
