"""Choice of a decoder on videos that were held out of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ssl_behavior.decoding.balance import balancing_weights
from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.bouts import bout_counts, macro_bout_f1
from ssl_behavior.scoring.frames import class_scores, confusion, macro_mean

_MARGIN = 0.06
"""Gain that another decoder needs over the default one or a plainer one, divided by the root of the number of videos.

A gain on three videos is more often due to chance than a gain on thirty.
"""
_BOUT_OVERLAP = 0.25
"""Smallest overlap (intersection over union) with which a bout counts as detected."""
_SMOOTHINGS_S = (0.0, 0.1, 0.25, 0.5, 1.0)
_TRANSITION_WEIGHTS = (1.0, 4.0, 16.0)
_LESS_BALANCED = (0.75, 0.5, 0.0)
_MAX_FOLDS = 5
_UNFITTED = ((0.0,),)
"""Stands for transition rates that are fitted later."""

_DEFAULT_SMOOTHING_S = 0.5

_Video = tuple[np.ndarray, np.ndarray]
"""Probabilities (time, behaviour) and labels (time,)."""


def default_decoder(frequencies: np.ndarray) -> Decoder:
    """Return the decoder for too few videos to choose one: the balanced decision, smoothed over half a second.

    Args:
        frequencies: (behaviour,) share of each behaviour in training.
    """
    return Decoder(balancing_weights(frequencies), _DEFAULT_SMOOTHING_S)


def fit_decoder(
    probabilities: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    behaviours: Sequence[str],
    frame_rate: float,
    frequencies: np.ndarray,
) -> Decoder:
    """Choose a decoder by macro F1 on held-out videos.

    The score is the mean of the macro F1 of frames and that of bouts, as frames alone hardly punish labels that
    flicker. Families of decoders are tried, from plain to elaborate: the default one (``default_decoder``); other
    smoothing; less balance; the most probable path. Transition rates are fitted on some of the videos and scored on the
    others, in at most five folds. Another decoder is chosen only if it gains more than a margin. A single video allows
    no comparison, so it gets the default one.

    No rule removes short bouts, because some are true. The most probable path has few spurious ones, as each change
    of behaviour costs probability.

    Args:
        probabilities: (time, behaviour) per video, by a model that was not trained on that video.
        labels: (time,) int per video, -1 where unscored.
        behaviours: names of the behaviours; ``other`` is left out of the mean.
        frame_rate: Hz.
        frequencies: (behaviour,) share of each behaviour in training.
    """
    videos = [(p, y) for p, y in zip(probabilities, labels, strict=True) if (y != UNSCORED).any()]
    best = default_decoder(frequencies)
    if len(videos) < 2:
        return best
    folds = list(_folds(videos))
    score = _held_out_score([(best, videos)], behaviours, frame_rate)
    for family in _families(frequencies):
        scores = [
            _held_out_score([(_fit(decoder, train, frame_rate), test) for train, test in folds], behaviours, frame_rate)
            for decoder in family
        ]
        if max(scores) > score + _MARGIN / len(videos) ** 0.5:
            score, best = max(scores), family[int(np.argmax(scores))]
    return _fit(best, videos, frame_rate)


def _families(frequencies: np.ndarray) -> list[list[Decoder]]:
    """Return families of decoders beside the default one, plainest first; transition rates are still to be fitted."""
    full, partial = balancing_weights(frequencies), [balancing_weights(frequencies, power) for power in _LESS_BALANCED]
    return [
        [Decoder(full, smoothing) for smoothing in _SMOOTHINGS_S],
        [Decoder(weights, smoothing) for weights in partial for smoothing in _SMOOTHINGS_S],
        [Decoder(full, 0.0, _UNFITTED, weight) for weight in _TRANSITION_WEIGHTS],
    ]


def _folds(videos: list[_Video]) -> Iterator[tuple[list[_Video], list[_Video]]]:
    """Yield the videos to fit to and the videos to score, fold by fold."""
    folds = min(_MAX_FOLDS, len(videos))
    for fold in range(folds):
        yield [v for i, v in enumerate(videos) if i % folds != fold], videos[fold::folds]


def _fit(decoder: Decoder, videos: list[_Video], frame_rate: float) -> Decoder:
    """Return the decoder with transition rates fitted to the videos, if it has any."""
    if not decoder.transition_rates:
        return decoder
    rates = fit_transition_rates([y for _, y in videos], len(decoder.behaviour_weights), frame_rate)
    return replace(decoder, transition_rates=tuple(map(tuple, rates.tolist())))


def fit_transition_rates(labels: Sequence[np.ndarray], classes: int, frame_rate: float) -> np.ndarray:
    """Count changes per second from each behaviour to each other one.

    Half a change is added to each count, so that no change is impossible.

    Args:
        labels: (time,) int per video, -1 where unscored.
        classes: number of behaviours.
        frame_rate: Hz.

    Returns:
        (behaviour, behaviour) float64, 0 on the diagonal.
    """
    counts = np.zeros((classes, classes))
    for values in labels:
        steps = np.stack([values[:-1], values[1:]])
        steps = steps[:, (steps != UNSCORED).all(0)].astype(np.int64)
        counts += np.bincount(steps[0] * classes + steps[1], minlength=classes**2).reshape(classes, classes)
    seconds = (counts.sum(1, keepdims=True) + classes) / frame_rate
    rates = (counts + 0.5) / seconds
    np.fill_diagonal(rates, 0.0)
    return rates


def _held_out_score(
    fitted: Sequence[tuple[Decoder, list[_Video]]], behaviours: Sequence[str], frame_rate: float
) -> float:
    """Return the mean of the macro F1 of frames and of bouts over all videos, each decoded with its own decoder."""
    classes = len(behaviours)
    frames, bouts = np.zeros((classes, classes)), np.zeros((1, classes, 3))
    for decoder, videos in fitted:
        for probabilities, labels in videos:
            decoded = decoder.decode(probabilities, frame_rate)
            frames += confusion(labels, decoded, classes)
            bouts += bout_counts(labels, decoded, classes, (_BOUT_OVERLAP,))
    frame_f1 = np.nan_to_num(macro_mean(class_scores(frames).f1, behaviours))
    return float(frame_f1 + np.nan_to_num(macro_bout_f1(bouts, behaviours)[0])) / 2
