"""Ids of videos that differ for files of the same name."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from ssl_behavior.errors import InputError, count_of, list_names
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage.video_names import names_of_video, shortest_names, video_id


def with_distinct_ids(
    recordings: Sequence[Recording], files: Sequence[Path], notify: Callable[[str], None]
) -> list[Recording]:
    """Return the recordings with ids that differ: where files in several folders have one name, folders go before it.

    Args:
        recordings: recordings, of which several may have one id.
        files: the file of each; a converted recording's own source is the file that it was converted from.
        notify: called with a notice of the ids that were made.

    Raises:
        InputError: a folder holds several files of one video, or a file several videos of one name.
    """
    numbers: dict[str, list[int]] = {}
    for number, recording in enumerate(recordings):
        numbers.setdefault(recording.id, []).append(number)
    if len(numbers) == len(recordings):
        return list(recordings)
    names: dict[int, str] = {}
    for video, same in numbers.items():
        if len(same) > 1:
            names.update(zip(same, _names_with_folders(video, [files[number] for number in same]), strict=True))
    if clash := set(names.values()) & {video for video, same in numbers.items() if len(same) == 1}:
        raise InputError(
            f"videos {list_names(clash)}: expected ids that differ; found them as ids and as names of files in "
            "folders: rename these files"
        )
    notify(
        f"{count_of(len(names), 'recording')} share names with files in other folders, which go before the names: "
        f"{list_names(names.values(), 6)}"
    )
    return [
        replace(recording, id=names[number]) if number in names else recording
        for number, recording in enumerate(recordings)
    ]


def _names_with_folders(video: str, files: Sequence[Path]) -> list[str]:
    """Return ids for files of one id, which tell them apart by as few folders as possible.

    Raises:
        InputError: two recordings are of one file, or of files in one folder.
    """
    names = shortest_names([(*_folders(file.absolute(), video), video) for file in files])
    if len(set(names)) == len(names):
        return names
    later = next(number for number, name in enumerate(names) if name in names[:number])
    first, second = files[names.index(names[later])], files[later]
    if first == second:
        raise InputError(f"{second}: two of its videos are called {video!r}: rename one of them in the file")
    raise InputError(
        f"{second}: the video id {video!r} is that of {first} too; "
        f"{advice_on_kinds(video, str(first), str(second), '--recordings')}"
    )


def _folders(file: Path, video: str) -> tuple[str, ...]:
    """Return the folders of a file; one that names its videos itself is a further folder."""
    is_named_by_file = video.split("/")[0] == video_id(file)
    return (*file.parent.parts[1:], *(() if is_named_by_file else (video_id(file),)))


def advice_on_kinds(video: str, first: str, second: str, option: str) -> str:
    """Say how to drop one of two files of a video: by a glob for one kind of file, if the names allow it.

    Args:
        video: id of the video.
        first: path of a file of the video.
        second: path of another one.
        option: option that takes the files.
    """
    paths = [Path(first), Path(second)]
    others = names_of_video(second)
    own_name = next((name for name in names_of_video(first) if name in others), video)
    globs = []
    for path, other in (paths, paths[::-1]):
        pattern = "*" + glob.escape(path.name.removeprefix(own_name))
        if path.name.startswith(own_name) and not fnmatch(other.name, pattern):
            globs.append(f"{option} '{Path(glob.escape(str(path.parent))) / pattern}'")
    if globs:
        return f"give files of one kind only, {' or '.join(globs)}"
    if paths[0].name == paths[1].name and paths[0].parent != paths[1].parent:
        return "name each file after its own video, or join them in one file if they are of one video"
    return f"move {second} elsewhere"
