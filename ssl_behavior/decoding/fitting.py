"""The choice of a decoder on frames of videos that were held out of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ssl_behavior.decoding.balance import balance
from ssl_behavior.decoding.decoder import Decoder
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.scoring.bouts import bout_counts, macro_bout_f1
from ssl_behavior.scoring.frames import class_scores, confusion, macro_mean

# A more elaborate decoder must score this much more than the plainer one, over the square root of the number of videos:
# a gain on three videos is more often an accident than one on thirty.
_MARGIN = 0.03
_BOUT_OVERLAP = 0.25
_SMOOTHINGS_S = (0.1, 0.25, 0.5, 1.0)
_TRANSITION_WEIGHTS = (1.0, 4.0, 16.0)
_LESS_BALANCED = (0.5, 0.0)
_FOLDS = 5

_Video = tuple[np.ndarray, np.ndarray]


def fit_decoder(
    probabilities: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    behaviours: Sequence[str],
    frame_rate: float,
    frequencies: np.ndarray,
) -> Decoder:
    """Choose a decoder by macro F1 on held-out videos: the mean of that of frames and of that of bouts.

    Of bouts too, as frames alone hardly tell labels that flicker from labels that do not; a bout counts as found from
    an overlap of ``_BOUT_OVERLAP``. From plain to elaborate: the balanced decision (``balance``); smoothing; less
    balance; a most probable path. What is fitted is fitted on some of the videos and scored on the others (at most five
    folds); a step up is taken only for a gain above a margin. One video alone cannot check anything and gets the plain
    decoder. There is no smallest bout length: a path whose changes cost something has few short bouts without a rule
    that forbids true ones.

    Args:
        probabilities: per video, (time, behaviour), from a model that was not trained on that video.
        labels: per video, (time,) int, -1 where unscored.
        behaviours: names; ``other`` stays out of the mean.
        frame_rate: Hz.
        frequencies: (behaviour,) share of each behaviour in training.
    """
    videos = [(p, y) for p, y in zip(probabilities, labels, strict=True) if (y != UNSCORED).any()]
    best = Decoder(balance(frequencies))
    if len(videos) < 2:
        return best
    folds = list(_folds(videos))
    score = _held_out_score([(best, videos)], behaviours, frame_rate)
    for family in _families(frequencies):
        scores = [
            _held_out_score([(_fit(shape, train, frame_rate), test) for train, test in folds], behaviours, frame_rate)
            for shape in family
        ]
        if max(scores) > score + _MARGIN / len(videos) ** 0.5:
            score, best = max(scores), family[int(np.argmax(scores))]
    return _fit(best, videos, frame_rate)


def _families(frequencies: np.ndarray) -> list[list[Decoder]]:
    """Shapes of decoders, plainest first; rates of ((0,),) stand for some that are to be fitted."""
    whole, less = balance(frequencies), [balance(frequencies, power) for power in _LESS_BALANCED]
    return [
        [Decoder(whole, smoothing) for smoothing in _SMOOTHINGS_S],
        [Decoder(weights, smoothing) for weights in less for smoothing in (0.0, *_SMOOTHINGS_S)],
        [Decoder(whole, 0.0, ((0.0,),), weight) for weight in _TRANSITION_WEIGHTS],
    ]


def _folds(videos: list[_Video]) -> Iterator[tuple[list[_Video], list[_Video]]]:
    folds = min(_FOLDS, len(videos))
    for fold in range(folds):
        yield [v for i, v in enumerate(videos) if i % folds != fold], videos[fold::folds]


def _fit(shape: Decoder, videos: list[_Video], frame_rate: float) -> Decoder:
    if not shape.transition_rates:
        return shape
    rates = fit_transition_rates([y for _, y in videos], len(shape.behaviour_weights), frame_rate)
    return replace(shape, transition_rates=tuple(map(tuple, rates.tolist())))


def fit_transition_rates(labels: Sequence[np.ndarray], classes: int, frame_rate: float) -> np.ndarray:
    """Changes per second from each behaviour to each other one, half a change added so that none is impossible.

    Args:
        labels: per video, (time,) int, -1 where unscored.
        classes: how many behaviours.
        frame_rate: Hz.

    Returns:
        (behaviour, behaviour) float64, 0 on the diagonal.
    """
    counts = np.zeros((classes, classes))
    for values in labels:
        pairs = np.stack([values[:-1], values[1:]])
        pairs = pairs[:, (pairs != UNSCORED).all(0)].astype(np.int64)
        counts += np.bincount(pairs[0] * classes + pairs[1], minlength=classes**2).reshape(classes, classes)
    seconds = (counts.sum(1, keepdims=True) + classes) / frame_rate
    rates = (counts + 0.5) / seconds
    np.fill_diagonal(rates, 0.0)
    return rates


def _held_out_score(
    fitted: Sequence[tuple[Decoder, list[_Video]]], behaviours: Sequence[str], frame_rate: float
) -> float:
    classes = len(behaviours)
    frames, bouts = np.zeros((classes, classes)), np.zeros((1, classes, 3))
    for decoder, videos in fitted:
        for probabilities, labels in videos:
            found = decoder.decode(probabilities, frame_rate)
            frames += confusion(labels, found, classes)
            bouts += bout_counts(labels, found, classes, (_BOUT_OVERLAP,))
    of_frames = np.nan_to_num(macro_mean(class_scores(frames).f1, behaviours))
    return float(of_frames + np.nan_to_num(macro_bout_f1(bouts, behaviours)[0])) / 2
