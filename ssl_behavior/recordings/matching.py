"""Match annotations with the recordings they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ssl_behavior.errors import InputError, list_names, natural_key
from ssl_behavior.recordings.annotations import Annotations, merge_vocabularies
from ssl_behavior.recordings.ids import advice_on_kinds
from ssl_behavior.recordings.labels import alike_names
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.renaming import how_to_match, nearest_renaming
from ssl_behavior.recordings.selection import require_unscored

_NAMED = 20
"""Videos that a notice names."""


def annotations_from_recordings(recordings: Iterable[Recording]) -> list[Annotations]:
    """Return the labels that recordings carry as annotations; recordings without labels give none."""
    return [
        Annotations(
            id=recording.id,
            channels={name: tuple(labels.bouts()) for name, labels in recording.labels.items()},
            source=recording.source,
            frames=recording.frames,
            vocabulary={name: labels.behaviours for name, labels in recording.labels.items()},
            pairs={name: labels.pair for name, labels in recording.labels.items() if labels.pair is not None},
            asked={name: labels.asked for name, labels in recording.labels.items() if labels.asked is not None},
        )
        for recording in recordings
        if recording.labels
    ]


def choose_channel(annotations: Sequence[Annotations], channel: str | None) -> str:
    """Return the channel to use: ``channel``, or the only one there is.

    Raises:
        InputError: no annotation has that channel, or ``channel`` is None and there are several.
    """
    channels = sorted({name for item in annotations for name in item.channels}, key=natural_key)
    where = shorten_paths([item.source for item in annotations])
    if not channels:
        raise InputError(f"{where}: expected annotated frames; found none")
    if channel is None and len(channels) > 1:
        raise InputError(f"{where}: several channels are annotated: {', '.join(channels)}; choose one with --channel")
    if channel is not None and channel not in channels:
        raise InputError(f"{where}: no channel {channel!r}; the channels are {', '.join(channels)}")
    return channel if channel is not None else channels[0]


def require_behaviours(
    unscored: Iterable[str], annotations: Iterable[Annotations], channel: str, others: Iterable[str] = ()
) -> None:
    """Make sure that every name in ``--unscored`` is a behaviour of a channel of annotations.

    Args:
        unscored: names that the user gives.
        annotations: annotations whose behaviours count.
        channel: the channel of the annotations.
        others: further behaviours that count, such as those of predictions.

    Raises:
        InputError: a name is no behaviour.
    """
    behaviours = {name for item in annotations for name in item.vocabulary.get(channel, ())}
    require_unscored(unscored, {*others, *behaviours}, channel)


def attach(
    recordings: Sequence[Recording],
    annotations: Sequence[Annotations],
    channel: str | None,
    unscored: Sequence[str] = (),
    notify: Callable[[str], None] = print,
    strict: bool = True,
) -> list[Recording]:
    """Return the annotated recordings, each with the labels of one channel over one shared vocabulary.

    Args:
        recordings: recordings to match with annotations by id.
        annotations: at most one Annotations per video.
        channel: the channel to use; may be None if there is only one.
        unscored: behaviours that mean "nobody judged this frame"; they become -1 and leave the vocabulary.
        notify: called with a notice about mismatches, frames that are cut, and overlapping bouts.
        strict: annotations without tracks are an error; otherwise they are left out with a notice.

    Returns:
        Recordings in their original order, each with the chosen channel's labels in place of all others.

    Raises:
        InputError: annotations without tracks (strict), no match, an unknown channel, or no scored behaviour.
    """
    channel = choose_channel(annotations, channel)
    by_id = {item.id: item for item in require_one_per_video(annotations)}
    require_matches({recording.id for recording in recordings}, by_id, strict, notify)
    labelled = [recording for recording in recordings if recording.id in by_id]
    if lacking := {recording.id for recording in labelled if channel not in by_id[recording.id].channels}:
        notify(f"annotations without channel {channel}, left out: {list_names(lacking)}")
    behaviours = scored_behaviours(annotations, (channel,), unscored, notify)
    labelled = [recording for recording in labelled if recording.id not in lacking]
    lengths = [(by_id[recording.id], recording.frames) for recording in labelled]
    for notice in conversion_notices(lengths, channel, "tracks"):
        notify(notice)
    return [_with_channel(recording, by_id[recording.id], channel, behaviours, unscored) for recording in labelled]


def require_matches(
    tracked: set[str], annotated: Mapping[str, Annotations], strict: bool, notify: Callable[[str], None]
) -> None:
    """Make sure that tracks and annotations share video ids, and report those that only one side has.

    Raises:
        InputError: the two have no id in common, or (strict) a video has annotations and no tracks.
    """
    if not tracked & set(annotated):
        raise InputError(
            f"no annotation matches a video: the tracks are of {list_names(tracked, 5)}; the annotations are of "
            f"{list_names(annotated, 5)}; {how_to_match(tracked, annotated.values())}"
        )
    if without_tracks := set(annotated) - tracked:
        if strict:
            hint = nearest_renaming(tracked - set(annotated), [annotated[video] for video in without_tracks])
            raise InputError(
                f"annotations without tracks: {list_names(without_tracks)}; give their tracks too, or name the videos "
                f"to use with --videos{f'; {hint}' if hint else ''}"
            )
        notify(f"annotations without tracks, left out: {list_names(without_tracks)}")
    if without_annotations := tracked - set(annotated):
        notify(f"tracks without annotations, left out: {list_names(without_annotations)}")


def conversion_notices(lengths: Iterable[tuple[Annotations, int]], channel: str, frames_of: str) -> Iterator[str]:
    """Yield notices of the annotated frames that are lost when bouts become one label per frame.

    Args:
        lengths: annotations, each with the number of frames that get a label.
        channel: the channel that is converted.
        frames_of: the name of those frames' source in the notice: "tracks" or "predictions".
    """
    lengths = list(lengths)
    excess = {item.id: item.stop(channel) - frames for item, frames in lengths if item.stop(channel) > frames}
    if excess:
        yield f"frames annotated past the end of the {frames_of}, dropped: {_format_counts(excess)}"
    overlaps = {item.id: count for item, _ in lengths if (count := item.overlapping_frames(channel))}
    if overlaps:
        yield f"frames with two behaviours at once (the one that starts later holds): {_format_counts(overlaps)}"


def _format_counts(counts: Mapping[str, int]) -> str:
    names = sorted(counts, key=natural_key)
    more = f" and in {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(f"{counts[name]} in {name}" for name in names[:_NAMED]) + more


def _with_channel(
    recording: Recording,
    annotations: Annotations,
    channel: str,
    behaviours: tuple[str, ...],
    unscored: Sequence[str],
) -> Recording:
    labels = annotations.labels(channel, (*behaviours, *unscored), recording.frames).without(unscored)
    # Where tracks and annotations name animals differently, a pair means nothing, and labels are of the group.
    own = annotations.source == recording.source
    if not own and labels.pair is not None and not set(labels.pair) <= set(recording.individuals):
        labels = replace(labels, pair=None)
    return replace(recording, labels={channel: labels})


def scored_behaviours(
    annotations: Sequence[Annotations],
    channels: Sequence[str],
    unscored: Sequence[str],
    notify: Callable[[str], None],
) -> tuple[str, ...]:
    """Return the vocabulary that these channels share, without the behaviours in ``unscored``.

    Raises:
        InputError: they have no behaviours, or only those in ``unscored``.
    """
    channel = channels[0] if len(channels) == 1 else f"{channels[0]} and {len(channels) - 1} more"
    vocabulary = merge_vocabularies(
        item.vocabulary[name] for item in annotations for name in channels if name in item.channels
    )
    if unknown := [name for name in unscored if name not in vocabulary]:
        notify(
            f"no {', '.join(unknown)} in channel {channel} to leave unscored; its behaviours are "
            f"{', '.join(vocabulary)}"
        )
    for names in alike_names(vocabulary):
        notify(f"behaviours that differ in writing only, and count as several: {', '.join(names)}: give them one name")
    scored = tuple(name for name in vocabulary if name not in unscored)
    if not vocabulary:
        where = shorten_paths([item.source for item in annotations])
        raise InputError(f"{where}: channel {channel}: expected behaviours; found unscored frames only")
    if not scored:
        raise InputError(f"channel {channel} has no behaviour but {', '.join(unscored)}, which --unscored leaves out")
    return scored


def require_one_per_video(annotations: Sequence[Annotations]) -> list[Annotations]:
    """Return the annotations once it is certain that no video has two.

    Raises:
        InputError: two annotations have the same video id.
    """
    by_id: dict[str, Annotations] = {}
    for item in annotations:
        if item.id in by_id:
            if item.source == by_id[item.id].source:
                raise InputError(
                    f"{item.source}: expected labels of each video once; found them twice for {item.id!r}, under two "
                    "names: keep one of the two in the file"
                )
            raise InputError(
                f"video {item.id!r} is annotated twice, in {by_id[item.id].source} and {item.source}; "
                f"{advice_on_kinds(item.id, by_id[item.id].source, item.source, '--annotations')}"
            )
        by_id[item.id] = item
    return list(annotations)


def shorten_paths(paths: str | Path | Sequence[str | Path]) -> str:
    """Return the first path and the number of the others, for a message."""
    names = [paths] if isinstance(paths, str | Path) else list(paths)
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else str(names[0] if names else "annotations")
