"""Fine-tuning on labels of ordered pairs: train, calibrate, and fit a decoder per laboratory and behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssl_behavior.compute.devices import Precision
from ssl_behavior.decoding import DecodedUnit, count_unit, default_action_decoder, fit_action_decoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.heads import UNASKED
from ssl_behavior.models.pair_scheme import PairScheme, Shown
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.recordings.annotations import OTHER
from ssl_behavior.scoring.calibration import calibrate, fit_temperature
from ssl_behavior.scoring.pair_report import ScoredPair
from ssl_behavior.training.cross_validation import shrunk_temperature
from ssl_behavior.training.finetuning import train_model
from ssl_behavior.training.supervised import Supervision

_DECODER_FOLDS = 5
_CALIBRATED_FRAMES = 200_000
"""Frames to fit a temperature to, at most: one number needs no more."""


@dataclass(frozen=True, eq=False)
class PairResult:
    """A model of pairs, with what it said of held-out videos.

    Attributes:
        model: the networks and trees.
        scheme: the meaning of their outputs.
        held_out: each labelled pair with its labels by models and decoders that were fitted to other videos; empty for
            a single video.
    """

    model: Model
    scheme: PairScheme
    held_out: list[ScoredPair]


def finetune_pairs(
    encoder: Encoder,
    units: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    shown: Mapping[str, Shown],
    settings: Supervision,
    seed: int,
    precision: Precision,
    from_scratch: bool = False,
    state_folder: Path | None = None,
    members: int = 1,
    unscored: Sequence[str] = (),
) -> PairResult:
    """Fit a model to the labels of pairs.

    Laboratories are told apart where there are several: the network has habits for each, the trees have a column for
    each, and the decoder has rules for each.

    Args:
        encoder: pretrained encoder on the device to compute on; it is not changed.
        units: labelled pairs, video by video.
        behaviours: names of the labels, ``OTHER`` last.
        shown: laboratory -> the behaviours that its annotators marked; "" for those of all.
        settings: settings of the training.
        seed: seed of all random numbers.
        precision: precision of the encoder, in training and in the resulting model.
        from_scratch: start from a fresh encoder of the same architecture.
        state_folder: where the trainings save their states, so that an interrupted run can be resumed.
        members: number of networks, as in ``train_model``.
        unscored: behaviours of the annotations that were left out.
    """
    labs = tuple(sorted({unit.lab for unit in units} - {""}))
    model, logits = train_model(
        encoder, units, behaviours, settings, seed, precision, from_scratch, state_folder, members,
        labs if len(labs) > 1 else (),
    )  # fmt: skip
    held_out, temperature, shares = calibrated_units(units, logits, behaviours)
    decoder = default_action_decoder(behaviours, shares)
    if held_out:
        decoder = fit_action_decoder([count_unit(unit) for unit in held_out], behaviours)
    pairs = tuple(dict.fromkeys(unit.pair for unit in units if unit.pair is not None))
    scheme = PairScheme(
        tuple(behaviours), OTHER, shown, pairs, tuple(unscored), tuple(shares.tolist()), temperature, decoder
    )
    return PairResult(model, scheme, decode_held_out(held_out, behaviours))


def calibrated_units(
    units: Sequence[LabelledPoses], logits: Sequence[np.ndarray], behaviours: Sequence[str]
) -> tuple[list[DecodedUnit], float, np.ndarray]:
    """Turn the logits of held-out pairs into calibrated probabilities.

    Args:
        units: labelled pairs.
        logits: (time, behaviour) of each, by models that were trained on other videos; none for a single video.
        behaviours: names of the labels.

    Returns:
        The pairs with their probabilities; the temperature; and (behaviour,) the share of each behaviour among the
        frames in which it was looked for.
    """
    shares = frequencies(units, len(behaviours))
    temperature = _temperature(logits, units, shares) if logits else 1.0
    everything = np.ones(len(behaviours), bool)
    fingerprints = {id(unit.poses): unit.poses.fingerprint() for unit in units}
    decoded = []
    for unit, values in zip(units, logits, strict=bool(logits)):
        asked = everything if unit.asked is None else unit.asked
        probabilities = calibrate(np.where(asked, values, UNASKED), temperature, shares)
        group = fingerprints[id(unit.poses)]
        decoded.append(
            DecodedUnit(unit.poses.id, unit.lab, unit.poses.frame_rate, probabilities, unit.labels, asked, group)
        )
    return decoded, temperature, shares


def decode_held_out(units: Sequence[DecodedUnit], behaviours: Sequence[str]) -> list[ScoredPair]:
    """Decode each labelled pair with a decoder that was fitted to other videos.

    Args:
        units: pairs with probabilities by models that were trained on other videos.
        behaviours: names of the labels.

    Returns:
        As many, in the same order; none for a single video.
    """
    groups = list(dict.fromkeys(unit.group for unit in units))
    folds = min(_DECODER_FOLDS, len(groups))
    if folds < 2:
        return []
    decoded: dict[int, ScoredPair] = {}
    counts = [count_unit(unit) for unit in units]
    for fold in range(folds):
        held_out = set(groups[fold::folds])
        others = [counts[i] for i, unit in enumerate(units) if unit.group not in held_out]
        decoder = fit_action_decoder(others, behaviours)
        for i, unit in enumerate(units):
            if unit.group in held_out:
                labels = decoder.decode(unit.probabilities, unit.frame_rate, unit.lab, unit.asked)
                decoded[i] = ScoredPair(unit.video, unit.lab, unit.truth, labels)
    return [decoded[i] for i in range(len(units))]


def _temperature(logits: Sequence[np.ndarray], units: Sequence[LabelledPoses], shares: np.ndarray) -> float:
    step = max(1, sum(map(len, logits)) // _CALIBRATED_FRAMES)
    values = np.concatenate([each[::step] for each in logits])
    labels = np.concatenate([unit.labels[::step] for unit in units])
    return shrunk_temperature(fit_temperature(values, labels, shares), len({unit.poses.id for unit in units}))
