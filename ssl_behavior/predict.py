"""``ssl-behavior predict``: label every frame of new recordings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import pandas as pd
import torch

from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Device, Precision, choose_device
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.formats.tracks.calms21.submissions import check_lengths, write_submission
from ssl_behavior.formats.tracks.mabe25 import submissions
from ssl_behavior.models import checkpoints
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.predictions.folder import PredictionFolder
from ssl_behavior.predictions.held_out_errors import read_budget_errors
from ssl_behavior.predictions.labelling import predict_poses, print_assumed_pair, summarize_predictions
from ssl_behavior.predictions.pair_labelling import describe_labs, predict_pairs, submission_rows, summarize_pairs
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.quality.suspicions import QualityInput, print_warnings
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.recordings.selection import choose_videos
from ssl_behavior.storage import run_folder


@dataclass(frozen=True)
class PredictConfig(TracksConfig):
    """Settings of ``predict``.

    Attributes:
        model: folder that finetune wrote.
        output: folder for tables, files to review and pictures, or a file for a challenge submission (.npy; .csv with a
            model of pairs). With --overwrite, the files of the videos predicted now are replaced, and never a review
            file that a person edited.
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
    of_pairs = checkpoints.is_of_pairs(config.model)
    with run_folder.open_output(config, file_suffix=".csv" if of_pairs else ".npy") as output:
        yield from (_predict_each_pair if of_pairs else _predict_each)(output, device, config)


def _predict_each(output: Path, device: torch.device, config: PredictConfig) -> Iterator[Prediction]:
    is_submission = output.suffix.lower() == ".npy"
    model, scheme = checkpoints.load_model(config.model)
    _check_submission(config, scheme, is_submission)
    model.to(device, config.precision)
    encoder = model.encoder
    recordings, all_poses = _prepare(encoder, config)
    recording_of = {recording.id: recording for recording in recordings}
    print_assumed_pair(scheme, recordings)
    if config.sample_submission:
        check_lengths(output, {poses.id: poses.frames for poses in all_poses}, config.sample_submission)
    folder = None if is_submission else _open_folder(output, all_poses, config)
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


def _predict_each_pair(output: Path, device: torch.device, config: PredictConfig) -> Iterator[Prediction]:
    if config.sample_submission:
        raise InputError(
            f"--sample-submission {config.sample_submission}: expected a model of one channel; found one of pairs, "
            "whose submissions have no lengths to compare: leave it out"
        )
    model, scheme = checkpoints.load_pair_model(config.model)
    model.to(device, config.precision)
    recordings, all_poses = _prepare(model.encoder, config)
    recording_of = {recording.id: recording for recording in recordings}
    for line in describe_labs(scheme, recordings):
        print(line)
    folder = None if output.suffix.lower() == ".csv" else _open_folder(output, all_poses, config)
    rows: list[pd.DataFrame] = []
    for poses in progress(all_poses, "predicting", unit="video"):
        if not (predictions := predict_pairs(model, scheme, poses, recording_of[poses.id])):
            print(f"{poses.id}: no behaviour that the model knows is to be looked for, left out")
            continue
        if folder:
            folder.write_pairs(predictions, scheme.background)
        else:
            rows += [submission_rows(prediction, scheme.background) for prediction in predictions]
        yield from predictions
    if not folder:
        submissions.write_submission(output, pd.concat([pd.DataFrame(), *rows]), [poses.id for poses in all_poses])


def _prepare(encoder: Encoder, config: PredictConfig) -> tuple[list[Recording], list[Poses]]:
    """Read and prepare all recordings before anything is written, so that bad input leaves an existing output alone."""
    recordings = choose_videos(config.read(), config.videos)
    all_poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files)
    recording_of = {recording.id: recording for recording in recordings}
    inputs = [QualityInput(poses, recording_of[poses.id], None) for poses in all_poses]
    print_warnings(inputs, config.model, encoder.landmarks, checkpoints.load_vitals(config.model))
    return recordings, all_poses


def _open_folder(output: Path, all_poses: Sequence[Poses], config: PredictConfig) -> PredictionFolder:
    """Remove earlier predictions of the run's videos, and print that their scores are out of date."""
    folder = PredictionFolder(output, checkpoints.fingerprint(config.model), [poses.id for poses in all_poses])
    if folder.has_predictions and (folder.path / "scores").exists():
        print(f"{folder.path / 'scores'} belongs to earlier predictions: run `ssl-behavior evaluate` again")
    folder.clear()
    run.save_settings(config, folder.path / "settings.yaml")
    return folder


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
    if checkpoints.is_of_pairs(config.model):
        _next_steps_of_pairs(config, predictions)
        return
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


def _next_steps_of_pairs(config: PredictConfig, predictions: Iterator[Prediction]) -> None:
    by_video = (list(of_video) for _, of_video in groupby(predictions, key=lambda prediction: prediction.id))
    print("", *summarize_pairs(by_video, checkpoints.load_pair_scheme(config.model).background), sep="\n")
    print(f"predictions: {config.output}")
    if config.output.suffix != ".csv":
        print("             ID.bouts.csv lists who does what to whom, ID.csv has the probabilities of each frame")
        print("             review/ has files for the Caltech annotator and BORIS, pictures/ has one of each video")
    print(f"next:        {command_line('evaluate', '--predictions', config.output, '--annotations', 'ANNOTATIONS')}")


main = run.command(PredictConfig, predict_each, "Predict the behaviour in every frame of new recordings.", _next_steps)


if __name__ == "__main__":
    main()
