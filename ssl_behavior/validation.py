"""Cross-validation over videos: what the labelled videos themselves say about settings and scores."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssl_behavior.decoding import Decoder, fit_decoder
from ssl_behavior.heads import Classifier
from ssl_behavior.recordings import UNSCORED
from ssl_behavior.scoring.calibration import calibrated, expected_calibration_error, fit_temperature
from ssl_behavior.scoring.frames import macro_f1
from ssl_behavior.scoring.report import ScoredVideo, score
from ssl_behavior.supervision import Embedded, LabelledPoses, Supervision, train, video_logits
from ssl_behavior.training import Precision


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What held-out training videos say.

    Attributes:
        steps: number of steps with the best macro F1.
        macro_f1: by number of steps, each frame labelled with its most probable behaviour.
        logits: per video (time, behaviour), from the model of these steps that never saw the video.
    """

    steps: int
    macro_f1: dict[int, float]
    logits: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class ChosenReadout:
    """How held-out logits are best read.

    Attributes:
        temperature: that calibrates all of them.
        decoder: chosen and fitted on all of them.
        videos: every video read with a temperature and a decoder that were fitted to the other videos.
    """

    temperature: float
    decoder: Decoder
    videos: list[ScoredVideo]


def choose_readout(
    checked: CrossValidation, videos: Sequence[LabelledPoses], behaviours: Sequence[str], frame_rate: float
) -> ChosenReadout:
    """Fit temperature and decoder to held-out logits, and read each video with those that others ask for.

    Args:
        checked: held-out logits of the videos.
        videos: labelled.
        behaviours: names of the outputs.
        frame_rate: Hz of the logits.
    """

    def fitted(chosen: Sequence[int]) -> tuple[float, Decoder]:
        truth = [videos[i].labels for i in chosen]
        temperature = fit_temperature(np.concatenate([checked.logits[i] for i in chosen]), np.concatenate(truth))
        probabilities = [calibrated(checked.logits[i], temperature) for i in chosen]
        return temperature, fit_decoder(probabilities, truth, behaviours, frame_rate)

    read: dict[int, ScoredVideo] = {}
    for held_out in folds_by_video(videos, len(behaviours), folds=5):
        temperature, decoder = fitted([i for i in range(len(videos)) if i not in held_out])
        for i in held_out:
            probabilities = calibrated(checked.logits[i], temperature)
            found = decoder.decode(probabilities, frame_rate)
            read[i] = ScoredVideo(videos[i].poses.id, videos[i].labels, found, probabilities, frame_rate)
    return ChosenReadout(*fitted(range(len(videos))), [read[i] for i in range(len(videos))])


def cross_validation_report(
    checked: CrossValidation, chosen: ChosenReadout, behaviours: Sequence[str]
) -> dict[str, Any]:
    """Scores of the held-out videos and what was chosen, as plain values."""
    report = score(chosen.videos, behaviours)
    truth = np.concatenate([video.truth for video in chosen.videos])
    raw = calibrated(np.concatenate(checked.logits), 1.0)
    return report | {
        "steps": checked.steps,
        "macro_f1_by_steps": checked.macro_f1,
        "temperature": chosen.temperature,
        "decoder": chosen.decoder.to_dict(),
        "expected_calibration_error_before": expected_calibration_error(truth, raw),
    }


def folds_by_video(videos: Sequence[LabelledPoses], behaviours: int, folds: int) -> list[list[int]]:
    """Indices of held-out videos per fold; each behaviour's frames are spread over the folds, the rarest first."""
    counts = np.array([np.bincount(v.labels[v.labels != UNSCORED], minlength=behaviours) for v in videos], float)
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
) -> CrossValidation:
    """Train on all folds but one, look at the one, and choose the number of steps. Two videos or more.

    Args:
        classifier: the start of every fold; left as it is.
        videos: labelled.
        behaviours: names of the outputs.
        settings: how.
        seed: of all random numbers.
        precision: of the forward pass.
        embedded: embeddings of the videos by the frozen encoder, to train heads alone.
    """
    candidates = sorted({max(1, round(settings.steps * share)) for share in (0.25, 0.5, 0.75, 1.0)})
    logits: dict[int, list[np.ndarray]] = {steps: [np.empty(0)] * len(videos) for steps in candidates}
    held_out_videos = folds_by_video(videos, len(behaviours), settings.folds)
    for number, held_out in enumerate(held_out_videos, 1):
        model = copy.deepcopy(classifier)

        def at(step: int, model: Classifier = model, held_out: list[int] = held_out) -> None:
            if step in logits:
                for i in held_out:
                    logits[step][i] = video_logits(model, videos[i], embedded)

        train(
            model,
            [video for i, video in enumerate(videos) if i not in held_out],
            settings,
            settings.steps,
            seed + number,
            precision,
            embedded,
            at,
            f"cross-validation {number}/{len(held_out_videos)}",
        )
    truth = np.concatenate([video.labels for video in videos])
    scores = {steps: macro_f1(truth, np.concatenate(parts).argmax(1), behaviours) for steps, parts in logits.items()}
    best = max(scores, key=lambda steps: scores[steps])
    return CrossValidation(best, scores, logits[best])
