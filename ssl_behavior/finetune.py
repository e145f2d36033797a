"""``ssl-behavior finetune``: train a behaviour classifier on a few labelled videos, from a pretrained encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from ssl_behavior.cli import run
from ssl_behavior.cli.validators import AtLeast
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import choose_device
from ssl_behavior.errors import InputError, command_line, count_of
from ssl_behavior.models import checkpoints
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.labelled import LabelledPoses, describe_shares
from ssl_behavior.predictions.held_out_errors import SCORES
from ssl_behavior.quality.suspicions import QualityInput, print_warnings
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.recordings.pair_matching import labelled_by_pairs
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.pair_report import format_pair_report, pair_report
from ssl_behavior.scoring.report_table import format_report
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.training.cross_validation import cross_validation_report, folds_by_video
from ssl_behavior.training.finetuning import FinetuneResult, finetune_encoder, folds_for
from ssl_behavior.training.inputs import LearningConfig, about_pretraining, labelled_poses, seen_in_pretraining
from ssl_behavior.training.pair_finetuning import finetune_pairs
from ssl_behavior.training.pair_inputs import describe_units, pair_units, shown_behaviours

_SINGLE = "a single labelled video cannot be cross-validated: the model is not calibrated and has no scores"


@dataclass(frozen=True)
class FinetuneConfig(LearningConfig):
    """Settings of fine-tuning.

    Attributes:
        output: folder for the model.
        train_videos: use only this number of the labelled videos, chosen at random by the seed.
        from_scratch: start from random weights instead of the pretrained ones, to see what pretraining adds.
        members: number of networks whose predictions are averaged. More than one are those of the cross-validation, in
            up to five folds.
    """

    output: Path = Path("runs/model")
    train_videos: int | None = None
    from_scratch: bool = False
    members: Annotated[int, AtLeast(1)] = 1


@check_arguments
def finetune(config: FinetuneConfig) -> dict[str, Any]:
    """Fit a model to the labelled videos and write it to ``config.output``.

    Cross-validation over the videos chooses the temperature and the decoder. The model is then trained on all videos.

    Returns:
        The cross-validation report: the scores to expect on new videos of the same kind. Empty for a single video.

    Raises:
        InputError: encoder, recordings and annotations do not go together, or the output is taken.
    """
    device = choose_device(config.device)
    with run_folder.open_output(config) as output:
        return _finetune(output, device, config)


def _finetune(output: Path, device: torch.device, config: FinetuneConfig) -> dict[str, Any]:
    encoder = checkpoints.load_encoder(config.encoder).to(device)
    recordings = _train_recordings(config.read_labelled(every_pair=True), config)
    if labelled_by_pairs(recordings):
        return _finetune_pairs(output, encoder, recordings, config)
    ((channel, labels),) = recordings[0].labels.items()
    seconds = config.supervision.clip_seconds
    videos = labelled_poses(recordings, channel, encoder, seconds, config.skip_bad_files)
    recording_of = {recording.id: recording for recording in recordings}
    vitals = checkpoints.load_vitals(config.encoder)
    quality_inputs = [QualityInput(video.poses, recording_of[video.poses.id], video.labels) for video in videos]
    print_warnings(quality_inputs, config.encoder, encoder.landmarks, vitals)
    rate = encoder.preparation.frame_rate
    _print_input(videos, labels.behaviours, rate, device)
    result = finetune_encoder(
        encoder, videos, labels.behaviours, config.supervision, config.seed, config.precision, config.from_scratch,
        output / run_folder.UNFINISHED, config.members,
    )  # fmt: skip
    report = _report(result, videos, labels.behaviours, rate, config)
    scheme = LabelScheme(labels.behaviours, channel, labels.pair, config.unscored, result.calibrated_decoder)
    checkpoints.save_model(output, result.model, scheme, vitals)
    _write_report(output, report, config)
    return report


def _finetune_pairs(
    output: Path, encoder: Encoder, recordings: Sequence[Recording], config: FinetuneConfig
) -> dict[str, Any]:
    units, behaviours = pair_units(recordings, encoder, config.supervision.clip_seconds, config.skip_bad_files)
    recording_of = {recording.id: recording for recording in recordings}
    vitals = checkpoints.load_vitals(config.encoder)
    first_of_video = {unit.poses.id: unit for unit in reversed(units)}
    inputs = [QualityInput(unit.poses, recording_of[name], None) for name, unit in first_of_video.items()]
    print_warnings(inputs, config.encoder, encoder.landmarks, vitals)
    for line in describe_units(units, behaviours):
        print(line)
    if len(first_of_video) == 1:
        print(_SINGLE)
    result = finetune_pairs(
        encoder, units, behaviours, shown_behaviours(recordings), config.supervision, config.seed, config.precision,
        config.from_scratch, output / run_folder.UNFINISHED, config.members, config.unscored,
    )  # fmt: skip
    report = pair_report(result.held_out, behaviours) if result.held_out else {}
    if report:
        print(format_pair_report(report))
        print(about_pretraining(seen_in_pretraining(config.encoder, units), len(first_of_video), "labelled videos"))
    checkpoints.save_pair_model(output, result.model, result.scheme, vitals)
    _write_report(output, report, config)
    return report


def _write_report(output: Path, report: dict[str, Any], config: FinetuneConfig) -> None:
    """Write the settings, and the scores if there are any."""
    run.save_settings(config, output / "settings.yaml")
    scores = output / SCORES
    # An earlier model may have left scores here that a single video would not replace.
    scores.unlink(missing_ok=True)
    if report:
        write_text(scores, json.dumps(report, indent=1) + "\n")


def _print_input(videos: Sequence[LabelledPoses], behaviours: Sequence[str], rate: float, device: torch.device) -> None:
    scored = sum(int((video.labels != UNSCORED).sum()) for video in videos)
    frames = f"scored frames: {scored:,} at {rate:g} Hz ({describe_shares(videos, behaviours)})"
    print(f"labelled videos: {len(videos)}; {frames}; on {device.type}")
    if len(videos) == 1:
        print(_SINGLE)


def _report(
    result: FinetuneResult,
    videos: Sequence[LabelledPoses],
    behaviours: Sequence[str],
    rate: float,
    config: FinetuneConfig,
) -> dict[str, Any]:
    """Print and return the cross-validation report; empty without cross-validation."""
    if not result.held_out_logits:
        return {}
    folds = folds_by_video(videos, len(behaviours), folds_for(config.supervision, config.members))
    fewest = len(videos) - max(map(len, folds))
    report = cross_validation_report(
        result.held_out_logits, result.calibrated_decoder, result.held_out_videos, behaviours, fewest / len(videos)
    )
    print("\ncross-validation: each labelled video is scored by a model, a temperature and a decoder that were")
    seen = f"{fewest} or more of the {len(videos)} videos"
    kept = "saw all" if config.members == 1 else "averages them"
    print(f"fitted to others, at {rate:g} Hz. Each of these models saw {seen}, and the kept model")
    print(f"{kept}. Expect such scores, or slightly better ones, on new videos of the same kind; the intervals reach")
    print("as far up as learning from all videos may bring.")
    print(about_pretraining(seen_in_pretraining(config.encoder, videos), len(videos), "labelled videos"))
    print("All scores run from 0 to 1. Higher is better, except for the calibration error: lower is better.")
    print(format_report(report))
    return report


def _train_recordings(recordings: list[Recording], config: FinetuneConfig) -> list[Recording]:
    """Return the recordings, or a random choice of them if --train-videos limits their number."""
    if config.train_videos is None:
        return recordings
    if not 1 <= config.train_videos <= len(recordings):
        raise InputError(
            f"--train-videos {config.train_videos}: expected 1 to {len(recordings)}, the number of labelled videos; "
            f"give e.g. --train-videos {len(recordings)}"
        )
    order = np.random.default_rng(config.seed).permutation(len(recordings))[: config.train_videos]
    chosen = [recordings[i] for i in sorted(order)]
    print(f"using {count_of(config.train_videos, 'video')}: {', '.join(recording.id for recording in chosen)}")
    return chosen


def _next_steps(config: FinetuneConfig, report: dict[str, Any]) -> None:
    """Print where the results are, and what to run next."""
    scores = f"{SCORES} holds the scores above" if report else "no scores: one video cannot be cross-validated"
    print(f"\nmodel: {config.output}   ({scores})")
    # A submission numbers all behaviours of the challenge's training file, so a model that leaves some out makes none.
    is_challenge = not config.annotations and not config.unscored and not checkpoints.is_of_pairs(config.output)
    files = ("TEST.npy", "--output", "submission.npy") if is_challenge else ("TRACKS", "--output", "predictions")
    print(f"next:  {command_line('predict', '--model', config.output, '--recordings', *files)}{config.reading_options}")


main = run.command(FinetuneConfig, finetune, "Fine-tune a pretrained encoder on a few labelled videos.", _next_steps)


if __name__ == "__main__":
    main()
