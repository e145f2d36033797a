"""Recordings with their labels: the one place where tracks and annotations are read together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations.read import read_labels
from ssl_behavior.formats.tracks.animals import IndividualsFrom
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.matching import (
    annotations_from_recordings,
    attach,
    choose_channel,
    require_behaviours,
    shorten_paths,
)
from ssl_behavior.recordings.pair_matching import are_of_pairs, attach_pairs
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.selection import find_videos, require_unscored, select_labels
from ssl_behavior.recordings.videos import Videos

Paths = str | Path | Sequence[str | Path]
"""Files, folders and globs."""

Pair = tuple[str, str]
"""(agent, target)."""


@check_arguments
def read_labelled(
    tracks: Paths,
    annotations: Paths | None = None,
    channel: str | None = None,
    unscored: str | Sequence[str] = (),
    frame_rate: float | None = None,
    agent: str | None = None,
    target: str | None = None,
    videos: str | Sequence[str] = (),
    format: str | None = None,
    skeleton: str | Path | None = None,
    mixed_skeletons: bool = False,
    skip_bad_files: bool = False,
    individuals: str | Sequence[str] = (),
    individuals_from: IndividualsFrom = "auto",
) -> list[Recording]:
    """Read the labelled recordings, each with the labels of one channel over one shared vocabulary.

    Args:
        tracks: files, folders or globs of tracks.
        annotations: files, folders or globs of annotations; without them, the labels in the tracks' own files.
        channel: channel of the annotations; needed only if there are several.
        unscored: behaviours that mean "nobody judged this frame"; their frames become -1 and they leave the
            vocabulary.
        frame_rate: frame rate of the tracks in Hz; overrules the rate in the files.
        agent: individual whose behaviour towards ``target`` was annotated; without it, labels hold for the group.
        target: individual that the agent's behaviour is directed at.
        videos: ids of the videos to use, or patterns such as ``day1/*``; all labelled videos if empty.
        format: format of the tracks; detected from their content by default.
        skeleton: YAML or JSON file that maps keypoints to landmarks.
        mixed_skeletons: let recordings differ in their keypoints.
        skip_bad_files: report unusable files and annotations without tracks, and go on.
        individuals: names of the individuals to read, in this order; all that are ever seen if there are none.
        individuals_from: where the names of the individuals stand, as for ``read_recordings``.

    Returns:
        Recordings with exactly one entry in ``labels``. Recordings without annotations are left out, with a notice.

    Raises:
        InputError: a file cannot be read, recordings and annotations do not match, or a name does not exist.

    Examples:
        >>> recordings = read_labelled("tracks/*.csv", "annotations", unscored=["other"])  # doctest: +SKIP
        >>> (labels,) = recordings[0].labels.values()  # doctest: +SKIP
        >>> labels.behaviours  # doctest: +SKIP
        ('attack', 'investigation', 'mount')
    """
    # Checked before the tracks are read, which may take minutes.
    pair = agent_and_target(agent, target)
    unscored, videos = ((names,) if isinstance(names, str) else names for names in (unscored, videos))
    recordings = read_recordings(
        tracks,
        format,
        skip_bad_files,
        frame_rate,
        skeleton,
        mixed_skeletons=mixed_skeletons,
        individuals=individuals,
        individuals_from=individuals_from,
    )
    return label_recordings(recordings, annotations, channel, unscored, pair, videos, skip_bad_files)


def agent_and_target(agent: str | None, target: str | None) -> Pair | None:
    """Return the ordered pair that ``--agent`` and ``--target`` name, or None if neither is given.

    Raises:
        InputError: only one of them is given.
    """
    if agent is None and target is None:
        return None
    if agent is None or target is None:
        option = f"--target {target}" if agent is None else f"--agent {agent}"
        raise InputError(f"expected --agent and --target together; found {option} alone: give both, or neither")
    return agent, target


def label_recordings(
    recordings: Sequence[Recording],
    annotations: Paths | None,
    channel: str | None,
    unscored: Sequence[str],
    pair: Pair | None,
    videos: Sequence[str],
    skip_bad_files: bool = False,
    *,
    every_pair: bool = False,
) -> list[Recording]:
    """Return the recordings that have labels, each with those of one channel.

    Args:
        recordings: recordings with or without labels of their own.
        annotations: as for ``read_labelled``.
        channel: as for ``read_labelled``.
        unscored: as for ``read_labelled``.
        pair: (agent, target) of the labels; None if they hold for the group.
        videos: as for ``read_labelled``.
        skip_bad_files: as for ``read_labelled``, for annotations.
        every_pair: without ``channel`` and ``pair``, take the labels of every pair, where annotations say who does what
            to whom (see ``pair_matching``).

    Raises:
        InputError: annotations cannot be read, recordings and annotations do not match, or a name does not exist.
    """
    if annotations:
        video_annotations = _read_annotations(recordings, annotations, skip_bad_files)
    elif not (video_annotations := annotations_from_recordings(recordings)):
        sources = dict.fromkeys(recording.source or recording.id for recording in recordings)
        raise InputError(
            f"{shorten_paths(list(sources))}: expected labels in the recordings' own files, as no --annotations are "
            "given; found none: give --annotations"
        )
    takes_pairs = every_pair and channel is None and pair is None and are_of_pairs(video_annotations)
    name = None if takes_pairs else choose_channel(video_annotations, channel)
    chosen: set[str] = set()
    if videos:
        tracked = {recording.id for recording in recordings}
        chosen = find_videos(videos, tracked, "ids among the recordings")
        find_videos(videos, (item.id for item in video_annotations), "ids among the annotations")
        # With --videos, annotations of other videos need no tracks.
        video_annotations = [item for item in video_annotations if item.id in tracked]
    if name is None:
        vocabularies = [names for item in video_annotations for names in item.vocabulary.values()]
        require_unscored(unscored, set().union(*vocabularies))
        labelled = attach_pairs(recordings, video_annotations, unscored, strict=not skip_bad_files)
    else:
        require_behaviours(unscored, video_annotations, name)
        labelled = attach(recordings, video_annotations, name, unscored, strict=not skip_bad_files)
    labelled = [recording for recording in labelled if recording.labels and (not videos or recording.id in chosen)]
    if not labelled:
        where = "pairs" if name is None else f"channel {name}"
        raise InputError(f"{where}: expected annotations of some recordings; found none: check --channel and --videos")
    return labelled if pair is None else [_with_pair(recording, pair) for recording in labelled]


def add_labels(
    recordings: Sequence[Recording],
    annotations: Paths | None,
    channel: str | None,
    unscored: Sequence[str],
    *,
    every_channel: bool,
    skip_bad_files: bool = False,
) -> list[Recording]:
    """Return all recordings; annotated ones have their labels.

    Args:
        recordings: recordings with or without labels of their own.
        annotations: files, folders or globs of annotations; without them, the recordings' own labels.
        channel: use this channel of the annotations; a recording that lacks it keeps its own labels.
        unscored: behaviours that mean "nobody judged this frame".
        every_channel: without ``channel``, use every channel; otherwise the annotations must have only one.
        skip_bad_files: report unusable annotations and go on.

    Raises:
        InputError: annotations cannot be read or belong to other videos, or a name does not exist.
    """
    if not annotations:
        return select_labels(recordings, channel, unscored, "the recordings' own files, as no --annotations are given")
    video_annotations = _read_annotations(recordings, annotations, skip_bad_files)
    if channel is not None or not every_channel:
        channel = choose_channel(video_annotations, channel)
        require_behaviours(unscored, video_annotations, channel)
        attached = attach(recordings, video_annotations, channel, unscored, notify=_print_kept, strict=False)
        labelled = {item.id: item for item in attached}
        return [labelled.get(recording.id, recording) for recording in recordings]
    return _with_every_channel(recordings, video_annotations, unscored)


def _read_annotations(recordings: Iterable[Recording], paths: Paths, skip_bad_files: bool) -> list[Annotations]:
    return read_labels(paths, Videos.of(recordings), skip_bad_files)[0]


_OF_KEPT = ("annotations without channel", "tracks without annotations")
"""How notices begin that are about recordings that ``attach`` leaves out."""


def _print_kept(notice: str) -> None:
    """Print a notice of ``attach`` where the recordings that it leaves out are kept without these labels."""
    print(notice.replace(", left out: ", ", kept as they are: ", 1) if notice.startswith(_OF_KEPT) else notice)


def _with_every_channel(
    recordings: Sequence[Recording], annotations: Sequence[Annotations], unscored: Sequence[str]
) -> list[Recording]:
    vocabularies: dict[str, set[str]] = {}
    for item in annotations:
        for channel, behaviours in item.vocabulary.items():
            vocabularies.setdefault(channel, set()).update(behaviours)
    require_unscored(unscored, set().union(*vocabularies.values()))
    labelled, notices = list(recordings), list[str]()
    for channel, vocabulary in vocabularies.items():
        excluded = [name for name in unscored if name in vocabulary]
        if vocabulary <= set(excluded):
            continue
        attached = attach(labelled, annotations, channel, excluded, notify=notices.append, strict=False)
        labels = {recording.id: recording.labels for recording in attached}
        labelled = [recording.with_labels(labels.get(recording.id, {})) for recording in labelled]
    # A video need not have every channel, and recordings without annotations stay.
    for notice in dict.fromkeys(notices):
        if not notice.startswith(_OF_KEPT):
            print(notice)
    return labelled


def _with_pair(recording: Recording, pair: Pair) -> Recording:
    """Return the recording with labels that describe one ordered pair."""
    agent, target = pair
    individuals = recording.individuals
    # A lone animal is paired with itself.
    if not {agent, target} <= set(individuals) or (agent == target and len(individuals) > 1):
        raise InputError(
            f"{recording.source or recording.id}: expected two individuals of {', '.join(individuals)}; found --agent "
            f"{agent} and --target {target}"
        )
    return recording.with_labels({name: replace(labels, pair=pair) for name, labels in recording.labels.items()})
