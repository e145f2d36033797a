"""Suggestions for people: a table, and files for the annotators in which the clips stand, to correct."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np

from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.recordings.labels import UNSCORED, Labels

SUGGESTED = "suggested"
"""What a suggested clip is called in the files where no model says what it shows."""


@dataclass(frozen=True)
class Suggestion:
    """A clip to label next.

    Attributes:
        rank: from 1, the best.
        video: id.
        agent: whose behaviour it is; empty where labels hold for the whole group.
        target: towards whom.
        start_frame: first frame of the recording, from 0.
        stop_frame: the frame after the last.
        start: the first frame's time as minutes and seconds.
        seconds: how long the clip is.
        label: what the model takes most of its frames for; empty without a model.
        probability: the label's mean over the clip; None without a model.
        uncertainty: mean entropy of the model's probabilities, from 0 (sure) to 1 (anything goes).
        novelty: 1 - cosine to the nearest clip that is labelled or stands above, from 0 to 1.
        why: the same in words.
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


def table(suggestions: Sequence[Suggestion]) -> str:
    """The suggestions as CSV, a column per attribute."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [one.name for one in fields(Suggestion)], lineterminator="\n")
    writer.writeheader()
    for one in suggestions:
        writer.writerow({name: _shown(value) for name, value in asdict(one).items()})
    return text.getvalue()


def _shown(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else value


def to_correct(video: str, channel: str, labels: Labels, filler: str) -> Annotations:
    """One video's labels and suggested clips as annotations that cover every frame.

    All that is unscored stands there as bouts of ``filler``, which fine-tuning leaves out if it is told so by
    ``--unscored``: to BORIS, frames in no bout are ``other``, and the annotator wants every frame in a bout.

    Args:
        video: id.
        channel: name.
        labels: (frame,) of the recording's own frames: those that are known, and within clips what is suggested.
        filler: name of what nobody judged.
    """
    names = (*labels.behaviours, filler)
    filled = Labels(names, np.where(labels.values == UNSCORED, len(names) - 1, labels.values))
    bouts = tuple(filled.bouts())
    return Annotations(video, {channel: bouts}, frames=len(filled.values), vocabulary={channel: names})
