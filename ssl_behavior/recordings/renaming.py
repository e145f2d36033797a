"""Advice on names of annotations that match no video."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from ssl_behavior.errors import list_names, natural_key
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.storage.video_names import file_stem, names_of_video


def how_to_match(videos: Iterable[str], annotations: Iterable[Annotations]) -> str:
    """Say how annotations find their video, and what to rename: for errors about annotations that match none.

    Args:
        videos: ids of the videos.
        annotations: annotations of other videos.
    """
    rule = (
        "annotations belong to the video that their file is named after (m_annot.txt, m.csv, m.annot and m.boris are "
        "of m), or in BORIS the observation or its media file"
    )
    names = sorted(videos, key=natural_key)
    example = f"rename them, as in {file_stem(names[0])}_annot.txt" if names else "rename them"
    return f"{rule}: {nearest_renaming(names, annotations) or example}"


def nearest_renaming(videos: Iterable[str], annotations: Iterable[Annotations]) -> str | None:
    """Say what to rename so that the first annotations that are called much like a video become its own."""
    by_lower = {name.lower(): name for name in videos}
    items: dict[str, list[Annotations]] = {}
    for item in sorted(annotations, key=lambda item: natural_key(item.id)):
        near = [name for name in by_lower if name in item.id.lower() or item.id.lower() in name]
        near = near or get_close_matches(item.id.lower(), by_lower, 1)
        if near:
            items.setdefault(by_lower[max(near, key=len)], []).append(item)
    for video, (first, *others) in items.items():
        files = dict.fromkeys(Path(item.source).name for item in (first, *others))
        if len(files) == 1:
            return _renaming(first, video)
        return (
            f"if {list_names(files, 5)} are all of {video}, join them in one table, {file_stem(video)}.csv, with the "
            "columns behaviour, start_s and stop_s and a row per bout, because a video has one file of annotations; if "
            f"one is, rename it to {_new_name(first, video)}"
        )
    return None


def _renaming(annotations: Annotations, video: str) -> str:
    """Say which name would make annotations those of a video."""
    name = Path(annotations.source).name
    if annotations.id in names_of_video(name):
        return f"if {name} is of {video}, rename it to {_new_name(annotations, video)}"
    return f"if {annotations.id} is of {video}, rename it to {video} in {annotations.source}"


def _new_name(annotations: Annotations, video: str) -> str:
    """Return the name that makes a file of annotations that of a video."""
    name = Path(annotations.source).name
    ending = name.removeprefix(annotations.id) if name.startswith(annotations.id) else Path(name).suffix
    return f"{file_stem(video)}{ending}"
