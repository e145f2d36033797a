"""``ssl-behavior finetune``: learn behaviours from few labelled videos, on a pretrained encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ssl_behavior.cli import run
from ssl_behavior.compute.devices import choose_device
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.models import checkpoints
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.labelled import LabelledPoses, describe_shares
from ssl_behavior.quality.suspicions import QualityInput, print_warnings
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.report import table
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.training.cross_validation import cross_validation_report
from ssl_behavior.training.finetuning import FinetuneResult, learn
from ssl_behavior.training.inputs import LearningConfig, labelled_poses

_SCORES = "cross_validation.json"


@dataclass(frozen=True)
class FinetuneConfig(LearningConfig):
    """Settings of fine-tuning.

    Attributes:
        output: folder for the model.
        train_videos: use only this many of the labelled videos, chosen by the seed.
        from_scratch: start from random weights in place of the pretrained ones, to see what pretraining adds.
    """

    output: Path = Path("runs/model")
    train_videos: int | None = None
    from_scratch: bool = False


def finetune(config: FinetuneConfig) -> dict[str, Any]:
    """Fit a model to the labelled videos and write it to ``config.output``.

    Cross-validation over the videos chooses the temperature and the decoder; then all videos are
    trained on.

    Returns:
        the cross-validation's report: what to expect on new videos of the same kind; empty for a single video.

    Raises:
        InputError: encoder, recordings and annotations do not go together, or the output is taken.
    """
    device = choose_device(config.device)
    with run_folder.writing(config) as output:
        return _finetune(output, device, config)


def _finetune(output: Path, device: torch.device, config: FinetuneConfig) -> dict[str, Any]:
    encoder = checkpoints.load_encoder(config.encoder).to(device)
    recordings = _some(config.read_labelled(), config)
    ((channel, labels),) = recordings[0].labels.items()
    seconds = config.supervision.clip_seconds
    videos = labelled_poses(recordings, channel, encoder, seconds, config.skip_bad_files)
    units = {one.id: one.unit for one in recordings}
    known = checkpoints.load_vitals(config.encoder)
    looked = [QualityInput(one.poses, units[one.poses.id], one.labels) for one in videos]
    print_warnings(looked, config.encoder, encoder.landmarks, known)
    rate = encoder.preparation.frame_rate
    _tell(videos, labels.behaviours, rate, device)
    learned = learn(
        encoder, videos, labels.behaviours, config.supervision, config.seed, config.precision, config.from_scratch,
        keep=output / run_folder.UNFINISHED,
    )  # fmt: skip
    report = _report(learned, labels.behaviours, rate)
    scheme = LabelScheme(labels.behaviours, channel, labels.pair, config.unscored, learned.calibrated_decoder)
    checkpoints.save_model(output, learned.model, scheme, known)
    run.save_settings(config, output / "settings.yaml")
    scores = output / _SCORES
    scores.unlink(missing_ok=True)  # those of a former model, which may have had more videos
    if report:
        write_text(scores, json.dumps(report, indent=1) + "\n")
    return report


def _tell(videos: Sequence[LabelledPoses], behaviours: Sequence[str], rate: float, device: torch.device) -> None:
    scored = sum(int((video.labels != UNSCORED).sum()) for video in videos)
    what = f"scored frames: {scored:,} at {rate:g} Hz ({describe_shares(videos, behaviours)})"
    print(f"labelled videos: {len(videos)}; {what}; on {device.type}")
    if len(videos) == 1:
        print(
            "one labelled video cannot be cross-validated: no calibration, a little smoothing, and no score to expect"
        )


def _report(learned: FinetuneResult, behaviours: Sequence[str], rate: float) -> dict[str, Any]:
    """What cross-validation says to expect, printed too; nothing where there was none."""
    if not learned.held_out:
        return {}
    report = cross_validation_report(learned.held_out, learned.calibrated_decoder, learned.read, behaviours)
    print("\ncross-validation over the labelled videos, each scored by a model, a temperature and a decoder")
    print(f"that were fitted to others, at {rate:g} Hz:")
    print(table(report))
    return report


def _some(recordings: list[Recording], config: FinetuneConfig) -> list[Recording]:
    """The recordings, or as many as --train-videos asks for, drawn by the seed."""
    if config.train_videos is None:
        return recordings
    if not 1 <= config.train_videos <= len(recordings):
        raise InputError(
            f"--train-videos {config.train_videos}: expected 1 to {len(recordings)}, the number of labelled videos"
        )
    order = np.random.default_rng(config.seed).permutation(len(recordings))[: config.train_videos]
    chosen = [recordings[i] for i in sorted(order)]
    print(f"using {how_many(config.train_videos, 'video')}: {', '.join(one.id for one in chosen)}")
    return chosen


def _next_steps(config: FinetuneConfig, report: dict[str, Any]) -> None:
    """Print where the results are, and what to run next."""
    told = f"{_SCORES} has the scores above" if report else "no scores: one video cannot be cross-validated"
    print(f"\nmodel: {config.output}   ({told})")
    files = "TRACKS --output predictions" if config.annotations else "TEST.npy --output submission.npy"
    print(f"next:  ssl-behavior predict --model {config.output} --recordings {files}")


main = run.command(FinetuneConfig, finetune, "Fine-tune a pretrained encoder on few labelled videos.", _next_steps)


if __name__ == "__main__":
    main()
