"""Animals that a file names in the names of its keypoints, or that a person tells it to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ssl_behavior.errors import InputError, count_of, list_in_order, list_names
from ssl_behavior.formats.tracks.animal_names import Animals, possible_animals, recognised_animals, stated_animals
from ssl_behavior.recordings.individuals import choose_individuals, without_unseen
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.skeleton import Skeleton

IndividualsFrom = Literal["auto", "header", "prefix", "suffix", "none"]
"""Where the names of the animals stand. "auto": in the file's own list, or in front of or behind the keypoints' names
where these repeat a whole body."""

_MOST_NAMES = 6


def with_animals(recording: Recording, source: IndividualsFrom) -> Recording:
    """Return a recording with the animals that its keypoints' names show, if its file lists one animal.

    Keypoints that belong to none of the animals become the series "single", as in DeepLabCut's tables.

    Args:
        recording: as its file lists its animals.
        source: where the names of the animals stand.

    Raises:
        InputError: the names of the keypoints have no prefixes or suffixes, or the file lists several animals.
    """
    names = recording.skeleton.keypoints
    if source == "header" or (source == "none" and len(recording.individuals) == 1):
        return recording
    if source == "none":
        return _as_one(recording)
    if source == "auto":
        if len(recording.individuals) > 1:
            return recording
        animals = recognised_animals(names)
        if animals is None:
            possible = possible_animals(names)
            more = (_possible_notice(possible, len(names)),) if possible else ()
            return replace(recording, notices=(*recording.notices, *more))
        if animals.are_views:
            return replace(recording, notices=(*recording.notices, _view_notice(animals, len(names))))
        return _split(recording, animals)
    if len(recording.individuals) > 1:
        raise InputError(
            f"--individuals-from {source}: expected a file that names no individuals; found "
            f"{_listed(recording.individuals)}: use --individuals-from header"
        )
    animals = stated_animals(names, source)
    if animals is None:
        example = "a_nose and b_nose" if source == "prefix" else "nose_a and nose_b"
        raise InputError(
            f"--individuals-from {source}: expected names of keypoints such as {example}; found {_listed(names)}: "
            "use --individuals-from auto"
        )
    return _split(recording, animals)


def usable(recordings: Sequence[Recording], names: Sequence[str]) -> list[tuple[Recording, tuple[str, ...]]]:
    """Return the recordings of a file with the individuals of these names that are seen, and those never seen.

    A recording in which nothing is seen does not keep those beside it in the file from being read.

    Raises:
        InputError: no recording of the file can be used.
    """
    kept: list[tuple[Recording, tuple[str, ...]]] = []
    errors: list[tuple[str, InputError]] = []
    for recording in recordings:
        try:
            if not recording.frames:
                raise InputError(
                    f"{recording.source} ({recording.id}): expected frames; found none: leave out the recording"
                )
            kept.append(without_unseen(choose_individuals(recording, names)))
        except InputError as error:
            errors.append((recording.id, error))
    if not kept:
        raise errors[0][1]
    if errors:
        left_out = f"nothing is seen in {list_names((name for name, _ in errors), 5)}, which is left out"
        recording, unseen = kept[0]
        kept[0] = replace(recording, notices=(*recording.notices, left_out)), unseen
    return kept


def _split(recording: Recording, animals: Animals) -> Recording:
    """Return the recording with an individual for each of the animals."""
    parts = animals.parts
    index = np.array([[group.get(part, -1) for part in parts] for group in animals.groups.values()])
    positions = _taken(recording.positions, index, np.nan)
    confidence = None if recording.confidence is None else _taken(recording.confidence, index, 0)
    names = recording.skeleton.keypoints
    part_of = {names[number]: part for group in animals.groups.values() for part, number in group.items()}
    individual_of = {names[number]: tag for tag, group in animals.groups.items() for number in group.values()}
    edges = {
        (part_of[a], part_of[b]): None
        for a, b in recording.skeleton.edges
        if a in part_of and b in part_of and individual_of[a] == individual_of[b]
    }
    series, metadata = dict(recording.series), dict(recording.metadata)
    if animals.others:
        series["single"] = recording.positions[:, 0, list(animals.others)]
        metadata["single_keypoints"] = [names[number] for number in animals.others]
    metadata["individuals_from"] = f"keypoint {animals.origin}"
    return replace(
        recording,
        positions=positions,
        confidence=confidence,
        individuals=animals.individuals,
        skeleton=Skeleton(parts, tuple(edges)),
        series=series,
        metadata=metadata,
        content_hash=None,
        notices=(*recording.notices, _split_notice(recording, animals)),
    )


def _taken(values: np.ndarray, index: np.ndarray, missing: float) -> np.ndarray:
    """Return values (time, 1, keypoint, ...) as (time, individual, keypoint, ...), missing where the index is -1."""
    taken = values[:, 0, index.ravel()]
    taken[:, index.ravel() < 0] = missing
    return taken.reshape(len(values), *index.shape, *values.shape[3:])


def _as_one(recording: Recording) -> Recording:
    """Return the recording with a single individual that has the keypoints of all."""
    names = tuple(f"{name}_{part}" for name in recording.individuals for part in recording.skeleton.keypoints)
    edges = tuple((f"{name}_{a}", f"{name}_{b}") for name in recording.individuals for a, b in recording.skeleton.edges)
    shape = (recording.frames, 1, len(names))
    changes: dict[str, Any] = {"positions": recording.positions.reshape(*shape, -1)}
    if recording.confidence is not None:
        changes["confidence"] = recording.confidence.reshape(shape)
    notice = f"the keypoints of {_listed(recording.individuals)} are read as those of one animal, as you ask"
    return replace(
        recording,
        **changes,
        individuals=("individual1",),
        skeleton=Skeleton(names, edges),
        content_hash=None,
        notices=(*recording.notices, notice),
    )


def _split_notice(recording: Recording, animals: Animals) -> str:
    tags = [tag for tag in animals.groups if tag]
    others = [recording.skeleton.keypoints[number] for number in animals.others]
    of_none = f"; {_listed(others)} belong to none of them" if others else ""
    parts = animals.parts
    for name, group in zip(animals.individuals, animals.groups.values(), strict=True):
        if lacking := [part for part in parts if part not in group]:
            of_none += f"; {name} has no {_listed(lacking)}"
    number = count_of(len(animals.groups), "animal")
    return (
        f"the keypoints are those of {number}, told apart by the {animals.origin} {_listed(tags)}{of_none} "
        "(--individuals-from none reads one animal)"
    )


def _possible_notice(animals: Animals, keypoints: int) -> str:
    tags = [tag for tag in animals.groups if tag]
    group = [part for part in animals.parts if sum(part in group for group in animals.groups.values()) > 1]
    return (
        f"several keypoints are called {_listed(group)}, told apart by the {animals.origin} {_listed(tags)}, but all "
        f"{keypoints} are read as those of one animal (--individuals-from {animals.origin} reads "
        f"{len(animals.groups)} animals; --individuals-from none reads one without this notice)"
    )


def _view_notice(animals: Animals, keypoints: int) -> str:
    tags = list(animals.groups)
    return (
        f"the same keypoints repeat under {_listed(tags)}, which are read as views or sides of one animal with "
        f"{keypoints} keypoints (--individuals-from {animals.origin} reads {len(tags)} animals; --individuals-from "
        f"{animals.origin} --individuals {animals.individuals[0]} reads this view alone)"
    )


def _listed(names: Sequence[str]) -> str:
    return list_in_order(names, _MOST_NAMES)
