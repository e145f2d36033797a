"""Choice of an ``ActionDecoder`` on videos that were held out of training.

Each rule maximises the F1 of its behaviour in its laboratory, frames of all videos together, as the MABe-2025 challenge
scores it. Few bouts do not tell a good threshold from a lucky one, so the log odds of a threshold are shrunk towards
those of all laboratories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ssl_behavior.decoding.action_rules import ActionDecoder, ActionRule, log_odds, runs, smooth

_SMOOTHINGS_S = (0.0, 0.1, 0.25, 0.5, 1.0)
_DEFAULT_SMOOTHING = 2
"""Index of the smoothing where none can be chosen."""
_EDGES = np.linspace(-8, 8, 161)
"""Log odds between which thresholds are tried."""
_SHRINKAGE_BOUTS = 10.0
_OWN_SMOOTHING_BOUTS = 30
"""Bouts from which on a behaviour of a laboratory has a smoothing of its own."""
_MOST_PREDICTED = 3.0
"""Frames that are predicted for each true one, at most. For a behaviour that a model cannot tell apart, F1 is greatest
where it is predicted nearly everywhere, which helps nobody."""


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
class UnitCounts:
    """Counts of one unit, to which rules are fitted. A unit is counted once for any number of fits.

    Attributes:
        lab: name of the laboratory.
        counts: behaviour that was looked for -> (smoothing, 2, bin) scored frames by their log odds, those of other
            behaviours first.
        lengths: behaviour -> (bout,) seconds.
    """

    lab: str
    counts: Mapping[int, np.ndarray]
    lengths: Mapping[int, np.ndarray]


def count_unit(unit: DecodedUnit) -> UnitCounts:
    """Count the frames of a pair for every behaviour but the last that was looked for."""
    counts, lengths = {}, {}
    scored = unit.truth >= 0
    for behaviour in np.flatnonzero(unit.asked[:-1]).tolist():
        is_true = unit.truth == behaviour
        lengths[behaviour] = np.array([(stop - start) / unit.frame_rate for start, stop in runs(is_true)])
        counts[behaviour] = np.zeros((len(_SMOOTHINGS_S), 2, len(_EDGES) + 1))
        for number, seconds in enumerate(_SMOOTHINGS_S):
            scores = log_odds(smooth(unit.probabilities[:, behaviour], seconds * unit.frame_rate))
            bins = np.searchsorted(_EDGES, scores[scored])
            for state in (0, 1):
                chosen = bins[is_true[scored] == state]
                counts[behaviour][number, state] = np.bincount(chosen, minlength=len(_EDGES) + 1)
    return UnitCounts(unit.lab, counts, lengths)


def fit_action_decoder(
    units: Sequence[UnitCounts],
    behaviours: Sequence[str],
    shrinkage_bouts: float = _SHRINKAGE_BOUTS,
    smoothings: Sequence[int] = range(len(_SMOOTHINGS_S)),
) -> ActionDecoder:
    """Choose a rule for each behaviour that a laboratory shows, and one for each behaviour over all laboratories.

    Args:
        units: labelled pairs, counted.
        behaviours: the vocabulary; the last one is that of frames in which nothing of interest happens.
        shrinkage_bouts: the rule of all laboratories counts as much as this number of bouts.
        smoothings: indices of the smoothings to choose from.
    """
    rules: dict[tuple[str, str], ActionRule] = {}
    for i, name in enumerate(behaviours[:-1]):
        if (overall := _summed(units, i)) is None:
            continue
        labs = sorted({unit.lab for unit in units} - {""})
        cells = {lab: cell for lab in labs if (cell := _summed([u for u in units if u.lab == lab], i)) is not None}
        # Laboratories count alike, however long their videos are.
        shared = [counts / counts[0, 1].sum() for counts, _ in cells.values()] or [overall[0]]
        chosen, threshold = _best(sum(shared[1:], start=shared[0])[list(smoothings)])
        smoothing = smoothings[chosen]
        rules["", name] = _rule(threshold, smoothing)
        for lab, (counts, lengths) in cells.items():
            share = len(lengths) / (len(lengths) + shrinkage_bouts)
            choices = smoothings if len(lengths) >= _OWN_SMOOTHING_BOUTS else [smoothing]
            chosen, own = _best(counts[list(choices)])
            rules[lab, name] = _rule(share * own + (1 - share) * threshold, choices[chosen])
    return ActionDecoder(tuple(behaviours), rules)


def default_action_decoder(behaviours: Sequence[str], frequencies: np.ndarray) -> ActionDecoder:
    """Return the decoder for a single labelled video, on which no rule can be chosen.

    A threshold lies, in log odds, halfway between one half and the frequency of the behaviour: rare ones need less
    probability, and do not fill the video.

    Args:
        behaviours: the vocabulary; the last one is that of frames in which nothing of interest happens.
        frequencies: (behaviour,) share of each behaviour among the frames in which it was looked for.

    Examples:
        >>> decoder = default_action_decoder(("attack", "other"), np.array([0.1, 0.9]))
        >>> round(decoder.rules["", "attack"].threshold, 2)
        0.25
    """
    middles = log_odds(np.asarray(frequencies, float)) / 2
    rules = {("", name): _rule(middles[i], _DEFAULT_SMOOTHING) for i, name in enumerate(behaviours[:-1])}
    return ActionDecoder(tuple(behaviours), rules)


def _summed(units: Sequence[UnitCounts], behaviour: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the counts and the lengths of bouts of a behaviour over several units; None if it has no bout."""
    asked = [unit for unit in units if behaviour in unit.counts]
    lengths = np.concatenate([unit.lengths[behaviour] for unit in asked]) if asked else np.zeros(0)
    return (np.sum([unit.counts[behaviour] for unit in asked], axis=0), lengths) if len(lengths) else None


def _rule(threshold: float, smoothing: int) -> ActionRule:
    return ActionRule(float(1 / (1 + np.exp(-threshold))), _SMOOTHINGS_S[smoothing])


def _best(counts: np.ndarray) -> tuple[int, float]:
    """Return the smoothing and the threshold, in log odds, of the greatest F1.

    Args:
        counts: (smoothing, 2, bin), as in ``UnitCounts``.
    """
    # Frames of a bin lie above the edge before it.
    above = counts[..., ::-1].cumsum(-1)[..., ::-1][..., 1:]
    true = counts[:, 1].sum(-1, keepdims=True)
    f1 = 2 * above[:, 1] / np.maximum(above.sum(1) + true, 1e-12)
    f1[above.sum(1) > _MOST_PREDICTED * true] = -1
    # The strictest threshold wins a tie: where none is good, nothing is found rather than everything.
    smoothing = int(f1.max(1).argmax())
    edge = len(_EDGES) - 1 - int(f1[smoothing, ::-1].argmax())
    return smoothing, float(_EDGES[edge])
