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
from ssl_behavior.recordings.recording import Recording


def atlas_meta(encoder: Encoder, half: bool) -> AtlasMeta:
    """What an atlas of this encoder says of itself."""
    return AtlasMeta(
        encoder.fingerprint(),
        encoder.landmarks,
        encoder.preparation.frame_rate,
        encoder.architecture.channels,
        "float16" if half else "float32",
        encoder.precision,
    )


def add_recording(atlas: Atlas, encoder: Encoder, recording: Recording, poses: Poses) -> str:
    """Embed one recording, or give it its labels if it is there with the same tracks and other labels.

    Returns:
        what was done: ``embedded``, ``labelled anew`` or ``left``.
    """
    labels = {name: replace(one, values=one.values[poses.native_frames]) for name, one in recording.labels.items()}
    if recording.id in atlas:
        if atlas.fingerprint(recording.id) == poses.fingerprint():
            video = atlas.video(recording.id)
            if not labels or _same(labels, video.labels):
                return "left"
            atlas.add(replace(video, labels=labels))
            return "labelled anew"
        raise InputError(
            f"{atlas.folder}: expected no video {recording.id} or one of the same tracks as {recording.source}; found "
            "other tracks under that name: rename the file, or give --overwrite to make the atlas anew"
        )
    embeddings = {pair: embed(encoder, poses, pair, with_mirror=True).numpy() for pair in poses.pairs()}
    atlas.add(EmbeddedVideo(poses, embeddings, labels, recording.unit, str(recording.source)))
    return "embedded"


def _same(labels: Mapping[str, Labels], others: Mapping[str, Labels]) -> bool:
    def told(given: Mapping[str, Labels]) -> dict[str, object]:
        return {name: (one.behaviours, one.pair, one.values.tobytes()) for name, one in given.items()}

    return told(labels) == told(others)
