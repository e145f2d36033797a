"""Every way to cut the names of keypoints in two: what tells animals apart, and the name of the keypoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

Groups = Mapping[str, Mapping[str, int]]
"""Part of a name that tells animals apart -> the rest of the name -> the number of the keypoint."""

HEADS = {"nose", "snout", "head", "mouth", "beak", "rostrum"}
"""Words for what an animal has once."""
_HUMP = "\0"
"""Stands where a capital letter begins a word, as in ``BlackNose``."""
_SEPARATORS = f"_. {_HUMP}-"
_GAP, _WORD = f"[{_SEPARATORS}]", f"[^{_SEPARATORS}]"


def cuts(names: Sequence[str]) -> Iterator[tuple[str, Groups]]:
    """Yield "prefix" or "suffix" and the groups of every cut, from the plainest on.

    Keypoints that differ in capital letters and separators only, such as ``tailbase`` and ``Tail_base``, are the same
    in different groups.
    """
    humps = [re.sub(r"(?<=[a-z])(?=[A-Z])", _HUMP, name) for name in names]
    for spelt in (names, humps) if humps != list(names) else (names,):
        for origin, pattern in _patterns():
            yield from _grouped(origin, [re.fullmatch(pattern, name) for name in spelt], spelt)
        for origin, pattern in _patterns():
            yield from _beside_bare(origin, pattern, spelt)


def words(name: str) -> set[str]:
    """Return the words of a name in lower case, without numbers: ``Mouse1`` and ``tailBase`` have one and two."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.findall(r"[a-z]+", spaced.lower()))


def _patterns() -> list[tuple[str, str]]:
    """Return patterns that cut after or before one to three words, and at a number."""
    patterns = []
    for number in (1, 2, 3):
        more = f"(?:{_GAP}{_WORD}+){{{number - 1}}}"
        patterns.append(("prefix", rf"(?P<tag>{_WORD}+{more}){_GAP}(?P<part>.+)"))
        patterns.append(("suffix", rf"(?P<part>.+?){_GAP}(?P<tag>{_WORD}+{more})"))
    patterns.append(("suffix", rf"(?P<part>.*?[A-Za-z]){_GAP}?(?P<tag>\d*)"))
    patterns.append(("prefix", rf"(?P<tag>[A-Za-z]*\d+){_GAP}?(?P<part>[A-Za-z].*)"))
    return patterns


def _beside_bare(origin: str, pattern: str, names: Sequence[str]) -> Iterator[tuple[str, Groups]]:
    """Yield the cut of names such as ``demo_nose`` beside a bare ``nose``; names that do not begin so stay whole."""
    matches = [re.fullmatch(pattern, name) for name in names]
    bare = {_folded(name) for name in names}
    tags = {
        match["tag"] for match in matches if match and _folded(match["part"]) in bare and words(match["part"]) & HEADS
    }
    if tags:
        yield from _grouped(origin, [match if match and match["tag"] in tags else None for match in matches], names)


def _grouped(
    origin: str, matches: Sequence[re.Match[str] | None], names: Sequence[str]
) -> Iterator[tuple[str, Groups]]:
    """Yield the groups if no two keypoints of one are the same and the cut is at the right place."""
    pairs = [(match["tag"], match["part"]) if match else ("", name) for match, name in zip(matches, names, strict=True)]
    spelling: dict[str, str] = {}
    for _, part in pairs:
        spelling.setdefault(_folded(part), part)
    groups: dict[str, dict[str, int]] = {}
    for number, (tag, part) in enumerate(pairs):
        groups.setdefault(tag.replace(_HUMP, ""), {}).setdefault(spelling[_folded(part)].replace(_HUMP, ""), number)
    if sum(map(len, groups.values())) == len(names) and not _share_a_word(origin, [part for _, part in pairs]):
        yield origin, groups


def _folded(part: str) -> str:
    return re.sub(_GAP, "", part).lower()


def _share_a_word(origin: str, parts: Sequence[str]) -> bool:
    """Return whether the cut is at the wrong place: the ``cam`` of ``nose_cam1`` belongs to what differs."""
    ends = {re.split(_GAP, part)[0 if origin == "prefix" else -1] for part in parts}
    return len({*parts}) > 1 and len(ends) == 1
