"""``ssl-behavior predict``: label every frame of new recordings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Device, Precision, choose_device
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.formats.tracks.calms21.submissions import check_lengths, write_submission
from ssl_behavior.models import checkpoints
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.predictions.folder import PredictionFolder
from ssl_behavior.predictions.held_out_errors import read_budget_errors
from ssl_behavior.predictions.labelling import predict_poses, print_assumed_pair, summarize_predictions
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.quality.suspicions import QualityInput, print_warnings
from ssl_behavior.recordings.selection import choose_videos
from ssl_behavior.storage import run_folder


@dataclass(frozen=True)
class PredictConfig(TracksConfig):
    """Settings of ``predict``.

    Attributes:
        model: folder that finetune wrote.
        output: folder for tables, files to review and pictures, or a .npy file for a challenge submission. With
            --overwrite, the files of the videos predicted now are replaced, and never a review file that a person
            edited.
        sample_submission: the challenge's sample_submission.npy, to compare ids and lengths with.
        videos: predict only the recordings with these ids, or those that a pattern such as 'day1/*' fits.
        device: auto uses a GPU if there is one.
        precision: precision of the encoder; auto uses bfloat16 where the hardware multiplies it natively.
    """

    model: Path
    output: Path = Path("predictions")
    sample_submission: Path | None = None
    videos: tuple[str, ...] = ()
    device: Device = "auto"
    precision: Precision = "auto"


@check_arguments
def predict(config: PredictConfig) -> list[Prediction]:
    """Predict every recording, and write tables, files to review and pictures, or a submission.

    Returns:
        A prediction per recording.

    Raises:
        InputError: the recordings lack the model's landmarks, or the output exists.

    Examples:
        >>> predictions = predict(PredictConfig(model=Path("model"), recordings=(Path("tracks"),)))
    """
    return list(predict_each(config))


def predict_each(config: PredictConfig) -> Iterator[Prediction]:
    """Predict one recording after the other, for sets whose predictions together exceed memory.

    Yields:
        A prediction per recording, once its files are written.

    Raises:
        InputError: as ``predict``, before the first recording.
    """
    device = choose_device(config.device)
    with run_folder.open_output(config, file_suffix=".npy") as output:
        yield from _predict_each(output, device, config)


def _predict_each(output: Path, device: torch.device, config: PredictConfig) -> Iterator[Prediction]:
    is_submission = output.suffix.lower() == ".npy"
    model, scheme = checkpoints.load_model(config.model)
    _check_submission(config, scheme, is_submission)
    model.to(device, config.precision)
    encoder = model.encoder
    recordings = choose_videos(config.read(), config.videos)
    print_assumed_pair(scheme, recordings)
    # Prepare all recordings before anything is written, so that bad input leaves an existing output unchanged.
    all_poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files)
    if config.sample_submission:
        check_lengths(output, {poses.id: poses.frames for poses in all_poses}, config.sample_submission)
    recording_of = {recording.id: recording for recording in recordings}
    inputs = [QualityInput(poses, recording_of[poses.id], None) for poses in all_poses]
    print_warnings(inputs, config.model, encoder.landmarks, checkpoints.load_vitals(config.model))
    folder = None
    if not is_submission:
        folder = PredictionFolder(output, checkpoints.fingerprint(config.model), [poses.id for poses in all_poses])
        _clear(folder, config)
    labels = {}
    for poses in progress(all_poses, "predicting", unit="video"):
        prediction = predict_poses(model, scheme, poses, recording_of[poses.id])
        if folder:
            folder.write(prediction, scheme.channel)
        else:
            labels[prediction.id] = prediction.labels
        yield prediction
    if is_submission:
        write_submission(output, labels)


def _clear(folder: PredictionFolder, config: PredictConfig) -> None:
    """Remove earlier predictions of the run's videos, and print that their scores are out of date."""
    if folder.has_predictions and (folder.path / "scores").exists():
        print(f"{folder.path / 'scores'} belongs to earlier predictions: run `ssl-behavior evaluate` again")
    folder.clear()
    run.save_settings(config, folder.path / "settings.yaml")


def _check_submission(config: PredictConfig, scheme: LabelScheme, is_submission: bool) -> None:
    """Make sure that a submission can be written.

    Its numbers index the vocabulary of the challenge's training file, so the model must predict all of its behaviours.
    """
    if config.sample_submission and not is_submission:
        raise InputError(
            f"--sample-submission {config.sample_submission}: expected an --output that ends in .npy; found "
            f"{config.output}: choose another, e.g. `--output submission.npy`"
        )
    if is_submission and scheme.unscored:
        raise InputError(
            f"{config.model}: expected a model of all behaviours of the training file, as a submission numbers them; "
            f"found one trained without {', '.join(scheme.unscored)}: run ssl-behavior finetune without --unscored"
        )


def _next_steps(config: PredictConfig, predictions: Iterator[Prediction]) -> None:
    """Print a summary of the labels, where the results are, and what to run next."""
    scheme = checkpoints.load_label_scheme(config.model)
    errors = read_budget_errors(config.model, len(scheme.behaviours))
    print("", *summarize_predictions(predictions, errors), sep="\n")
    print(f"predictions: {config.output}")
    if config.output.suffix != ".npy":
        print("             ID.csv has animals_tracked per frame, 0 where a label is a guess")
        print("             review/ has files for the Caltech annotator and BORIS, pictures/ has one of each video")
    unscored = f" --unscored {shlex.join(scheme.unscored)}" if scheme.unscored else ""
    following = command_line("evaluate", "--predictions", config.output, "--annotations", "ANNOTATIONS")
    print(f"next:        {following} \\")
    print(f"                 --channel {shlex.quote(scheme.channel)}{unscored}")


main = run.command(PredictConfig, predict_each, "Predict the behaviour in every frame of new recordings.", _next_steps)


if __name__ == "__main__":
    main()
