"""Label recordings with a fine-tuned model, and summarize the labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ssl_behavior.errors import count_of
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.labelled import LabelledPoses, labelled_pairs
from ssl_behavior.poses.landmarks import as_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.labels import scored_frames
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.time_budgets import budget_interval

_NOTEWORTHY = 0.01
"""Share of a video's frames without a tracked animal from which on the summary names the video."""
_NAMED = 10


def predict_recording(model: Model, scheme: LabelScheme, recording: Recording) -> Prediction:
    """Label every frame of a recording.

    Args:
        model: model that predicts.
        scheme: behaviours, pair and decoder that belong to the model.
        recording: recording to label.

    Returns:
        Labels and calibrated probabilities at the recording's own frame rate.

    Raises:
        InputError: the recording has none of the encoder's landmarks, or no animal in it is ever seen.

    Examples:
        >>> prediction = predict_recording(*load_model(Path("model")), recording)
    """
    encoder = model.encoder
    poses = prepare(recording, encoder.landmarks, encoder.preparation)
    return predict_poses(model, scheme, poses, recording)


def predict_poses(model: Model, scheme: LabelScheme, poses: Poses, recording: Recording) -> Prediction:
    """Label every frame of a recording that is already prepared.

    Args:
        model: as in ``predict_recording``.
        scheme: as in ``predict_recording``.
        poses: the recording, prepared for the model's encoder.
        recording: the recording itself.
    """
    encoder = model.encoder
    animals_tracked = count_tracked_animals(recording, encoder.landmarks, encoder.preparation)
    unlabelled = np.zeros(len(poses.positions), np.int16)
    video = LabelledPoses(poses, unlabelled, labelled_pairs(poses, scheme.pair))
    probabilities = scheme.calibrated_decoder.probabilities(model.logits(video))
    # The decoder was fitted at the rate of the poses: it sums evidence over frames, so another rate would weigh it
    # differently. Labels are resampled to the recording's frames after decoding.
    labels = poses.to_native(scheme.calibrated_decoder.decoder.decode(probabilities, poses.frame_rate))
    native = poses.to_native(probabilities)
    return Prediction(poses.id, scheme.behaviours, native, labels, recording.frame_rate, animals_tracked)


def count_tracked_animals(recording: Recording, landmarks: Sequence[str], settings: Preparation) -> np.ndarray:
    """Count the individuals that are tracked in each frame.

    Args:
        recording: recording to count in.
        landmarks: landmarks of the encoder; an individual is tracked if one of them is.
        settings: preparation of the encoder; keypoints below its ``min_confidence`` are not tracked.

    Returns:
        (time,) number of individuals.
    """
    positions = recording.positions.copy()
    if recording.confidence is not None:
        positions[recording.confidence < settings.min_confidence] = np.nan
    return np.isfinite(as_landmarks(recording.skeleton, landmarks, positions)).all(-1).any(2).sum(1)


def print_assumed_pair(scheme: LabelScheme, recordings: Sequence[Recording]) -> None:
    """Print which animals are taken for the model's agent and target, if the tracks name them differently."""
    if not scheme.pair:
        return
    agent, target = scheme.pair
    renamed = next((recording for recording in recordings if not {agent, target} <= set(recording.individuals)), None)
    if renamed:
        what = f"{agent} does" if agent == target else f"{agent} does to {target}"
        print(
            f"the model predicts what {what}, and the individuals of {renamed.id} are "
            f"{', '.join(renamed.individuals)}: the first of them is taken for {agent}"
        )


def summarize_predictions(predictions: Iterable[Prediction], errors: np.ndarray | None = None) -> Iterator[str]:
    """Describe predicted labels in a few lines.

    Args:
        predictions: predictions, each of which is used once and not kept: together they may exceed memory.
        errors: of the model's time budgets on held-out videos (``read_budget_errors``), for intervals.

    Yields:
        The share of each behaviour among the labels, which is no time budget; an estimated time budget; then, where it
        applies, the share of labels that are not the most probable behaviour, the share of frames with an animal
        missing, and the videos with frames without a tracked animal.
    """
    totals = _Totals()
    for prediction in predictions:
        totals.add(prediction)
    shares = ", ".join(f"{name} {count / totals.frames:.1%}" for name, count in totals.labels.items())
    videos = len(totals.untracked)
    yield f"{count_of(videos, 'video')}, {count_of(totals.frames, 'filmed frame')}, labelled {shares}"
    yield (
        "these shares are no time budgets: the decision favours rare behaviours, which are therefore predicted more "
        "often than they occur"
    )
    yield _time_budget({name: chances / totals.frames for name, chances in totals.chances.items()}, videos, errors)
    if totals.reweighted:
        share = totals.reweighted / totals.frames
        yield (
            f"{share:.1%} of the labels are not the most probable behaviour: decoding weighs behaviours and may smooth "
            "over time"
        )
    if (share := totals.one_missing / totals.frames) >= _NOTEWORTHY:
        yield f"fewer than two animals are tracked in {share:.1%} of the frames: expect more errors there"
    if gaps := list(totals.gaps()):
        more = f" and in {count_of(len(gaps) - _NAMED, 'more video')}" if len(gaps) > _NAMED else ""
        yield (
            f"no animal is tracked in {', '.join(gaps[:_NAMED])}{more}: labels there are interpolated, treat them as "
            "guesses"
        )


@dataclass
class _Totals:
    """Sums over predictions.

    Attributes:
        labels: behaviour -> frames with this label.
        chances: behaviour -> sum of its probability over frames.
        reweighted: frames whose label is not the most probable behaviour.
        one_missing: frames of videos of several animals in which fewer than two are tracked.
        untracked: video id -> frames without a tracked animal, and their share.
    """

    labels: Counter[str] = field(default_factory=Counter)
    chances: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    reweighted: int = 0
    one_missing: int = 0
    untracked: dict[str, tuple[int, float]] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Number of frames."""
        return self.labels.total()

    def add(self, prediction: Prediction) -> None:
        """Add one video."""
        counts = scored_frames(prediction.labels, len(prediction.behaviours)).tolist()
        chances = prediction.probabilities.sum(0, dtype=np.float64).tolist()
        for name, count, sum_of_chances in zip(prediction.behaviours, counts, chances, strict=True):
            self.labels[name] += count
            self.chances[name] += sum_of_chances
        self.reweighted += int((prediction.labels != prediction.probabilities.argmax(1)).sum())
        if prediction.animals_tracked.max(initial=0) > 1:
            self.one_missing += int((prediction.animals_tracked < 2).sum())
        is_untracked = prediction.animals_tracked == 0
        self.untracked[prediction.id] = (int(is_untracked.sum()), float(is_untracked.mean()))

    def gaps(self) -> Iterator[str]:
        """Yield the videos with many frames without a tracked animal, most of them first."""
        for video, (count, share) in sorted(self.untracked.items(), key=lambda item: -item[1][1]):
            if share >= _NOTEWORTHY:
                yield f"{count_of(count, 'frame')} of {video} ({share:.0%})"


def _time_budget(shares: Mapping[str, float], videos: int, errors: np.ndarray | None) -> str:
    """Estimate the share of time of each behaviour in all videos together (see ``scoring.time_budgets``)."""
    bounds = None if errors is None else budget_interval(np.array([*shares.values()]), videos, errors)
    title = "time budget estimated from the probabilities"
    if bounds is None:
        known = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
        return f"{title}: {known}; no intervals, as the model was cross-validated on too few videos"
    known = ", ".join(
        f"{name} {share:.1%} ({low:.1%} to {high:.1%})"
        for (name, share), low, high in zip(shares.items(), *bounds.tolist(), strict=True)
    )
    return f"{title}: {known}; 95 % intervals for all videos together, if they resemble the labelled ones"
