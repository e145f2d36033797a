"""Readers and writers of annotations, one file per format."""
