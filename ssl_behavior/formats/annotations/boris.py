"""BORIS: projects, and CSV exports in seconds, aggregated (a row per bout) or tabular (rows START, STOP, POINT).

A subject is a channel. BORIS lists behaviours only, so frames in no bout are ``other``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ssl_behavior.errors import InputError
from ssl_behavior.formats.annotations import boris_project, boris_table
from ssl_behavior.formats.annotations.boris_observation import read_each
from ssl_behavior.formats.annotations.boris_writer import write
from ssl_behavior.formats.text_files import decode, read_text
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.videos import UNKNOWN_VIDEOS, Videos

__all__ = ["NAME", "detect", "read", "write"]

NAME = "boris"

_HEAD_BYTES = 16384


def detect(path: Path) -> bool:
    """Return whether the file is a project, or has BORIS's column names among its first lines."""
    head = _head(path)
    return boris_project.is_project(head) or boris_table.find_table(head) is not None


def read(path: Path, videos: Videos = UNKNOWN_VIDEOS) -> list[Annotations]:
    """Read one Annotations per observation. Its video has the observation's id, or the name of its media file.

    Args:
        path: a project, or an aggregated or tabular export of events, separated by commas, semicolons or tabs.
        videos: the videos that annotations may belong to.

    Raises:
        InputError: no observation can be read, or the rates of tracks and annotations contradict each other.
    """
    if boris_project.is_project(_head(path)):
        observations, notices = boris_project.observations(path)
        first, *others = read_each(path, observations, videos)
        return [replace(first, notices=(*first.notices, *notices)), *others]
    table = boris_table.find_table(read_text(path))
    if table is None:
        raise InputError(f"{path}: expected a BORIS table with a column 'Behavior' and times; found none")
    return read_each(path, boris_table.observations(path, table), videos)


def _head(path: Path) -> str:
    with Path(path).open("rb") as file:
        head = file.read(_HEAD_BYTES)
    text = decode(head)
    return "" if "\0" in text else text
