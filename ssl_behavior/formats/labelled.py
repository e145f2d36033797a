"""Recordings with their labels: the one place where tracks and annotations are read together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ssl_behavior.errors import InputError, some
from ssl_behavior.formats.annotations.read import read_labels
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.matching import attach, choose_channel, from_recordings, require_behaviours
from ssl_behavior.recordings.recording import Recording

Paths = str | Path | Sequence[str | Path]


def read_labelled(
    tracks: Paths,
    annotations: Paths | None = None,
    channel: str | None = None,
    unscored: Sequence[str] = (),
    frame_rate: float | None = None,
    agent: str | None = None,
    target: str | None = None,
    videos: Sequence[str] = (),
    format: str | None = None,
    skeleton: str | Path | None = None,
    mixed_skeletons: bool = False,
    skip_bad_files: bool = False,
) -> list[Recording]:
    """Read the recordings that are labelled, each with the labels of one channel over one shared vocabulary.

    Args:
        tracks: files, folders or globs of tracks.
        annotations: files, folders or globs of annotations; the labels in the tracks' own files if None.
        channel: of the annotations; needed only where there are several.
        unscored: behaviours that are no judgement: their frames become -1 and they leave the vocabulary.
        frame_rate: of the tracks in Hz; overrules the files'.
        agent: the individual whose behaviour towards ``target`` was annotated; without it, labels hold for the group.
        target: the individual that the agent's behaviour is directed at.
        videos: ids of the videos to use; all that are labelled if none are given.
        format: of the tracks, if it is not to be told from their content.
        skeleton: YAML or JSON file that says which landmark each keypoint is.
        mixed_skeletons: let recordings differ in their keypoints.
        skip_bad_files: report files that cannot be used and annotations without tracks, and go on.

    Returns:
        Recordings with exactly one entry in ``labels``; recordings without annotations are left out, with a notice.

    Raises:
        InputError: a file cannot be read, recordings and annotations do not go together, or a name is not among them.

    Example:
        >>> recordings = read_labelled("tracks/*.csv", "annotations", unscored=["other"])  # doctest: +SKIP
        >>> (labels,) = recordings[0].labels.values()  # doctest: +SKIP
        >>> labels.behaviours  # doctest: +SKIP
        ('attack', 'investigation', 'mount')
    """
    if (agent is None) != (target is None):
        given = f"--target {target}" if agent is None else f"--agent {agent}"
        raise InputError(f"expected --agent and --target together; found {given} alone: give both, or neither")
    recordings = read_recordings(tracks, format, skip_bad_files, frame_rate, skeleton, mixed_skeletons=mixed_skeletons)
    if annotations:
        given_labels = _annotations_of(recordings, annotations, skip_bad_files)
    elif not (given_labels := from_recordings(recordings)):
        first = tracks if isinstance(tracks, str | Path) else tracks[0]
        raise InputError(f"{first}: expected labels in the recordings' files, without --annotations; found none")
    channel = choose_channel(given_labels, channel)
    if videos:
        require_videos(videos, (one.id for one in recordings), "ids among the recordings")
        require_videos(videos, (one.id for one in given_labels), "ids among the annotations")
        tracked = {one.id for one in recordings}
        given_labels = [one for one in given_labels if one.id in tracked]
    require_behaviours(unscored, given_labels, channel)
    labelled = attach(recordings, given_labels, channel, unscored, strict=not skip_bad_files)
    if not (labelled := [one for one in labelled if not videos or one.id in videos]):
        raise InputError(f"channel {channel}: expected annotations of some recordings; found none: check --channel")
    return labelled if agent is None or target is None else [_directed(one, agent, target) for one in labelled]


def add_labels(
    recordings: Sequence[Recording],
    annotations: Paths | None,
    channel: str | None,
    unscored: Sequence[str],
    *,
    every_channel: bool,
    skip_bad_files: bool = False,
) -> list[Recording]:
    """Give recordings the labels that there are, and keep those without any.

    Args:
        recordings: with or without labels of their own.
        annotations: files, folders or globs of annotations; the recordings' own labels if None.
        channel: take this channel of the annotations; a recording that lacks it keeps its own labels.
        unscored: behaviours that are no judgement.
        every_channel: without ``channel``, take every channel of the annotations; else there must be one only.
        skip_bad_files: report annotations that cannot be used and go on.

    Raises:
        InputError: annotations cannot be read or are of other videos, or a name is not among them.
    """
    if not annotations:
        return own_labels(recordings, channel, unscored, "the recordings' own files, as no --annotations are given")
    given_labels = _annotations_of(recordings, annotations, skip_bad_files)
    if channel is not None or not every_channel:
        channel = choose_channel(given_labels, channel)
        require_behaviours(unscored, given_labels, channel)
        labelled = {one.id: one for one in attach(recordings, given_labels, channel, unscored, strict=False)}
        return [labelled.get(one.id, one) for one in recordings]
    return _with_every_channel(recordings, given_labels, unscored)


def own_labels(
    recordings: Sequence[Recording], channel: str | None, unscored: Sequence[str], where: str
) -> list[Recording]:
    """Reduce the labels and series that recordings carry themselves to what is asked for.

    Args:
        recordings: with or without labels.
        channel: keep the labels and the series of this name only; all if None.
        unscored: behaviours that become -1 and leave their channel's vocabulary.
        where: the labels' place, for the error.

    Raises:
        InputError: no recording has such a channel or behaviour.
    """
    channels = {name for one in recordings for name in (*one.labels, *one.series)}
    if channel is not None and channel not in channels:
        raise InputError(f"--channel {channel}: expected a channel of {where}; found {some(channels)}")
    behaviours = {name for one in recordings for labels in one.labels.values() for name in labels.behaviours}
    _require_known(unscored, behaviours)
    if channel is None and not unscored:
        return list(recordings)
    wanted = channels if channel is None else {channel}
    return [
        replace(
            one,
            labels={
                name: labels.without(set(unscored) & set(labels.behaviours))
                for name, labels in one.labels.items()
                if name in wanted
            },
            series={name: values for name, values in one.series.items() if name in wanted},
        )
        for one in recordings
    ]


def choose_videos(recordings: Sequence[Recording], videos: Sequence[str]) -> list[Recording]:
    """Keep the recordings that ``--videos`` names, or all if it names none.

    Raises:
        InputError: one of the ids is no recording's.
    """
    if not videos:
        return list(recordings)
    require_videos(videos, (one.id for one in recordings), "ids among the recordings")
    return [one for one in recordings if one.id in set(videos)]


def require_videos(videos: Iterable[str], existing: Iterable[str], expected: str) -> None:
    """Make sure that every id that ``--videos`` names exists.

    Args:
        videos: ids that were asked for.
        existing: ids that there are.
        expected: the meaning of ``existing``, for the error: "ids among the recordings".

    Raises:
        InputError: one does not.
    """
    existing = set(existing)
    if missing := set(videos) - existing:
        raise InputError(f"--videos {some(missing)}: expected {expected}; found {some(existing, 10)}")


def _annotations_of(recordings: Iterable[Recording], paths: Paths, skip_bad_files: bool) -> list[Annotations]:
    """Annotations; those in seconds are counted in frames of their recording."""
    rates = {one.id: one.frame_rate for one in recordings}
    return read_labels(paths, rates, skip_bad_files)[0]


def _with_every_channel(
    recordings: Sequence[Recording], annotations: Sequence[Annotations], unscored: Sequence[str]
) -> list[Recording]:
    vocabularies: dict[str, set[str]] = {}
    for one in annotations:
        for channel, names in one.vocabulary.items():
            vocabularies.setdefault(channel, set()).update(names)
    _require_known(unscored, set().union(*vocabularies.values()))
    labelled = list(recordings)
    for channel, behaviours in vocabularies.items():
        left_out = [name for name in unscored if name in behaviours]
        if behaviours <= set(left_out):
            continue
        attached = attach(labelled, annotations, channel, left_out, notify=lambda _: None, strict=False)
        labels = {one.id: one.labels for one in attached}
        labelled = [one.with_labels(labels.get(one.id, {})) for one in labelled]
    return labelled


def _require_known(unscored: Iterable[str], behaviours: set[str]) -> None:
    if missing := set(unscored) - behaviours:
        raise InputError(f"--unscored {some(missing)}: expected behaviours; found {some(behaviours)}")


def _directed(recording: Recording, agent: str, target: str) -> Recording:
    """The recording with labels of one ordered pair."""
    individuals = recording.individuals
    # A lone animal is paired with itself.
    if not {agent, target} <= set(individuals) or (agent == target and len(individuals) > 1):
        raise InputError(
            f"{recording.source or recording.id}: expected two individuals of {', '.join(individuals)}; found --agent "
            f"{agent} and --target {target}"
        )
    labels = {name: replace(one, pair=(agent, target)) for name, one in recording.labels.items()}
    return recording.with_labels(labels)
