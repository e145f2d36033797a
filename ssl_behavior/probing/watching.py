"""How well labels can be read off an encoder, while it learns without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.poses import Poses
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.probes import probe_f1

_VIDEOS, _EVERY = 10, 10


def label_probe(
    encoder: Encoder, poses: Sequence[Poses], recordings: Sequence[Recording], every: int, steps: int
) -> Callable[[int], dict[str, float] | None] | None:
    """What reads labels off the encoder, given the number of finished steps; None where there is nothing to read.

    Args:
        encoder: that learns.
        poses: of the recordings.
        recordings: of which some may have labels.
        every: steps between probes; 0 for none.
        steps: in all; after the last one there is a probe too.
    """
    labels = {one.id: next(iter(one.labels.values())) for one in recordings if len(one.labels) == 1}
    counts = Counter(one.behaviours for one in labels.values())
    behaviours = max(counts, key=lambda names: counts[names], default=())
    chosen = [one for one in poses if one.id in labels and labels[one.id].behaviours == behaviours][:_VIDEOS]
    if not every or len(chosen) < 2:
        return None
    truth = [labels[one.id].values[one.native_frames][::_EVERY] for one in chosen]

    def probe(step: int) -> dict[str, float] | None:
        if step % every and step != steps:
            return None
        embeddings = [embed(encoder, one, one.pairs()[0])[::_EVERY].numpy() for one in chosen]
        return {"probe F1": probe_f1(embeddings, truth, behaviours)}

    return probe
