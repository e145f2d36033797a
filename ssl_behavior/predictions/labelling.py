"""Label recordings with a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from ssl_behavior.errors import how_many
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.labelled import LabelledPoses, labelled_pairs
from ssl_behavior.poses.landmarks import as_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.labels import scored_frames
from ssl_behavior.recordings.recording import Recording

_NOTEWORTHY = 0.01


_NAMED = 10


def predict_recording(model: Model, scheme: LabelScheme, recording: Recording) -> Prediction:
    """Labels and calibrated probabilities of every frame of a recording.

    Raises:
        InputError: the recording has none of the encoder's landmarks, or no animal in it is ever seen.
    """
    encoder = model.classifier.encoder
    poses = prepare(recording, encoder.landmarks, encoder.preparation)
    return predict_poses(model, scheme, poses, recording)


def predict_poses(model: Model, scheme: LabelScheme, poses: Poses, recording: Recording) -> Prediction:
    """Labels and calibrated probabilities of every frame of the recording that ``poses`` are of, at its own rate."""
    encoder = model.classifier.encoder
    tracked = animals_tracked(recording, encoder.landmarks, encoder.preparation)
    unlabelled = np.zeros(len(poses.positions), np.int16)
    video = LabelledPoses(poses, unlabelled, labelled_pairs(poses, scheme.pair))
    probabilities = scheme.calibrated_decoder.probabilities(model.logits(video))
    # Decoded at the rate the decoder was fitted at: a path counts every frame's evidence.
    labels = poses.to_native(scheme.calibrated_decoder.decoder.decode(probabilities, poses.frame_rate))
    native = poses.to_native(probabilities)
    return Prediction(poses.id, scheme.behaviours, native, labels, recording.frame_rate, tracked)


def animals_tracked(recording: Recording, landmarks: Sequence[str], settings: Preparation) -> np.ndarray:
    """(time,) number of individuals of which any of the landmarks is tracked, as surely as the encoder asks for."""
    positions = recording.positions.copy()
    if recording.confidence is not None:
        positions[recording.confidence < settings.min_confidence] = np.nan
    return np.isfinite(as_landmarks(recording.skeleton, landmarks, positions)).all(-1).any(2).sum(1)


def say_who_is_who(scheme: LabelScheme, recordings: Sequence[Recording]) -> None:
    """Say which animals a model of one ordered pair takes for that pair, where the tracks have other names."""
    other = next((one for one in recordings if scheme.pair and not set(scheme.pair) <= set(one.individuals)), None)
    if scheme.pair and other:
        print(
            f"the model speaks of what {scheme.pair[0]} does to {scheme.pair[1]} and {other.id} tracks "
            f"{', '.join(other.individuals)}: taking the first of them for {scheme.pair[0]}"
        )


def about(predicted: Iterable[Prediction]) -> Iterator[str]:
    """What a reader of the labels must know, line by line; each prediction is looked at once."""
    counts: Counter[str] = Counter()
    decided, lost = 0, {}
    for one in predicted:
        counts.update(dict(zip(one.behaviours, scored_frames(one.labels, len(one.behaviours)).tolist(), strict=True)))
        decided += int((one.labels != one.probabilities.argmax(1)).sum())
        lost[one.id] = (int((one.animals_tracked == 0).sum()), float((one.animals_tracked == 0).mean()))
    frames = counts.total()
    shares = ", ".join(f"{name} {count / frames:.1%}" for name, count in counts.items())
    yield f"{how_many(len(lost), 'video')}, {how_many(frames, 'filmed frame')}: {shares}"
    if decided:
        yield (
            f"{decided / frames:.1%} of the labels are not the most probable behaviour: the model's decision weighs "
            "behaviours and may smooth over time"
        )
    worst = sorted(lost, key=lambda name: -lost[name][1])
    told = [
        f"{how_many(lost[name][0], 'frame')} of {name} ({lost[name][1]:.0%})"
        for name in worst
        if lost[name][1] >= _NOTEWORTHY
    ]
    if told:
        rest = f" and in {how_many(len(told) - _NAMED, 'more video')}" if len(told) > _NAMED else ""
        where = f"{', '.join(told[:_NAMED])}{rest}"
        yield f"no animal is tracked in {where}: labels there are guesses from the frames around"
