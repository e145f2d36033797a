"""``ssl-behavior predict``: label the frames of new recordings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import TracksConfig
from ssl_behavior.compute.devices import Device, Precision, choose_device
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21.submissions import check_lengths, write_submission
from ssl_behavior.models import checkpoints
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.prepare import prepare_all
from ssl_behavior.predictions.folder import PredictionFolder
from ssl_behavior.predictions.labelling import about, predict_poses, say_who_is_who
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.quality.suspicions import QualityInput, print_warnings
from ssl_behavior.recordings.selection import choose_videos
from ssl_behavior.storage import run_folder


@dataclass(frozen=True)
class PredictConfig(TracksConfig):
    """Settings of prediction.

    Attributes:
        model: folder that finetune wrote.
        output: folder for tables, annotation files and pictures, or a .npy file for a challenge submission. With
            --overwrite, only what is there of the videos predicted now is replaced, and never a review file that
            somebody edited.
        sample_submission: the challenge's sample_submission.npy, to check ids and lengths against.
        videos: predict only the recordings with these ids.
        device: auto takes a GPU where there is one.
        precision: of the encoder; auto takes bfloat16 where the hardware multiplies it natively.
    """

    model: Path
    output: Path = Path("predictions")
    sample_submission: Path | None = None
    videos: tuple[str, ...] = ()
    device: Device = "auto"
    precision: Precision = "auto"


def predict(config: PredictConfig) -> list[Prediction]:
    """Predict every recording and write tables, files to review and pictures, or a submission.

    Raises:
        InputError: model and recordings do not go together, or the output is taken.
    """
    return list(predict_each(config))


def predict_each(config: PredictConfig) -> Iterator[Prediction]:
    """``predict``, video after video: for sets whose predictions together are more than memory holds.

    Raises:
        InputError: as ``predict``, before the first video.
    """
    device = choose_device(config.device)
    with run_folder.writing(config, file_suffix=".npy") as output:
        yield from _predict_each(output, device, config)


def _predict_each(output: Path, device: torch.device, config: PredictConfig) -> Iterator[Prediction]:
    is_submission = output.suffix.lower() == ".npy"
    model, scheme = checkpoints.load_model(config.model)
    _check_submission(config, scheme, is_submission)
    model.classifier.to(device)
    encoder = model.classifier.encoder
    encoder.precision = config.precision
    recordings = choose_videos(config.read(), config.videos)
    say_who_is_who(scheme, recordings)
    # All of them before anything is written, so that bad input leaves what is there as it is.
    all_poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files)
    if config.sample_submission:
        check_lengths(output, {poses.id: poses.frames for poses in all_poses}, config.sample_submission)
    recording_of = {recording.id: recording for recording in recordings}
    looked = [QualityInput(one, recording_of[one.id].unit, None) for one in all_poses]
    print_warnings(looked, config.model, encoder.landmarks, checkpoints.load_vitals(config.model))
    folder = None
    if not is_submission:
        folder = PredictionFolder(output, checkpoints.fingerprint(config.model), [poses.id for poses in all_poses])
    if folder:
        _begin(folder, config)
    labels = {}
    for poses in progress(all_poses, "predicting", unit="video"):
        predicted = predict_poses(model, scheme, poses, recording_of[poses.id])
        if folder:
            folder.write(predicted, scheme.channel)
        else:
            labels[predicted.id] = predicted.labels
        yield predicted
    if is_submission:
        write_submission(output, labels)


def _begin(folder: PredictionFolder, config: PredictConfig) -> None:
    """Make room for the run's predictions, and say what is out of date by them."""
    if folder.has_former and (folder.path / "scores").exists():
        print(f"{folder.path / 'scores'} is of former predictions: evaluate again")
    folder.clear()
    run.save_settings(config, folder.path / "settings.yaml")


def _check_submission(config: PredictConfig, scheme: LabelScheme, is_submission: bool) -> None:
    """A submission's numbers index the vocabulary of the training file, so all of it must have been taught."""
    if config.sample_submission and not is_submission:
        raise InputError(
            f"--sample-submission {config.sample_submission}: expected an --output that ends in .npy and found "
            f"{config.output}; give another --output"
        )
    if is_submission and scheme.unscored:
        raise InputError(
            f"{config.model}: expected a model of all the file's behaviours to number them in a submission; found one "
            f"taught without {', '.join(scheme.unscored)}: fine-tune without --unscored"
        )


def _next_steps(config: PredictConfig, predictions: Iterator[Prediction]) -> None:
    """Print where the results are, and what to run next."""
    print("", *about(predictions), sep="\n")
    print(f"predictions: {config.output}")
    if config.output.suffix != ".npy":
        print("             ID.csv has animals_tracked per frame, 0 where a label is a guess")
        print("             review/ has files for the Caltech annotator and BORIS, pictures/ shows every video")
    scheme = checkpoints.load_label_scheme(config.model)
    unscored = f" --unscored {shlex.join(scheme.unscored)}" if scheme.unscored else ""
    print(f"next:        ssl-behavior evaluate --predictions {config.output} --annotations ANNOTATIONS \\")
    print(f"                 --channel {shlex.quote(scheme.channel)}{unscored}")


main = run.command(PredictConfig, predict_each, "Predict behaviours in new recordings.", _next_steps)


if __name__ == "__main__":
    main()
