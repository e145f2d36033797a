"""The probe that runs during pretraining: it measures how well the embeddings predict labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.poses import Poses
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.probes import probe_f1

# Enough for a curve. A probe must stay fast beside pretraining: this many videos, and every tenth frame of them.
_VIDEOS, _EVERY = 10, 10


def label_probe(
    encoder: Encoder, poses: Sequence[Poses], recordings: Sequence[Recording], every: int, steps: int
) -> Callable[[int], dict[str, float] | None] | None:
    """Make the function that scores the encoder between steps of pretraining.

    It uses recordings with a single channel of labels, and those with the most common vocabulary.

    Args:
        encoder: encoder that is being trained.
        poses: poses of the recordings.
        recordings: the recordings, of which some may have labels.
        every: steps between probes; 0 for no probes.
        steps: number of steps in all; the last one is followed by a probe too.

    Returns:
        Number of finished steps -> ``{"probe F1": ...}``, or None at a step without a probe. None if fewer than two
        recordings can be used.
    """
    labels = {
        recording.id: next(iter(recording.labels.values())) for recording in recordings if len(recording.labels) == 1
    }
    counts = Counter(channel.behaviours for channel in labels.values())
    behaviours = max(counts, key=lambda names: counts[names], default=())
    chosen = [video for video in poses if video.id in labels and labels[video.id].behaviours == behaviours][:_VIDEOS]
    if not every or len(chosen) < 2:
        return None
    truth = [labels[video.id].values[video.native_frames][::_EVERY] for video in chosen]

    def probe(step: int) -> dict[str, float] | None:
        if step % every and step != steps:
            return None
        embeddings = [embed(encoder, video, video.pairs()[0])[::_EVERY].numpy() for video in chosen]
        return {"probe F1": probe_f1(embeddings, truth, behaviours)}

    return probe
