"""The videos that an observation of BORIS is of, by its media files.

Files of one player follow each other, and the times of events count from the start of the first file of the first
player. Other players show the same events from another side; BORIS may shift them against the first one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.formats.annotations.boris_events import RATES_DIFFER, Event, Medium, Moment, Observation, Player
from ssl_behavior.formats.annotations.values import media_names
from ssl_behavior.recordings.recording import ASSUMED_FRAME_RATE
from ssl_behavior.recordings.videos import Video, Videos
from ssl_behavior.storage.video_names import video_id


def videos_of(
    path: Path, observation: Observation, videos: Videos, own_name: list[Path]
) -> list[tuple[Observation, Video]]:
    """Return the videos that an observation is of, each with its part of the observation.

    Args:
        path: the file.
        observation: what BORIS says.
        videos: the videos that annotations may belong to.
        own_name: the file's path, if its name may be that of the video.

    Raises:
        InputError: it is not certain which part of the observation belongs to a video that has tracks.
    """
    names = [file.name for file in observation.files] or observation.media
    of_files = {name: video for name in names if (video := _known(videos, media_names(name))) is not None}
    if len(names) > 1 and of_files:
        named = _known(videos, [observation.name]) or _known(videos, own_name)
        if named is None or not _lasts_as_all(named, observation):
            return _parts(path, observation, of_files)
        observation.notices.append(
            f"observation {observation.name!r} is of {len(observation.files)} files that follow each other, and one "
            f"video, as the tracks of {named.id!r} last about as long as all of them"
        )
    return [_whole(path, observation, videos, own_name)]


def _known(videos: Videos, names: Sequence[str | Path]) -> Video | None:
    """Return the video that one of these names stands for, if it is a known one and certain."""
    try:
        video = videos.find(*names) if names else None
    except InputError:  # files of one name in several folders
        return None
    return video if video is not None and video.id in videos else None


def _lasts_as_all(video: Video, observation: Observation) -> bool:
    """Return whether the tracks of a video last about as long as all files, and not as long as one of them."""
    lengths = [file.length or 0.0 for file in observation.files]
    if not video.frames or not lengths or not all(lengths):
        return False
    seconds = video.frames / (video.frame_rate or observation.rate or ASSUMED_FRAME_RATE)
    return abs(seconds - sum(lengths)) < min(abs(seconds - length) for length in lengths)


def _whole(path: Path, observation: Observation, videos: Videos, own_name: list[Path]) -> tuple[Observation, Video]:
    """Return the one video of an observation. Its media file counts more than its name, which people choose."""
    others = {
        video.id: player
        for player in reversed(observation.players)
        for file in player.files
        if (video := _known(videos, media_names(file.name))) is not None
    }
    shown = [*observation.media, *(file.name for player in observation.players for file in player.files)]
    video = videos.find(observation.name, *(name for file in shown for name in media_names(file)), *own_name)
    first = _known(videos, media_names(observation.media[0])) if len(observation.media) == 1 else None
    if first is not None and first.id != video.id and video.id not in others:
        observation.notices.append(
            f"observation {observation.name!r} is of the file {observation.media[0]}, so its labels are those of "
            f"{first.id!r}"
        )
        video = first
    if unlabelled := {first.id if first else video.id, *others} - {video.id}:
        observation.notices.append(
            f"observation {observation.name!r} shows {list_names(unlabelled, 5)} at the same time; its labels are "
            f"those of {video.id!r} alone"
        )
    if video.id not in videos:
        observation.notices += _almost_known(observation, shown, videos)
    if video.id in others and (first is None or first.id != video.id):
        return _in_other_player(path, observation, video, others[video.id]), video
    return observation, video


def _almost_known(observation: Observation, files: Sequence[str], videos: Videos) -> Iterator[str]:
    """Yield a notice of files whose names are those of videos but for capital letters, which some disks change."""
    ids = {name.casefold(): name for name in videos}
    for file in files:
        if (name := ids.get(video_id(Path(file)).casefold())) is not None:
            yield (
                f"observation {observation.name!r} is of the file {file}, and there are tracks of {name!r}: name the "
                f"observation {name!r} in BORIS if they are of this file"
            )


def _in_other_player(path: Path, observation: Observation, video: Video, player: Player) -> Observation:
    """Return an observation for a video that the first player does not show.

    Raises:
        InputError: the player does not start together with the first one, or plays several files.
    """
    where = f"{path}: {observation.name!r}"
    if player.shift or len(player.files) > 1:
        found = f"shifted by {player.shift:g} s" if player.shift else f"one of {len(player.files)} files"
        raise InputError(
            f"{where}: expected {video.id!r} in the first player, whose times its events have; found it in player "
            f"{player.number}, {found}: observe its file in the first player, or by itself"
        )
    if any(moment.seconds is None for moment in observation.moments):
        raise InputError(
            f"{where}: expected events with times; found images of the first player, and {video.id!r} in player "
            f"{player.number}: observe its file in the first player, or by itself"
        )
    if player.shift is None:
        observation.notices.append(
            f"{video.id!r} is in player {player.number}, and a table does not say by how much BORIS shifts players: "
            "they are taken to start together; give the project (.boris) if they do not"
        )
    (file,) = player.files
    events = [
        replace(event, start=Moment(event.start.seconds), stop=Moment(event.stop.seconds))
        for event in observation.events
    ]
    return replace(observation, media=[file.name], rate=file.rate, duration=file.length, events=events)


def _parts(path: Path, observation: Observation, of_files: Mapping[str, Video]) -> list[tuple[Observation, Video]]:
    """Return the part of every file that has tracks, in the time of the file.

    Raises:
        InputError: lengths of files or times of events are unknown, a video is played twice, or no part has events.
    """
    _require_parts(path, observation, of_files)
    parts: list[tuple[Observation, Video]] = []
    without_tracks, without_events = [], []
    begin = 0.0
    for file in observation.files:
        # Some events lie just past the end of the last file, or just before the start of the first.
        end = begin + (file.length or inf) if file is not observation.files[-1] else inf
        part, video = _part(observation, file, begin, end), of_files.get(file.name)
        if video is None:
            without_tracks.append(f"{file.name} ({count_of(len(part.events), 'event')})")
        elif part.events:
            parts.append((part, video))
        else:
            without_events.append(file.name)
        begin = end
    if not parts:
        raise InputError(
            f"{path}: {observation.name!r}: expected events in {', '.join(of_files)}; found events in other files only"
        )
    notices = parts[0][0].notices
    notices += [notice for notice in observation.notices if notice != RATES_DIFFER]
    notices.append(
        f"observation {observation.name!r} is of {len(observation.files)} files that follow each other: each video has "
        "its part, by the lengths of the files"
    )
    for why, names in (("without tracks", without_tracks), ("without events", without_events)):
        if names:
            notices.append(f"files of observation {observation.name!r} {why}, left out: {list_names(names, 5)}")
    return parts


def _require_parts(path: Path, observation: Observation, of_files: Mapping[str, Video]) -> None:
    unknown = [file.name for file in observation.files[:-1] if file.length is None]
    videos = [of_files[file.name].id for file in observation.files if file.name in of_files]
    if not observation.files:
        found = "a table that does not list them in order: give the project (.boris)"
    elif unknown:
        found = f"no length of {list_names(unknown, 5)}: make an observation of each file"
    elif len(set(videos)) < len(videos):
        found = (
            f"files of {list_names({video for video in videos if videos.count(video) > 1})} more than once: make an "
        )
        found += "observation of each file"
    elif any(moment.seconds is None for moment in observation.moments):
        found = "events without times: make an observation of each file"
    else:
        return
    raise InputError(
        f"{path}: {observation.name!r}: expected the order and lengths of the files {', '.join(observation.media)}, "
        f"which follow each other, and times of events; found {found}"
    )


def _part(observation: Observation, file: Medium, begin: float, end: float) -> Observation:
    """Return what happens from ``begin`` to ``end``, in s from the start of the first file, as of one file."""
    first, last = observation.offset + (begin or -inf), observation.offset + end
    start, stop = observation.interval or (0.0, None)
    observed = start < end and (stop is None or stop > begin)
    return replace(
        observation,
        media=[file.name],
        files=(file,),
        players=(),
        offset=observation.offset + begin,
        rate=file.rate,
        duration=file.length,
        interval=(max(0.0, start - begin), stop - begin if stop is not None and stop < end else None)
        if observation.interval
        else None,
        events=[cut for event in observation.events if observed and (cut := _cut(event, first, last)) is not None],
        notices=[],
    )


def _cut(event: Event, first: float, last: float) -> Event | None:
    """Return an event between two times in s; None if it lies outside."""
    start, stop = event.start.seconds or 0.0, event.stop.seconds or 0.0
    if start >= last or (stop <= first and start < first) or stop < first:
        return None
    return replace(event, start=Moment(max(start, first)), stop=Moment(min(stop, last)))
