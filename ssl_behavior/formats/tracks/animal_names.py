"""The animal that a keypoint belongs to, from its name: ``B_Nose`` and ``W_Nose``, or ``Nose_1`` and ``Nose_2``.

Names of one animal repeat too: six legs have the same joints, and two cameras see the same body. Names are therefore
taken for those of animals only where a whole body repeats, and where what differs is no side, limb or view.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ssl_behavior.formats.tracks.name_cuts import HEADS, Groups, cuts, words

_FEWEST_PARTS = 3
_SIDES = {
    *("left", "right", "l", "r", "front", "hind", "fore", "rear", "back", "upper", "lower", "mid", "middle"),
    *("inner", "outer", "medial", "proximal", "distal", "tip", "base", "start", "end", "in", "out"),
    *("center", "centre", "central", "anterior", "posterior", "dist", "prox", "lateral"),
    *("lf", "lm", "lh", "lb", "rf", "rm", "rh", "rb", "fl", "fr", "hl", "hr", "bl", "br", "ml", "mr"),
    *("leg", "arm", "paw", "foot", "hand", "limb", "wing", "antenna", "finger"),
}
_VIEWS = {
    *("cam", "camera", "view", "video", "vid", "mirror", "angle", "lens", "c", "v"),
    *("top", "bottom", "side", "overhead", "lateral", "dorsal", "ventral", "above", "below"),
    *("raw", "filtered", "predicted", "pred", "true", "gt"),
    *("reflection", "reflected", "shadow"),
}
_VIEW_WORD = re.compile(r"cam[a-z]?|.+(?:cam|camera|view)")
_ANIMALS = {
    *("mouse", "mice", "rat", "animal", "individual", "ind", "subject", "track", "instance", "identity", "id"),
    *("fly", "fish", "bird", "bee", "ant", "resident", "intruder", "male", "female", "black", "white"),
    *("self", "partner", "demonstrator", "observer", "mother", "father", "pup"),
}
_PLACES = {"corner", "corners", "arena", "box", "cage", "wall", "feeder", "food", "water", "object", "maze", "led"}
_FRONTS = {"ear", "ears", "leftear", "rightear", "eye", "thorax"}
_REARS = {"tail", "tailbase", "hip", "abdomen", "rump"}


@dataclass(frozen=True)
class Animals:
    """Keypoints by animal.

    Attributes:
        origin: "prefix" or "suffix".
        groups: what differs -> keypoint's name -> number, for each animal.
        others: numbers of the keypoints that belong to no animal.
        are_views: the names repeat because of views, sides or limbs, so these are no animals.
    """

    origin: str
    groups: Groups
    others: tuple[int, ...] = ()
    are_views: bool = False

    @property
    def individuals(self) -> tuple[str, ...]:
        """A name for each animal; numbers become ``individual1``."""
        if "" in self.groups and all(tag.isdecimal() or not tag for tag in self.groups):
            return tuple(f"individual{number}" for number in range(1, len(self.groups) + 1))
        return tuple(f"individual{tag}" if tag.isdecimal() else tag or "individual1" for tag in self.groups)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names of the keypoints of an animal; some animals may lack some."""
        return tuple(dict.fromkeys(part for group in self.groups.values() for part in group))


def recognised_animals(names: Sequence[str]) -> Animals | None:
    """Return the animals that names of keypoints show, with ``are_views`` if a whole body repeats otherwise.

    Examples:
        >>> recognised_animals(["Nose_1", "Hip_1", "Tail_1", "Nose_2", "Hip_2", "Tail_2"]).individuals
        ('individual1', 'individual2')
    """
    views = None
    for origin, groups in cuts(names):
        animals = _exact(origin, groups)
        if animals is None:
            continue
        if not animals.are_views:
            return animals
        views = views or animals
    similar = filter(None, (_similar(origin, groups) for origin, groups in cuts(names)))
    return views or min(similar, key=lambda animals: len(animals.others), default=None)


def possible_animals(names: Sequence[str]) -> Animals | None:
    """Return the animals that a repeated nose suggests, though too little repeats to be sure, as a person may state."""
    for origin in ("prefix", "suffix"):
        animals = stated_animals(names, origin)
        if animals is None or _have_views(animals.groups) or _have_sides(animals.groups):
            continue
        parts = Counter(part for group in animals.groups.values() for part in group)
        if any(parts[part] > 1 and words(part) & HEADS for part in parts):
            return animals
    return None


def stated_animals(names: Sequence[str], origin: str) -> Animals | None:
    """Return the animals that names show if a person says that they stand in the prefixes, or in the suffixes.

    Animals may then lack keypoints that others have, and sides and views count as animals.
    """
    best, fewest_left = None, len(names)
    for found, groups in cuts(names):
        if found != origin:
            continue
        animals = _overlapping(origin, groups)
        if animals is not None and len(animals.others) < fewest_left:
            best, fewest_left = animals, len(animals.others)
    return best


def _exact(origin: str, groups: Groups) -> Animals | None:
    """Return the groups that have the same keypoints, if these are a body; nothing may be left but other things."""
    counts = Counter(frozenset(group) for group in groups.values())
    if not counts:
        return None
    whole = max(counts, key=lambda parts: (counts[parts] > 1, len(parts)))
    alike = {tag: group for tag, group in groups.items() if set(group) == whole}
    rest = [(part, number) for tag, group in groups.items() if tag not in alike for part, number in group.items()]
    if len(alike) < 2 or any(part in whole or words(part) & HEADS for part, _ in rest):
        return None
    # "Nose_mouse" is no animal with the keypoints 1 and 2.
    is_named = all(words(tag) & _ANIMALS for tag in alike) and not any(part.isdecimal() for part in whole)
    if not (is_named or (len(whole) >= _FEWEST_PARTS and _is_body(whole))):
        return None
    is_side = not is_named and _have_sides(alike)
    if is_side and not _words_of(whole) & HEADS:
        return None  # left and right ears and hips are those of any animal; left and right noses are of two views
    return Animals(origin, alike, tuple(number for _, number in rest), _have_views(alike) or is_side)


def _similar(origin: str, groups: Groups) -> Animals | None:
    """Return the groups that have a head and share half of all keypoints; nothing may be left but other things."""
    bare = groups.get("", {})
    places = {part: number for part, number in bare.items() if words(part) & _PLACES}
    groups = {**groups, "": {part: number for part, number in bare.items() if part not in places}}
    animals = {tag: group for tag, group in groups.items() if _words_of(group) & HEADS}
    rest = [(part, number) for tag, group in groups.items() if tag not in animals for part, number in group.items()]
    every = set().union(*animals.values())
    shared = every.intersection(*animals.values())
    if len(animals) < 2 or _have_views(animals) or _have_sides(animals) or any(part in every for part, _ in rest):
        return None
    if len(every) < _FEWEST_PARTS or len(shared) < 2 or 2 * len(shared) < len(every) or not _words_of(shared) & HEADS:
        return None
    return Animals(origin, animals, (*places.values(), *(number for _, number in rest)))


def _have_views(tags: Iterable[str]) -> bool:
    every = [words(tag) for tag in tags]
    # Single letters are those of views only if all have them: c1 and c2 are cameras, a, b and c are animals.
    found = {word for tag in every for word in tag if len(word) > 1}.union(set.intersection(*every))
    return any(word in _VIEWS or _VIEW_WORD.fullmatch(word) for word in found)


def _have_sides(tags: Iterable[str]) -> bool:
    found = _words_of(tags)
    # The animals r, g and b have no side.
    return bool(found & (_SIDES - {"l", "r"})) or {"l", "r"} <= found


def _words_of(parts: Iterable[str]) -> set[str]:
    return {word for part in parts for word in words(part)}


def _overlapping(origin: str, groups: Groups) -> Animals | None:
    """Return the groups that have half of the keypoints of the largest group that shares some, or a head as it has."""
    shared = Counter(part for group in groups.values() for part in group)
    repeated = [group for group in groups.values() if any(shared[part] > 1 for part in group)]
    if len(repeated) < 2:
        return None
    largest = max(repeated, key=lambda group: sum(shared[part] > 1 for part in group))
    animals = {}
    for tag, group in groups.items():
        common = set(group) & set(largest)
        if 2 * len(common) >= len(largest) or _words_of(common) & HEADS:
            animals[tag] = group
    others = tuple(number for tag, group in groups.items() if tag not in animals for number in group.values())
    return Animals(origin, animals, others) if len(animals) > 1 else None


def _is_body(parts: Iterable[str]) -> bool:
    found = _words_of(parts)
    return bool(found & HEADS or (found & _FRONTS and found & _REARS))
