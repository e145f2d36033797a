"""Readers and writers of the formats that labs use; the content of a file decides which reader takes it."""

from ssl_behavior.formats.tracks.read import FORMATS, read_recordings

__all__ = ["FORMATS", "read_recordings"]
