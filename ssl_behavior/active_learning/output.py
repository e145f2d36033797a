"""Suggestions for people: a table, and annotation files that hold the suggested clips for correction."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED, Labels

SUGGESTED = "suggested"
"""Behaviour of a suggested clip in the annotation files if no model predicts one."""


@dataclass(frozen=True)
class Suggestion:
    """A clip to label next.

    Attributes:
        rank: rank from 1, the best.
        video: video id.
        agent: the individual whose behaviour it is; empty if labels hold for the whole group.
        target: the individual that the behaviour is directed at.
        start_frame: first frame of the recording, from 0.
        stop_frame: the frame after the last.
        start: time of the first frame in minutes and seconds.
        seconds: duration of the clip.
        label: behaviour that the model predicts in most of its frames; empty without a model.
        probability: mean probability of the label over the clip; None without a model.
        uncertainty: mean entropy of the model's probabilities, from 0 (certain) to 1 (all behaviours equally likely).
        novelty: 1 - cosine to the nearest clip that is labelled or ranked above, from 0 to 1.
        why: the reason in words.
    """

    rank: int
    video: str
    agent: str
    target: str
    start_frame: int
    stop_frame: int
    start: str
    seconds: float
    label: str
    probability: float | None
    uncertainty: float | None
    novelty: float
    why: str


def suggestions_csv(suggestions: Sequence[Suggestion]) -> str:
    """Return the suggestions as CSV, a column per attribute."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Suggestion)], lineterminator="\n")
    writer.writeheader()
    for suggestion in suggestions:
        writer.writerow({name: _cell(value) for name, value in asdict(suggestion).items()})
    return text.getvalue()


def _cell(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else value


def review_annotations(video: str, channel: str, labels: Labels, filler: str) -> Annotations:
    """Return the labels and suggested clips of one video as annotations that cover every frame.

    Unscored frames become bouts of ``filler``, because BORIS takes frames in no bout for ``other``, and the Caltech
    annotator wants every frame in a bout. Fine-tuning leaves ``filler`` out with ``--unscored``.

    Args:
        video: video id.
        channel: name of the channel.
        labels: (frame,) labels of the recording's own frames: existing ones, and the suggested ones within clips.
        filler: name of the behaviour that stands for unscored frames.
    """
    names = (*labels.behaviours, filler)
    filled = Labels(names, np.where(labels.values == UNSCORED, len(names) - 1, labels.values))
    bouts = tuple(filled.bouts())
    return Annotations(video, {channel: bouts}, frames=len(filled.values), vocabulary={channel: names})
