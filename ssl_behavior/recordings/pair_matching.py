"""Match annotations of several ordered pairs with the recordings they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.recordings.annotations import OTHER, Annotations
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.recordings.matching import (
    conversion_notices,
    require_matches,
    require_one_per_video,
    scored_behaviours,
)
from ssl_behavior.recordings.pairs import Pair, pair_channel
from ssl_behavior.recordings.recording import Recording


def are_of_pairs(annotations: Sequence[Annotations]) -> bool:
    """Return whether annotations say who does what to whom: all channels are of pairs, and there are several.

    A single channel that lists what its annotators looked for counts too.
    """
    channels = {name for item in annotations for name in item.channels}
    with_pair = all(name in item.pairs for item in annotations for name in item.channels)
    return bool(channels) and with_pair and (len(channels) > 1 or any(item.asked for item in annotations))


def labelled_by_pairs(recordings: Iterable[Recording]) -> bool:
    """Return whether recordings have labels as ``attach_pairs`` attaches them."""
    return any(
        len(recording.labels) > 1 or any(labels.asked is not None for labels in recording.labels.values())
        for recording in recordings
    )


def attach_pairs(
    recordings: Sequence[Recording],
    annotations: Sequence[Annotations],
    unscored: Sequence[str] = (),
    notify: Callable[[str], None] = print,
    strict: bool = True,
) -> list[Recording]:
    """Attach the annotations of all pairs to their recordings, over one shared vocabulary with ``OTHER`` at its end.

    Where a video's annotations do not list what was looked for, a pair that is annotated in some other video was looked
    at here too: without bouts, nothing happened.

    Args:
        recordings: recordings to match with annotations by id.
        annotations: at most one Annotations per video, all channels of which have a pair.
        unscored: behaviours that mean "nobody judged this frame"; they become -1 and leave the vocabulary.
        notify: called with a notice about mismatches, frames that are cut, and overlapping bouts.
        strict: annotations without tracks are an error; otherwise they are left out with a notice.

    Returns:
        Recordings in their original order, with a channel for each labelled pair in place of all other labels.

    Raises:
        InputError: annotations without tracks (strict), no match, no scored behaviour, or an annotated animal that the
            tracks do not have.
    """
    by_id = {item.id: item for item in require_one_per_video(annotations)}
    require_matches({recording.id for recording in recordings}, by_id, strict, notify)
    channels = list(dict.fromkeys(name for item in annotations for name in item.channels))
    behaviours = scored_behaviours(annotations, channels, unscored, notify)
    behaviours = (*(name for name in behaviours if name != OTHER), OTHER)
    labelled = [recording for recording in recordings if recording.id in by_id]
    lengths = [(by_id[recording.id], recording.frames) for recording in labelled]
    for channel in channels:
        for notice in conversion_notices([each for each in lengths if channel in each[0].channels], channel, "tracks"):
            notify(f"{channel}: {notice}")
    everywhere = list(dict.fromkeys(pair for item in annotations if not item.asked for pair in item.pairs.values()))
    return [_with_pairs(recording, by_id[recording.id], behaviours, unscored, everywhere) for recording in labelled]


def _with_pairs(
    recording: Recording,
    annotations: Annotations,
    behaviours: tuple[str, ...],
    unscored: Sequence[str],
    everywhere: Sequence[Pair],
) -> Recording:
    _require_animals(recording, annotations)
    labels = {}
    for channel in annotations.channels:
        pair = annotations.pairs[channel]
        values = annotations.labels(channel, (*behaviours, *unscored), recording.frames)
        labels[pair_channel(pair)] = replace(values.without(unscored), pair=pair)
    if not annotations.asked:
        unmarked = replace(annotations, channels={"": ()}, background=OTHER, unscored={})
        for pair in everywhere:
            if pair_channel(pair) not in labels and set(pair) <= set(recording.individuals):
                empty = unmarked.labels("", behaviours, recording.frames)
                labels[pair_channel(pair)] = Labels(behaviours, empty.values, pair)
    if not any((each.values != UNSCORED).any() for each in labels.values()):
        return replace(recording, labels={})
    return replace(recording, labels=labels)


def _require_animals(recording: Recording, annotations: Annotations) -> None:
    """Check that the annotated animals are in the tracks.

    Raises:
        InputError: one of them is not.
    """
    animals = dict.fromkeys(name for pair in annotations.pairs.values() for name in pair)
    if unknown := [name for name in animals if name not in recording.individuals]:
        raise InputError(
            f"{annotations.source}: expected animals of {recording.id!r}, {list_names(recording.individuals)}; found "
            f"{list_names(unknown)}: give animals the same names in annotations and tracks, or name one pair with "
            "--channel, --agent and --target"
        )
