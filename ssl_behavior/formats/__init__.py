"""File formats: every reader yields Recordings, and the format of a file is told from its content."""

from __future__ import annotations

from ssl_behavior.formats.labelled import read_labelled
from ssl_behavior.formats.paths import expand, video_id
from ssl_behavior.formats.reading import FORMATS, read_recordings

__all__ = ["FORMATS", "expand", "read_labelled", "read_recordings", "video_id"]
