"""Choice of an ``ActionDecoder`` on videos that were held out of training.

Each rule maximises the F1 of its behaviour in its laboratory, frames of all videos together, as the MABe-2025 challenge
scores it. Few bouts do not tell a good threshold from a lucky one, so the log odds of a threshold are shrunk towards
those of all laboratories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.decoding.action_rules import ActionDecoder, ActionRule, log_odds, runs, smooth

_SMOOTHINGS_S = (0.0, 0.1, 0.25, 0.5, 1.0)
_EDGES = np.linspace(-8, 8, 161)
"""Log odds between which thresholds are tried."""
_SHRINKAGE_BOUTS = 10.0
"""The rule of all laboratories counts as much as this number of bouts."""
_MOST_PREDICTED = 3.0
"""Frames that are predicted for each true one, at most. For a behaviour that a model cannot tell apart, F1 is greatest
where it is predicted nearly everywhere, which helps nobody."""
_SHORTEST = 0.25
"""Least length of a bout, as a share of the tenth percentile of the true lengths."""


@dataclass(frozen=True, eq=False)
class DecodedUnit:
    """A labelled pair of a video with probabilities by a model that was trained on other videos.

    Attributes:
        video: id of the video.
        lab: name of its laboratory; empty if it is unknown.
        frame_rate: Hz.
        probabilities: (time, behaviour) float32.
        truth: (time,) int, -1 where unscored.
        asked: (behaviour,) bool, the behaviours that were looked for.
        group: what copies of a video share.
    """

    video: str
    lab: str
    frame_rate: float
    probabilities: np.ndarray
    truth: np.ndarray
    asked: np.ndarray
    group: str


@dataclass(frozen=True, eq=False)
class _Cell:
    """What is known of a behaviour in one laboratory, or in all.

    Attributes:
        counts: (smoothing, 2, bin) scored frames by their log odds, other frames first, then those of the behaviour.
        lengths: (bout,) seconds.
    """

    counts: np.ndarray
    lengths: np.ndarray


def fit_action_decoder(units: Sequence[DecodedUnit], behaviours: Sequence[str]) -> ActionDecoder:
    """Choose a rule for each behaviour that a laboratory shows, and one for each behaviour over all laboratories.

    Args:
        units: labelled pairs.
        behaviours: the vocabulary; the last one is that of frames in which nothing of interest happens.
    """
    rules: dict[tuple[str, str], ActionRule] = {}
    labs = sorted({unit.lab for unit in units} - {""})
    for i, name in enumerate(behaviours[:-1]):
        cells = {
            lab: cell for lab in labs if (cell := _cell([unit for unit in units if unit.lab == lab], i)) is not None
        }
        if (overall := _cell(units, i)) is None:
            continue
        # Laboratories count alike, however long their videos are.
        shared = [cell.counts / cell.counts[0, 1].sum() for cell in cells.values()] or [overall.counts]
        smoothing, threshold = _best(sum(shared[1:], start=shared[0]))
        rules["", name] = _rule(threshold, smoothing, overall.lengths)
        for lab, cell in cells.items():
            share = len(cell.lengths) / (len(cell.lengths) + _SHRINKAGE_BOUTS)
            own = _best(cell.counts[[smoothing]])[1]
            rules[lab, name] = _rule(share * own + (1 - share) * threshold, smoothing, cell.lengths)
    return ActionDecoder(tuple(behaviours), rules)


def _rule(threshold: float, smoothing: int, lengths: np.ndarray) -> ActionRule:
    shortest = _SHORTEST * float(np.quantile(lengths, 0.1))
    return ActionRule(float(1 / (1 + np.exp(-threshold))), _SMOOTHINGS_S[smoothing], shortest)


def _cell(units: Sequence[DecodedUnit], behaviour: int) -> _Cell | None:
    """Count the frames in which a behaviour was looked for; None if it has none."""
    asked = [unit for unit in units if unit.asked[behaviour]]
    counts = np.zeros((len(_SMOOTHINGS_S), 2, len(_EDGES) + 1))
    lengths: list[float] = []
    for unit in asked:
        scored, is_true = unit.truth >= 0, unit.truth == behaviour
        lengths += [(stop - start) / unit.frame_rate for start, stop in runs(is_true)]
        for number, seconds in enumerate(_SMOOTHINGS_S):
            scores = log_odds(smooth(unit.probabilities[:, behaviour], seconds * unit.frame_rate))
            bins = np.searchsorted(_EDGES, scores[scored])
            for state in (0, 1):
                chosen = bins[is_true[scored] == state]
                counts[number, state] += np.bincount(chosen, minlength=len(_EDGES) + 1)
    return _Cell(counts, np.array(lengths)) if lengths else None


def _best(counts: np.ndarray) -> tuple[int, float]:
    """Return the smoothing and the threshold, in log odds, of the greatest F1.

    Args:
        counts: (smoothing, 2, bin), as in ``_Cell``.
    """
    # Frames of a bin lie above the edge before it.
    above = counts[..., ::-1].cumsum(-1)[..., ::-1][..., 1:]
    true = counts[:, 1].sum(-1, keepdims=True)
    f1 = 2 * above[:, 1] / np.maximum(above.sum(1) + true, 1e-12)
    f1[above.sum(1) > _MOST_PREDICTED * true] = -1
    smoothing, edge = np.unravel_index(int(f1.argmax()), f1.shape)
    return int(smoothing), float(_EDGES[edge])
