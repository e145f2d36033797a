"""Which animal a keypoint belongs to, from its name: ``B_Nose`` and ``W_Nose``, or ``Nose_1`` and ``Nose_2``.

Names of one animal repeat too: six legs have the same joints, and two cameras see the same body. Names are therefore
taken for those of animals only where a whole body repeats, and where what differs is no side, limb or view.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

Groups = Mapping[str, Mapping[str, int]]
"""What differs between the names of animals -> the rest of the name -> the number of the keypoint."""

_FEWEST_PARTS = 3
_SEPARATORS = "_. -"
_SIDES = {
    *("left", "right", "l", "r", "front", "hind", "fore", "rear", "back", "upper", "lower", "mid", "middle"),
    *("inner", "outer", "medial", "proximal", "distal", "tip", "base", "start", "end", "in", "out"),
    *("lf", "lm", "lh", "lb", "rf", "rm", "rh", "rb", "fl", "fr", "hl", "hr", "bl", "br", "ml", "mr"),
    *("leg", "arm", "paw", "foot", "hand", "limb", "wing", "antenna", "finger"),
}
_VIEWS = {
    *("cam", "camera", "view", "video", "vid", "mirror", "angle", "lens", "c", "v"),
    *("top", "bottom", "side", "overhead", "lateral", "dorsal", "ventral", "above", "below"),
    *("raw", "filtered", "predicted", "pred", "true", "gt"),
}
_VIEW_WORD = re.compile(r"cam[a-z]?|.+(?:cam|camera|view)")
_ANIMALS = {
    *("mouse", "mice", "rat", "animal", "individual", "ind", "subject", "track", "instance", "identity", "id"),
    *("fly", "fish", "bird", "bee", "ant", "resident", "intruder", "male", "female", "black", "white"),
    *("self", "partner", "demonstrator", "observer", "mother", "father", "pup"),
}
_HEADS = {"nose", "snout", "head", "mouth", "beak", "rostrum"}
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
        if "" in self.groups:
            return tuple(f"individual{number}" for number in range(1, len(self.groups) + 1))
        return tuple(f"individual{tag}" if tag.isdecimal() else tag for tag in self.groups)

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
    for origin, groups in _splits(names):
        animals = _exact(origin, groups)
        if animals is None:
            continue
        if not animals.are_views:
            return animals
        views = views or animals
    return views


def stated_animals(names: Sequence[str], origin: str) -> Animals | None:
    """Return the animals that names show if a person says that they stand in the prefixes, or in the suffixes.

    Animals may then lack keypoints that others have, and sides and views count as animals.
    """
    best, fewest_left = None, len(names)
    for found, groups in _splits(names):
        if found != origin:
            continue
        animals = _overlapping(origin, groups)
        if animals is not None and len(animals.others) < fewest_left:
            best, fewest_left = animals, len(animals.others)
    return best


def _splits(names: Sequence[str]) -> Iterator[tuple[str, Groups]]:
    """Yield every way to cut all names in two: after or before one to three words, and at a number."""
    gap, word = f"[{_SEPARATORS}]", f"[^{_SEPARATORS}]"
    patterns = []
    for words in (1, 2, 3):
        more = f"(?:{gap}{word}+){{{words - 1}}}"
        patterns.append(("prefix", rf"(?P<tag>{word}+{more}){gap}(?P<part>.+)"))
        patterns.append(("suffix", rf"(?P<part>.+?){gap}(?P<tag>{word}+{more})"))
    patterns.append(("suffix", rf"(?P<part>.*?[A-Za-z]){gap}?(?P<tag>\d*)"))
    patterns.append(("prefix", rf"(?P<tag>[A-Za-z]*\d+){gap}?(?P<part>[A-Za-z].*)"))
    for origin, pattern in patterns:
        groups: dict[str, dict[str, int]] = {}
        for number, name in enumerate(names):
            match = re.fullmatch(pattern, name)
            tag, part = (match["tag"], match["part"]) if match else ("", name)
            groups.setdefault(tag, {}).setdefault(part, number)
        if sum(map(len, groups.values())) == len(names) and not _share_a_word(origin, groups):
            yield origin, groups


def _share_a_word(origin: str, groups: Groups) -> bool:
    """Return whether the cut is at the wrong place: the ``cam`` of ``nose_cam1`` belongs to what differs."""
    parts = {part for group in groups.values() for part in group}
    ends = {re.split(f"[{_SEPARATORS}]", part)[0 if origin == "prefix" else -1] for part in parts}
    return len(parts) > 1 and len(ends) == 1


def _exact(origin: str, groups: Groups) -> Animals | None:
    """Return the groups that have the same keypoints, if these are a body; nothing may be left but other things."""
    counts = Counter(frozenset(group) for group in groups.values())
    if not counts:
        return None
    whole = max(counts, key=lambda parts: (counts[parts] > 1, len(parts)))
    alike = {tag: group for tag, group in groups.items() if set(group) == whole}
    rest = [(part, number) for tag, group in groups.items() if tag not in alike for part, number in group.items()]
    if len(alike) < 2 or any(part in whole or _words(part) & _HEADS for part, _ in rest):
        return None
    words = [_words(tag) for tag in alike]
    # "Nose_mouse" is no animal with the keypoints 1 and 2.
    is_named = all(tag_words & _ANIMALS for tag_words in words) and not any(part.isdecimal() for part in whole)
    if not (is_named or (len(whole) >= _FEWEST_PARTS and _is_body(whole))):
        return None
    is_view = any(word in _VIEWS or _VIEW_WORD.fullmatch(word) for tag_words in words for word in tag_words)
    is_side = not is_named and any(tag_words & _SIDES for tag_words in words)
    if is_side and not set().union(*map(_words, whole)) & _HEADS:
        return None  # left and right ears and hips are those of any animal; left and right noses are of two views
    return Animals(origin, alike, tuple(number for _, number in rest), is_view or is_side)


def _overlapping(origin: str, groups: Groups) -> Animals | None:
    """Return the groups that have at least half of the keypoints of the largest group that shares some with another."""
    shared = Counter(part for group in groups.values() for part in group)
    repeated = [group for group in groups.values() if any(shared[part] > 1 for part in group)]
    if len(repeated) < 2:
        return None
    largest = max(repeated, key=lambda group: sum(shared[part] > 1 for part in group))
    animals = {tag: group for tag, group in groups.items() if 2 * len(set(group) & set(largest)) >= len(largest)}
    others = tuple(number for tag, group in groups.items() if tag not in animals for number in group.values())
    return Animals(origin, animals, others) if len(animals) > 1 else None


def _is_body(parts: frozenset[str]) -> bool:
    words = set().union(*map(_words, parts))
    return bool(words & _HEADS or (words & _FRONTS and words & _REARS))


def _words(name: str) -> set[str]:
    """Return the words of a name in lower case, without numbers: ``Mouse1`` and ``tailBase`` have one and two."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.findall(r"[a-z]+", spaced.lower()))
