"""Cross-validation over videos: what the labelled videos themselves say about settings and scores."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssl_behavior.compute.devices import Precision
from ssl_behavior.decoding import CalibratedDecoder, fit_decoder
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.ensemble import Model, TreeExamples, fit_tree_member
from ssl_behavior.models.inference import Embedded
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.recordings.labels import scored_frames
from ssl_behavior.scoring.calibration import calibrated, expected_calibration_error, fit_temperature
from ssl_behavior.scoring.report import ScoredVideo, score
from ssl_behavior.training.loop import StateFolder
from ssl_behavior.training.supervised import Supervision, train


def choose_reading(
    logits: Sequence[np.ndarray], videos: Sequence[LabelledPoses], behaviours: Sequence[str], frame_rate: float
) -> tuple[CalibratedDecoder, list[ScoredVideo]]:
    """Fit temperature and decoder to held-out logits, and read each video with those that others ask for.

    Args:
        logits: of the videos, held out (see ``cross_validate``).
        videos: labelled.
        behaviours: names of the outputs.
        frame_rate: Hz of the logits.

    Returns:
        What is fitted to all of them; and every video as it is read with what was fitted to others.
    """

    def fitted(chosen: Sequence[int]) -> CalibratedDecoder:
        truth, chosen_logits = [videos[i].labels for i in chosen], [logits[i] for i in chosen]
        shares = frequencies([videos[i] for i in chosen], len(behaviours))
        temperature = fit_temperature(np.concatenate(chosen_logits), np.concatenate(truth), shares)
        probabilities = [calibrated(one, temperature, shares) for one in chosen_logits]
        decoder = fit_decoder(probabilities, truth, behaviours, frame_rate, shares)
        return CalibratedDecoder(tuple(shares.tolist()), temperature, decoder)

    read: dict[int, ScoredVideo] = {}
    for held_out in folds_by_video(videos, len(behaviours), folds=5):
        reading = fitted([i for i in range(len(videos)) if i not in held_out])
        for i in held_out:
            probabilities = reading.probabilities(logits[i])
            found = reading.decoder.decode(probabilities, frame_rate)
            read[i] = ScoredVideo(videos[i].poses.id, videos[i].labels, found, probabilities, frame_rate)
    return fitted(range(len(videos))), [read[i] for i in range(len(videos))]


def cross_validation_report(
    logits: Sequence[np.ndarray], reading: CalibratedDecoder, read: Sequence[ScoredVideo], behaviours: Sequence[str]
) -> dict[str, Any]:
    """Scores of the held-out videos and what was chosen (see ``choose_reading``), as plain values.

    ``temperature`` is what logits are divided by, and ``expected_calibration_error_without_temperature`` is what it is
    there to lower; ``decoder`` is as in ``Decoder``, its behaviours in the order of ``classes``.
    """
    report = score(read, behaviours)
    truth = np.concatenate([video.truth for video in read])
    raw = calibrated(np.concatenate(logits), 1.0, np.array(reading.frequencies))
    return report | {
        "temperature": reading.temperature,
        "decoder": reading.decoder.to_dict(),
        "expected_calibration_error_without_temperature": expected_calibration_error(truth, raw),
    }


def folds_by_video(videos: Sequence[LabelledPoses], behaviours: int, folds: int) -> list[list[int]]:
    """Indices of held-out videos per fold; each behaviour's frames are spread over the folds, the rarest first."""
    counts = np.array([scored_frames(video.labels, behaviours) for video in videos], float)
    shares = counts / np.maximum(counts.sum(0), 1)
    held_out: list[list[int]] = [[] for _ in range(min(folds, len(videos)))]
    load = np.zeros((len(held_out), behaviours))
    rarity = 1 / np.maximum(counts.sum(0), 1)
    for video in np.argsort(-(counts @ rarity), kind="stable"):
        sizes = np.array([len(fold) for fold in held_out])
        open_folds = np.flatnonzero(sizes == sizes.min())
        fold = open_folds[np.argmin((load[open_folds] * shares[video]).sum(1))]
        held_out[fold].append(int(video))
        load[fold] += shares[video]
    return held_out


def cross_validate(
    classifier: Classifier,
    videos: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    settings: Supervision,
    seed: int,
    precision: Precision,
    embedded: Embedded | None = None,
    examples: Sequence[TreeExamples] = (),
    keep: StateFolder | None = None,
) -> list[np.ndarray]:
    """Logits of every video, as of ``Model.logits``, by a model trained on other videos. Two videos or more.

    Args:
        classifier: the start of every fold; left as it is.
        videos: labelled.
        behaviours: names of the outputs.
        settings: how.
        seed: of all random numbers.
        precision: of the forward pass.
        embedded: embeddings of the videos by the frozen encoder, to train heads alone.
        examples: of the videos, for trees; without any there are none.
        keep: where the trainings' states are kept, to go on from after an interruption; nowhere by default.

    Returns:
        Per video, (time, behaviour).
    """
    logits = [np.empty(0)] * len(videos)
    held_out_videos = folds_by_video(videos, len(behaviours), settings.folds)
    for number, held_out in enumerate(held_out_videos, 1):
        description = f"cross-validation {number}/{len(held_out_videos)}"
        taught = [i for i in range(len(videos)) if i not in held_out]
        model, trees = copy.deepcopy(classifier), None
        if examples:
            parts = [examples[i] for i in taught]
            trees = fit_tree_member(parts, len(behaviours), settings.trees, seed + number, f"{description}, trees")
        part = keep and keep.part(f"fold{number}")
        train(model, [videos[i] for i in taught], settings, seed + number, precision, embedded, description, part)
        for i in held_out:
            logits[i] = Model(model, trees).logits(videos[i], embedded)
    return logits
