"""Cross-validation over videos: the folds, and the calibration and scores that held-out logits give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssl_behavior.decoding import CalibratedDecoder, default_decoder, fit_decoder
from ssl_behavior.poses.labelled import LabelledPoses, behaviour_counts, frequencies
from ssl_behavior.scoring.calibration import calibrate, expected_calibration_error, fit_temperature
from ssl_behavior.scoring.report import ScoredVideo, score
from ssl_behavior.scoring.time_budgets import held_out_budgets

_DECODER_FOLDS = 5
_FEWEST_TO_CHOOSE = 10
"""Fewest videos on which a decoder is chosen."""
_SHRINKAGE_VIDEOS = 3.0
"""The guess that no temperature is needed counts as much as this number of videos."""


def fit_calibrated_decoder(
    logits: Sequence[np.ndarray], videos: Sequence[LabelledPoses], behaviours: Sequence[str], frame_rate: float
) -> tuple[CalibratedDecoder, list[ScoredVideo]]:
    """Fit a temperature and a decoder to held-out logits, and estimate how well they do on new videos.

    Few videos do not tell a good choice from a lucky one. So the logarithm of the temperature is shrunk, by half for
    three videos, and with fewer than ten videos the decoder is the default one (``default_decoder``;
    ``experiments/dyads/decoder_choice.md`` compares them).

    The estimate is a cross-validation of its own: each video is decoded with a temperature and a decoder that were
    fitted to other videos.

    Args:
        logits: (time, behaviour) of each video, from a model that was trained on other videos (see ``cross_validate``).
        videos: two or more labelled videos.
        behaviours: names of the outputs.
        frame_rate: frame rate of the logits, in Hz.

    Returns:
        The decoder, fitted to all videos; and each video with the labels of a decoder that was fitted to others.
    """

    def fitted(chosen: Sequence[int]) -> CalibratedDecoder:
        truth, chosen_logits = [videos[i].labels for i in chosen], [logits[i] for i in chosen]
        shares = frequencies([videos[i] for i in chosen], len(behaviours))
        best = fit_temperature(np.concatenate(chosen_logits), np.concatenate(truth), shares)
        temperature = shrunk_temperature(best, len(chosen))
        if len(videos) < _FEWEST_TO_CHOOSE:
            return CalibratedDecoder(tuple(shares.tolist()), temperature, default_decoder(shares))
        probabilities = [calibrate(values, temperature, shares) for values in chosen_logits]
        decoder = fit_decoder(probabilities, truth, behaviours, frame_rate, shares)
        return CalibratedDecoder(tuple(shares.tolist()), temperature, decoder)

    decoded: dict[int, ScoredVideo] = {}
    for held_out in folds_by_video(videos, len(behaviours), _DECODER_FOLDS):
        calibrated_decoder = fitted([i for i in range(len(videos)) if i not in held_out])
        for i in held_out:
            probabilities = calibrated_decoder.probabilities(logits[i])
            labels = calibrated_decoder.decoder.decode(probabilities, frame_rate)
            decoded[i] = ScoredVideo(videos[i].poses.id, videos[i].labels, labels, probabilities, frame_rate)
    return fitted(range(len(videos))), [decoded[i] for i in range(len(videos))]


def shrunk_temperature(fitted: float, videos: int) -> float:
    """Return a temperature that was fitted to so many videos, shrunk towards 1.

    Examples:
        >>> shrunk_temperature(4.0, videos=3)
        2.0
    """
    return float(fitted ** (videos / (videos + _SHRINKAGE_VIDEOS)))


def cross_validation_report(
    logits: Sequence[np.ndarray],
    calibrated_decoder: CalibratedDecoder,
    decoded: Sequence[ScoredVideo],
    behaviours: Sequence[str],
    training_share: float,
) -> dict[str, Any]:
    """Return the scores of the held-out videos, and the chosen temperature and decoder, as plain values.

    ``temperature`` divides the logits; ``expected_calibration_error_without_temperature`` shows what that gains.
    ``decoder`` has the fields of ``Decoder``, its behaviours in the order of ``classes``. ``time_budgets`` has the true
    and the estimated shares of each video, in the same order.

    Args:
        logits: as given to ``fit_calibrated_decoder``.
        calibrated_decoder: first result of ``fit_calibrated_decoder``.
        decoded: second result of ``fit_calibrated_decoder``.
        behaviours: names of the outputs.
        training_share: share of the videos that the models behind the logits saw.
    """
    report = score(decoded, behaviours, training_share=training_share)
    truth = np.concatenate([video.truth for video in decoded])
    raw = calibrate(np.concatenate(logits), 1.0, np.array(calibrated_decoder.frequencies))
    return report | {
        "temperature": calibrated_decoder.temperature,
        "decoder": calibrated_decoder.decoder.to_dict(),
        "time_budgets": held_out_budgets(decoded, behaviours),
        "expected_calibration_error_without_temperature": expected_calibration_error(truth, raw),
    }


def folds_by_video(videos: Sequence[LabelledPoses], behaviours: int, folds: int) -> list[list[int]]:
    """Deal whole videos into folds of nearly equal size, so that each behaviour's frames are spread over the folds.

    Videos with rare behaviours are dealt first, while all folds are still open to them. All labelled pairs of a video
    go to one fold, and so do copies of its tracks under another name.

    Args:
        videos: labelled videos.
        behaviours: number of behaviours.
        folds: number of folds; as many as videos if there are fewer videos.

    Returns:
        Indices of the held-out videos of each fold.
    """
    copies = list(_copies(videos).values())
    counts = np.array([behaviour_counts([videos[i] for i in of_one], behaviours).sum(0) for of_one in copies], float)
    shares = counts / np.maximum(counts.sum(0), 1)
    held_out: list[list[int]] = [[] for _ in range(min(folds, len(copies)))]
    load = np.zeros((len(held_out), behaviours))
    rarity = 1 / np.maximum(counts.sum(0), 1)
    for video in np.argsort(-(counts @ rarity), kind="stable"):
        sizes = np.array([len(fold) for fold in held_out])
        open_folds = np.flatnonzero(sizes == sizes.min())
        fold = open_folds[np.argmin((load[open_folds] * shares[video]).sum(1))]
        held_out[fold].append(int(video))
        load[fold] += shares[video]
    return [[i for video in fold for i in copies[video]] for fold in held_out]


def _copies(videos: Sequence[LabelledPoses]) -> dict[str, list[int]]:
    """Return the numbers of the entries that share their tracks: pairs of one video, or a video that is there twice."""
    fingerprint_of = {id(video.poses): video.poses.fingerprint() for video in videos}
    copies: dict[str, list[int]] = {}
    for i, video in enumerate(videos):
        copies.setdefault(fingerprint_of[id(video.poses)], []).append(i)
    return copies
