"""Embed recordings into an atlas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ssl_behavior.atlas.atlas import Atlas, AtlasMeta
from ssl_behavior.atlas.video import EmbeddedVideo
from ssl_behavior.errors import InputError
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.poses import Poses
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording, lab_of


def atlas_meta(encoder: Encoder, half: bool) -> AtlasMeta:
    """Return the metadata of an atlas of this encoder.

    Args:
        encoder: the encoder, with the precision that it computes in.
        half: store float16 numbers in place of float32.
    """
    return AtlasMeta(
        encoder.fingerprint(),
        encoder.landmarks,
        encoder.preparation.frame_rate,
        encoder.architecture.channels,
        "float16" if half else "float32",
        encoder.precision,
    )


def add_recording(atlas: Atlas, encoder: Encoder, recording: Recording, poses: Poses) -> str:
    """Embed one recording, or update its labels if the atlas holds the same tracks with other labels.

    Args:
        atlas: an atlas with the metadata of the encoder.
        encoder: the encoder.
        recording: the recording.
        poses: the recording, prepared for the encoder.

    Returns:
        The action taken: ``embedded``, ``relabelled`` or ``unchanged``.

    Raises:
        InputError: the atlas holds a video of the same id with other tracks.
    """
    labels = {
        channel: replace(native, values=native.values[poses.native_frames])
        for channel, native in recording.labels.items()
    }
    if recording.id in atlas:
        if atlas.fingerprint(recording.id) != poses.fingerprint():
            raise InputError(
                f"{atlas.folder}: expected no video {recording.id}, or one with the tracks of {recording.source}; "
                "found other tracks under that name: choose another --output, or pass --overwrite to replace the "
                "whole atlas"
            )
        video = atlas.video(recording.id)
        if not labels or _content(labels) == _content(video.labels):
            return "unchanged"
        atlas.add(replace(video, labels=labels))
        return "relabelled"
    embeddings = {pair: embed(encoder, poses, pair, with_mirror=True).numpy() for pair in poses.pairs()}
    atlas.add(EmbeddedVideo(poses, embeddings, labels, recording.unit, str(recording.source), lab_of(recording)))
    return "embedded"


def _content(labels: Mapping[str, Labels]) -> dict[str, object]:
    """Return labels as values that compare by content."""
    return {
        channel: (each.behaviours, each.pair, each.asked, each.values.tobytes()) for channel, each in labels.items()
    }
