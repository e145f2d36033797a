"""The choice of a decoder on frames of videos that were held out of training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ssl_behavior.decoding.decoder import Decoder, log_scores
from ssl_behavior.recordings import UNSCORED
from ssl_behavior.scoring.bouts import bout_counts, macro_bout_f1
from ssl_behavior.scoring.frames import class_scores, confusion, macro_mean

# A more elaborate decoder must score this much more than the plainer one on held-out videos to be chosen.
MARGIN = 0.005
_BOUT_OVERLAP = 0.25
_SMOOTHINGS_S = (0.1, 0.25, 0.5, 1.0)
_TRANSITION_WEIGHTS = (1.0, 4.0, 16.0)
_BIASES = np.linspace(-2.0, 2.0, 17)
_SWEEPS = 3
_FOLDS = 5
# Frames that follow each other are alike: thresholds need no more than these.
_FRAMES_FOR_BIAS = 60_000

_Video = tuple[np.ndarray, np.ndarray]


def fit_decoder(
    probabilities: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    behaviours: Sequence[str],
    frame_rate: float,
) -> Decoder:
    """Choose a decoder by macro F1 on held-out videos: the mean of that of frames and of that of bouts.

    Of bouts too, as frames alone hardly tell labels that flicker from labels that do not; a bout counts as found from
    an overlap of ``_BOUT_OVERLAP``. From plain to elaborate: most probable class; smoothing; biases; biases and
    smoothing; biases and a most probable path. Each is
    fitted on some of the videos and scored on the others (at most five folds), as thresholds tuned on few videos fit
    their accidents; a step up is taken only for a gain above ``MARGIN``. What is chosen is then fitted on all
    videos. One video alone cannot check anything and gets the plain decoder. There is no smallest bout length: a path
    whose changes cost something has few short bouts without a rule that forbids true ones.

    Args:
        probabilities: per video, (time, behaviour), from a model that was not trained on that video.
        labels: per video, (time,) int, -1 where unscored.
        behaviours: names; ``other`` stays out of the mean.
        frame_rate: Hz.
    """
    videos = [(p, y) for p, y in zip(probabilities, labels, strict=True) if (y != UNSCORED).any()]
    if len(videos) < 2:
        return Decoder()
    best = Decoder()
    score = _held_out_score([(best, videos)], behaviours, frame_rate)
    for family in _families():
        fitted = [
            (_fit(shape, train, behaviours, frame_rate), test) for shape in family for train, test in _folds(videos)
        ]
        per_shape = len(fitted) // len(family)
        scores = [
            _held_out_score(fitted[i * per_shape : (i + 1) * per_shape], behaviours, frame_rate)
            for i in range(len(family))
        ]
        if max(scores) > score + MARGIN:
            score, best = max(scores), family[int(np.argmax(scores))]
    return best if best == Decoder() else _fit(best, videos, behaviours, frame_rate)


def _families() -> list[list[Decoder]]:
    """Shapes of decoders, plainest first; a bias or rate of (0,) or ((0,),) stands for one that is to be fitted."""
    return [
        [Decoder((), smoothing) for smoothing in _SMOOTHINGS_S],
        [Decoder((0.0,))],
        [Decoder((0.0,), smoothing) for smoothing in _SMOOTHINGS_S],
        [Decoder((0.0,), 0.0, ((0.0,),), weight) for weight in _TRANSITION_WEIGHTS],
    ]


def _folds(videos: list[_Video]) -> Iterator[tuple[list[_Video], list[_Video]]]:
    folds = min(_FOLDS, len(videos))
    for fold in range(folds):
        yield [v for i, v in enumerate(videos) if i % folds != fold], videos[fold::folds]


def _fit(shape: Decoder, videos: list[_Video], behaviours: Sequence[str], frame_rate: float) -> Decoder:
    bias: tuple[float, ...] = ()
    if shape.log_bias:
        stride = max(1, sum(len(y) for _, y in videos) // _FRAMES_FOR_BIAS)
        scores = np.concatenate([log_scores(p, shape.smoothing_s * frame_rate)[::stride] for p, _ in videos])
        bias = tuple(_fit_bias(scores, np.concatenate([y[::stride] for _, y in videos]), behaviours).tolist())
    rates: tuple[tuple[float, ...], ...] = ()
    if shape.transition_rates:
        rates = tuple(map(tuple, fit_transition_rates([y for _, y in videos], len(behaviours), frame_rate).tolist()))
    return Decoder(bias, shape.smoothing_s, rates, shape.transition_weight)


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


def _fit_bias(scores: np.ndarray, labels: np.ndarray, behaviours: Sequence[str]) -> np.ndarray:
    """One bias per behaviour by coordinate search over a grid; of equally good ones the nearest to 0."""
    scored = labels != UNSCORED
    scores, labels = scores[scored], labels[scored]
    bias = np.zeros(len(behaviours))
    if len(behaviours) < 2:
        return bias
    grid = _BIASES[np.argsort(np.abs(_BIASES), kind="stable")]
    for _ in range(_SWEEPS):
        before = bias.copy()
        for i in range(len(behaviours)):
            found = macro_mean(class_scores(_confusions(scores + bias, labels, i, grid - bias[i])).f1, behaviours)
            bias[i] = grid[int(np.argmax(np.round(np.nan_to_num(found), 6)))]
        if (bias == before).all():
            break
    return bias - np.median(bias)


def _confusions(scores: np.ndarray, labels: np.ndarray, column: int, added: np.ndarray) -> np.ndarray:
    """Confusion counts (step, class, class) if ``added[step]`` is added to one column, all steps in one pass.

    A frame goes to the column as soon as what is added exceeds the lead of the best other class.
    """
    classes = scores.shape[1]
    others = scores.copy()
    others[:, column] = -np.inf
    rival = others.argmax(1)
    lead = others[np.arange(len(scores)), rival] - scores[:, column]
    order = np.argsort(added)
    step = np.searchsorted(added[order], lead, side="left")
    index = (step * classes + labels) * classes + rival
    counts = np.bincount(index, minlength=(len(added) + 1) * classes**2).reshape(-1, classes, classes)
    taken = np.cumsum(counts, axis=0)[:-1]
    confusions = counts.sum(0) - taken
    confusions[:, :, column] += taken.sum(2)
    unsorted = np.empty_like(confusions)
    unsorted[order] = confusions
    return unsorted


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
