"""Anatomical landmarks: what a keypoint's name means, so that recordings with other skeletons can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from ssl_behavior.errors import InputError
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

# In the order from nose to tail; each with the words it also goes by (word order, case, side letters do not matter).
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
    "tail middle": ("tail mid", "tail m", "tail midpoint", "mid tail", "tail centre", "tail center"),
    "tail tip": ("tail end", "tail e", "end tail", "tip tail"),
}
# Where a skeleton lacks a landmark, the mean of these stands in for it.
STAND_INS: dict[str, tuple[str, ...]] = {
    "head": ("left ear", "right ear"),
    "centre": ("neck", "tail base"),
}
# A body as it is drawn, from nose to tail; where one end is not tracked, the next of its chain takes its place.
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
    """The words of a name, without regard to case, order, separators or the side's abbreviation."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", " ", name)
    return frozenset(_SIDES.get(word, word) for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word)


# "tailbase" and "leftear" are as common as "tail base" and "left ear".
_MEANING = {
    canonical(spelling): landmark
    for landmark, aliases in LANDMARKS.items()
    for alias in (landmark, *aliases)
    for spelling in (alias, alias.replace(" ", ""))
}


def landmark_of(name: str, skeleton: Skeleton) -> str:
    """The landmark that a keypoint is; its own name where the name says nothing we know."""
    said = skeleton.landmarks.get(name, name)
    return _MEANING.get(canonical(said), said)


def shared_landmarks(skeletons: Iterable[Skeleton]) -> tuple[str, ...]:
    """Every landmark that occurs in the skeletons, from nose to tail, names without known meaning last."""
    found = {landmark_of(name, skeleton) for skeleton in skeletons for name in skeleton.keypoints}
    return tuple(name for name in LANDMARKS if name in found) + tuple(sorted(found - set(LANDMARKS)))


def coverage(skeleton: Skeleton, landmarks: Sequence[str]) -> str:
    """What a skeleton lacks of the landmarks and what of it is not used, as a notice; empty if they are the same."""
    found = {landmark_of(name, skeleton): name for name in skeleton.keypoints}
    stood_in = {name: parts for name, parts in STAND_INS.items() if set(parts) <= set(found) and name not in found}
    lacking = [name for name in landmarks if name not in found and name not in stood_in]
    used = {*landmarks, *(part for name, parts in stood_in.items() if name in landmarks for part in parts)}
    unused = [name for landmark, name in found.items() if landmark not in used]
    if not lacking and not unused:
        return ""
    notice = f"keypoints used: {', '.join(name for name in landmarks if name not in lacking) or 'none'}"
    notice += f"; unseen in these recordings: {', '.join(lacking)}" if lacking else ""
    return notice + (f"; not used: {', '.join(unused)}" if unused else "")


def mirror(landmarks: Sequence[str]) -> list[int]:
    """For each landmark the index of the one it becomes in a mirror (left and right change places)."""
    words = [canonical(name) for name in landmarks]
    index = {name: i for i, name in enumerate(words)}
    swap = {"left": "right", "right": "left"}
    return [index.get(frozenset(swap.get(word, word) for word in name), i) for i, name in enumerate(words)]


def as_landmarks(recording: Recording, landmarks: Sequence[str], values: np.ndarray) -> np.ndarray:
    """Reorder ``values`` (time, individual, keypoint, ...) to (time, individual, landmark, ...); NaN where missing.

    Raises:
        InputError: if the recording has none of the landmarks.
    """
    names = recording.skeleton.keypoints
    index = {landmark_of(name, recording.skeleton): i for i, name in enumerate(names)}
    if len(index) < len(names):
        meanings = [landmark_of(name, recording.skeleton) for name in names]
        twice = next(one for one in meanings if meanings.count(one) > 1)
        both = [name for name, meaning in zip(names, meanings, strict=True) if meaning == twice]
        raise InputError(
            f"{recording.source or recording.id}: expected keypoints of different meanings; "
            f"found {' and '.join(both)}, both {twice!r}: say what they mean with --skeleton FILE"
        )
    if not set(index) & set(landmarks):
        raise InputError(
            f"{recording.source or recording.id}: expected at least one of the keypoints {list(landmarks)}; found "
            f"{list(names)}: say what they mean with --skeleton FILE"
        )
    out = np.full((*values.shape[:2], len(landmarks), *values.shape[3:]), np.nan, np.float32)
    for k, landmark in enumerate(landmarks):
        if landmark in index:
            out[:, :, k] = values[:, :, index[landmark]]
        elif set(parts := STAND_INS.get(landmark, ())) <= set(index) and parts:
            out[:, :, k] = np.mean([values[:, :, index[part]] for part in parts], axis=0)
    return out


def edges(landmarks: Sequence[str]) -> list[tuple[int, int]]:
    """Which landmarks a drawn body joins, as pairs of places in ``landmarks``."""
    place = {name: number for number, name in enumerate(landmarks)}
    found: dict[tuple[int, int], None] = {}
    for chain in _CHAINS:
        there = [place[name] for name in chain if name in place]
        if chain is _CHAINS[0] or any(name.startswith(("left", "right")) for name in chain if name in place):
            found.update(dict.fromkeys(pairwise(there)))
    return list(found)
