"""Readers and writers of tracks, one file per format."""
