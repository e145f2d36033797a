"""Tracks: recordings whose instances are in any order, made into recordings of a number of animals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.recordings.individuals import NOBODY
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.tracking.association import associate, associate_by_flow, seen_instances
from ssl_behavior.tracking.memory import motion_scale
from ssl_behavior.tracking.optical_flow import FlowField
from ssl_behavior.tracking.renaming import likeliest_names
from ssl_behavior.tracking.visits import separate_visits

MOST_ANIMALS = 50
_PENALTY = 2.5
"""Cost in nats of a departure from what was associated forwards; names in a file deserve more trust than these."""
_LONGEST_ABSENCE_S = 5.0
"""Time after which an animal that is not seen is gone, where animals enter and leave."""
_MANY_LEFT_OUT = 0.1
"""Share of the instances above which a line warns that they were left out."""
_OFTEN = 0.2
"""Share of the frames in which so many instances must be seen together to count as so many animals."""


@dataclass(frozen=True, eq=False)
class TrackingResult:
    """Tracks of one recording.

    Attributes:
        source: the recording as it was read.
        recording: the same with one individual for each animal.
        identities: (time, instance) int64, the animal of each instance; ``NOBODY`` where there is none or it was left
            out.
    """

    source: Recording
    recording: Recording
    identities: np.ndarray

    def describe(self) -> Iterator[str]:
        """Yield lines on the numbers of tracks, animals and instances, and on what is left out."""
        instances = int(seen_instances(self.source.positions).sum())
        left_out = instances - int((self.identities != NOBODY).sum())
        yield (
            f"{self.source.id}: {count_of(instances, 'instance')} in {count_of(len(self.source.individuals), 'track')} "
            f"made into {count_of(len(self.recording.individuals), 'animal')}; {count_of(left_out, 'instance')} left "
            "out, in frames with more instances than animals"
        )
        if left_out > _MANY_LEFT_OUT * instances:
            yield (
                f"{self.source.id}: warning: {left_out / instances:.0%} of the instances were left out: if there are "
                "more animals, state their number with --individuals"
            )
        if channels := sorted(set(self.source.labels) - set(self.recording.labels)):
            yield (
                f"{self.source.id}: labels with a direction are left out, as the animals have changed: "
                f"{list_names(channels, 5)}"
            )


def track_recording(
    recording: Recording,
    individuals: int | None = None,
    names: Sequence[str] = (),
    at_least: int | None = None,
    flow: Iterable[FlowField] | None = None,
) -> TrackingResult:
    """Follow the animals of a recording, whatever the names and the order of its instances.

    Instances are associated frame by frame. Then the names are settled with all frames in view, by the animals' motion
    and the shapes of their bodies.

    Args:
        recording: its individuals are instances in any order, or fragments of tracks.
        individuals: number of animals that are there at most; counted by default (``count_animals``).
        names: names of the animals; by default each has the name of the fragment of which it holds most.
        at_least: number of animals that are there at any time. If it is given, an animal that is unseen for more than
            five seconds is gone, unless fewer others are left, and one that comes then is another animal.
        flow: from each frame of the video to the next, by which the animals are followed as well
            (``optical_flow.flow_fields``).

    Raises:
        InputError: no instance is seen, or more than ``MOST_ANIMALS`` are counted.

    Examples:
        >>> track_recording(fragments, individuals=2).recording.individuals  # doctest: +SKIP
        ('track_0', 'track_1')
    """
    number = len(names) or individuals or count_animals(recording)
    if number > MOST_ANIMALS:
        raise InputError(
            f"{recording.source or recording.id}: expected up to {MOST_ANIMALS} animals; found {number} instances "
            "together in a fifth of the frames or more: state the number with --individuals"
        )
    identities = identify(recording.positions, number, flow)
    if at_least is not None:
        identities = separate_visits(identities, at_least, round(_LONGEST_ABSENCE_S * recording.frame_rate))
        number = int(identities.max()) + 1
    frames, instances = np.nonzero(identities != NOBODY)
    animals = identities[frames, instances]

    def by_animal(values: np.ndarray) -> np.ndarray:
        tracked = np.full((len(values), number, *values.shape[2:]), np.nan, np.float32)
        tracked[frames, animals] = values[frames, instances]
        return tracked

    result = replace(
        recording,
        positions=by_animal(recording.positions),
        confidence=None if recording.confidence is None else by_animal(recording.confidence),
        individuals=tuple(names) or _names(recording.individuals, animals, instances, number),
        labels={channel: labels for channel, labels in recording.labels.items() if labels.pair is None},
        content_hash=None,
    )
    return TrackingResult(recording, result, identities)


def identify(instances: np.ndarray, individuals: int, flow: Iterable[FlowField] | None = None) -> np.ndarray:
    """Say which animal each instance is: first frame by frame, and then with all frames in view.

    Args:
        instances: (time, instance, keypoint, space) in any unit and order, NaN where unseen.
        individuals: number of animals.
        flow: as for ``track_recording``.

    Returns:
        (time, instance) int64, the animal of each instance; ``NOBODY`` where there is no instance, or one left out.

    Raises:
        ValueError: the shape is another one, or there are fewer than one animal.
    """
    positions = np.asarray(instances, np.float64)
    drift = None
    if flow is None:
        identities = associate(positions, individuals)
    else:
        identities, drift = associate_by_flow(positions, individuals, flow)
    frames, places = np.nonzero(identities != NOBODY)
    tracks = np.full((len(positions), individuals, *positions.shape[2:]), np.nan)
    tracks[frames, identities[frames, places]] = positions[frames, places]
    names = likeliest_names(tracks, _PENALTY, motion_scale(positions, seen_instances(positions)), drift)
    animal_of_track = np.argsort(names, axis=1)
    identities[frames, places] = animal_of_track[frames, identities[frames, places]]
    return identities


def count_animals(recording: Recording) -> int:
    """Return the largest number of instances that are seen together in a fifth of the frames that have any.

    Raises:
        InputError: no instance is seen.
    """
    frames = np.bincount(seen_instances(recording.positions).sum(1))[1:]
    if not frames.sum():
        raise InputError(f"{recording.source or recording.id}: expected instances of animals; found none")
    at_least = frames[::-1].cumsum()[::-1]
    return 1 + int(np.flatnonzero(at_least >= _OFTEN * frames.sum())[-1])


def _names(fragments: Sequence[str], animals: np.ndarray, instances: np.ndarray, number: int) -> tuple[str, ...]:
    """Name each animal after the fragment of which it holds most, or by a number if there are too few fragments."""
    if number > len(fragments):
        return tuple(f"individual{i + 1}" for i in range(number))
    shared = np.zeros((number, len(fragments)), np.int64)
    np.add.at(shared, (animals, instances), 1)
    _, chosen = linear_sum_assignment(shared, maximize=True)
    return tuple(fragments[i] for i in chosen)
