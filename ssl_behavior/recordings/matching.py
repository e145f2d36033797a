"""Join annotations with the recordings they belong to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ssl_behavior.errors import InputError, natural, some
from ssl_behavior.recordings.annotations import Annotations, merged_vocabulary
from ssl_behavior.recordings.recording import Recording


def from_recordings(recordings: Iterable[Recording]) -> list[Annotations]:
    """The labels that recordings carry themselves, as annotations; recordings without labels are left out."""
    return [
        Annotations(
            id=recording.id,
            channels={name: tuple(labels.bouts()) for name, labels in recording.labels.items()},
            source=recording.source,
            frames=recording.frames,
            vocabulary={name: labels.behaviours for name, labels in recording.labels.items()},
        )
        for recording in recordings
        if recording.labels
    ]


def choose_channel(annotations: Sequence[Annotations], channel: str | None) -> str:
    """The channel that is meant: the one named, or the only one there is.

    Raises:
        InputError: the named channel is in no annotation, or none is named and there are several.
    """
    found = sorted({name for one in annotations for name in one.channels}, key=natural)
    where = shown_paths([one.source for one in annotations])
    if not found:
        raise InputError(f"{where}: expected annotated frames; found none")
    if channel is None and len(found) > 1:
        raise InputError(f"{where}: several channels are annotated: {', '.join(found)}; choose one with --channel")
    if channel is not None and channel not in found:
        raise InputError(f"{where}: no channel {channel!r}; the channels are {', '.join(found)}")
    return channel if channel is not None else found[0]


def require_behaviours(
    unscored: Iterable[str], annotations: Iterable[Annotations], channel: str, others: Iterable[str] = ()
) -> None:
    """Make sure that every behaviour to leave unscored is one, as a misspelt name would leave nothing out.

    Args:
        unscored: names that ``--unscored`` gives.
        annotations: whose behaviours are known.
        channel: of the annotations.
        others: names that are known besides.

    Raises:
        InputError: one is not.
    """
    known = {*others, *(name for one in annotations for name in one.vocabulary.get(channel, ()))}
    if missing := set(unscored) - known:
        raise InputError(
            f"--unscored {', '.join(sorted(missing))}: expected behaviours of channel {channel} and found "
            f"{some(known)}; correct the name, or leave it out"
        )


def attach(
    recordings: Sequence[Recording],
    annotations: Sequence[Annotations],
    channel: str | None,
    unscored: Sequence[str] = (),
    notify: Callable[[str], None] = print,
    strict: bool = True,
) -> list[Recording]:
    """The recordings that are annotated, with one channel's labels over one shared vocabulary.

    Args:
        recordings: matched to annotations by id.
        annotations: at most one per video.
        channel: which channel; may be None where there is one only.
        unscored: behaviours that stand for frames nobody judged; they become -1 and leave the vocabulary.
        notify: told what did not match, what was cut, and where bouts overlap.
        strict: an annotation without its tracks is an error; else it is told and left out.

    Returns:
        Recordings in their given order, each with the chosen channel's labels in place of all others.

    Raises:
        InputError: annotations without tracks (strict), nothing that matches, an unknown channel, or no behaviour
            left to score.
    """
    channel = choose_channel(annotations, channel)
    by_id = {one.id: one for one in one_per_video(annotations)}
    ids = {recording.id for recording in recordings}
    if not ids & set(by_id):
        raise InputError(
            f"no annotation matches a video: the tracks are of {some(ids, 5)}; the annotations are of "
            f"{some(by_id, 5)}; file names must begin with the same video id"
        )
    if orphans := set(by_id) - ids:
        if strict:
            raise InputError(
                f"annotations without tracks: {some(orphans)}; give their tracks too, or name the videos to use "
                "with --videos"
            )
        notify(f"annotations without tracks, left out: {some(orphans)}")
    if bare := ids - set(by_id):
        notify(f"tracks without annotations, left out: {some(bare)}")
    if lacking := {name for name in ids & set(by_id) if channel not in by_id[name].channels}:
        notify(f"annotations without channel {channel}, left out: {some(lacking)}")
    behaviours = _behaviours(annotations, channel, unscored, notify)
    kept = [recording for recording in recordings if recording.id in by_id and recording.id not in lacking]
    for notice in cut_short([(by_id[recording.id], recording.frames) for recording in kept], channel, "tracks"):
        notify(notice)
    return [_labelled(recording, by_id[recording.id], channel, behaviours, unscored) for recording in kept]


def cut_short(lengths: Iterable[tuple[Annotations, int]], channel: str, of_what: str) -> Iterator[str]:
    """Notices of what a channel's annotations lose when they become one label per frame.

    Args:
        lengths: annotations, each with the number of frames of the video's ``of_what``.
        channel: which channel.
        of_what: what has those frames: "tracks", "predictions".
    """
    lengths = list(lengths)
    past = {one.id: one.stop(channel) - frames for one, frames in lengths if one.stop(channel) > frames}
    if past:
        yield f"frames annotated past the end of the {of_what}, dropped: {_counts(past)}"
    if double := {one.id: count for one, _ in lengths if (count := one.overlapping(channel))}:
        yield f"frames with two behaviours at once, of which the one that starts later holds: {_counts(double)}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{counts[name]} in {name}" for name in sorted(counts, key=natural))


def _labelled(
    recording: Recording,
    annotations: Annotations,
    channel: str,
    behaviours: tuple[str, ...],
    unscored: Sequence[str],
) -> Recording:
    labels = annotations.labels(channel, (*behaviours, *unscored), recording.frames).without(unscored)
    if annotations.source == recording.source and channel in recording.labels:
        labels = recording.labels[channel].without(unscored).renamed(behaviours)
    return replace(recording, labels={channel: labels})


def _behaviours(
    annotations: Sequence[Annotations], channel: str, unscored: Sequence[str], notify: Callable[[str], None]
) -> tuple[str, ...]:
    found = merged_vocabulary(one.vocabulary[channel] for one in annotations if channel in one.channels)
    if missing := [name for name in unscored if name not in found]:
        notify(f"no {', '.join(missing)} in channel {channel} to leave unscored; its behaviours are {', '.join(found)}")
    if not (kept := tuple(name for name in found if name not in unscored)):
        raise InputError(f"channel {channel} has no behaviour but {', '.join(unscored)}, which --unscored leaves out")
    return kept


def one_per_video(annotations: Sequence[Annotations]) -> list[Annotations]:
    """The annotations, if no video has two.

    Raises:
        InputError: two of them name the same video.
    """
    seen: dict[str, Annotations] = {}
    for one in annotations:
        if one.id in seen:
            raise InputError(
                f"video {one.id!r} is annotated twice, in {seen[one.id].source} and {one.source}; "
                f"{_of_one_kind(seen[one.id], one)}"
            )
        seen[one.id] = one
    return list(annotations)


def _of_one_kind(one: Annotations, other: Annotations) -> str:
    """What to do about two files of one video: name those of one kind, if that is how they differ."""
    paths = [Path(one.source), Path(other.source)]
    if all(path.name.startswith(one.id) for path in paths) and len({path.name for path in paths}) == 2:
        first, second = (path.with_name("*" + path.name.removeprefix(one.id)) for path in paths)
        return f"give files of one kind only, --annotations '{first}' or --annotations '{second}'"
    return "keep one"


def shown_paths(paths: str | Path | Sequence[str | Path]) -> str:
    """The first of some paths and the number of the others, for a message."""
    names = [paths] if isinstance(paths, str | Path) else list(paths)
    return f"{names[0]} and {len(names) - 1} more" if len(names) > 1 else str(names[0] if names else "annotations")
