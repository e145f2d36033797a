"""``ssl-behavior predict``: label the frames of new recordings."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ssl_behavior import checkpoints, commands, outputs
from ssl_behavior.checkpoints import Readout
from ssl_behavior.checks import Looked, print_warnings
from ssl_behavior.devices import Device, Precision, choose_device
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.formats.labelled import choose_videos
from ssl_behavior.formats.submissions import check_lengths, write_submission
from ssl_behavior.models import Model
from ssl_behavior.poses.landmarks import as_landmarks
from ssl_behavior.poses.prepare import Poses, Preparation, prepare, prepare_all
from ssl_behavior.prediction_folder import PredictionFolder
from ssl_behavior.predictions import Prediction
from ssl_behavior.progress import progress
from ssl_behavior.recordings import Recording, scored_frames
from ssl_behavior.supervision import LabelledPoses, labelled_pairs

_NOTEWORTHY = 0.01
_NAMED = 10


@dataclass(frozen=True)
class PredictConfig(commands.TracksConfig):
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
    with outputs.writing(config, file_suffix=".npy") as output:
        yield from _predict_each(output, device, config)


def _predict_each(output: Path, device: torch.device, config: PredictConfig) -> Iterator[Prediction]:
    is_submission = output.suffix.lower() == ".npy"
    model, readout = checkpoints.load_model(config.model)
    _check_submission(config, readout, is_submission)
    model.classifier.to(device)
    encoder = model.classifier.encoder
    encoder.precision = config.precision
    recordings = choose_videos(config.read(), config.videos)
    say_who_is_who(readout, recordings)
    # All of them before anything is written, so that bad input leaves what is there as it is.
    all_poses = prepare_all(recordings, encoder.landmarks, encoder.preparation, config.skip_bad_files)
    if config.sample_submission:
        check_lengths(output, {poses.id: poses.frames for poses in all_poses}, config.sample_submission)
    recording_of = {recording.id: recording for recording in recordings}
    looked = [Looked(one, recording_of[one.id].unit, None) for one in all_poses]
    print_warnings(looked, config.model, encoder.landmarks, checkpoints.known_to(config.model))
    folder = None
    if not is_submission:
        folder = PredictionFolder(output, checkpoints.fingerprint(config.model), [poses.id for poses in all_poses])
    if folder:
        _begin(folder, config)
    labels = {}
    for poses in progress(all_poses, "predicting", unit="video"):
        predicted = predict_poses(model, readout, poses, recording_of[poses.id])
        if folder:
            folder.write(predicted, readout.channel)
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
    commands.save_settings(config, folder.path / "settings.yaml")


def _check_submission(config: PredictConfig, readout: Readout, is_submission: bool) -> None:
    """A submission's numbers index the vocabulary of the training file, so all of it must have been taught."""
    if config.sample_submission and not is_submission:
        raise InputError(
            f"--sample-submission {config.sample_submission}: expected an --output that ends in .npy and found "
            f"{config.output}; give another --output"
        )
    if is_submission and readout.unscored:
        raise InputError(
            f"{config.model}: expected a model of all the file's behaviours to number them in a submission; found one "
            f"taught without {', '.join(readout.unscored)}: fine-tune without --unscored"
        )


def predict_recording(model: Model, readout: Readout, recording: Recording) -> Prediction:
    """Labels and calibrated probabilities of every frame of a recording.

    Raises:
        InputError: the recording has none of the encoder's landmarks, or no animal in it is ever seen.
    """
    encoder = model.classifier.encoder
    poses = prepare(recording, encoder.landmarks, encoder.preparation)
    return predict_poses(model, readout, poses, recording)


def predict_poses(model: Model, readout: Readout, poses: Poses, recording: Recording) -> Prediction:
    """Labels and calibrated probabilities of every frame of the recording that ``poses`` are of, at its own rate."""
    encoder = model.classifier.encoder
    tracked = animals_tracked(recording, encoder.landmarks, encoder.preparation)
    unlabelled = np.zeros(len(poses.positions), np.int16)
    video = LabelledPoses(poses, unlabelled, labelled_pairs(poses, readout.pair))
    probabilities = readout.reading.probabilities(model.logits(video))
    # Decoded at the rate the decoder was fitted at: a path counts every frame's evidence.
    labels = poses.to_native(readout.reading.decoder.decode(probabilities, poses.frame_rate))
    native = poses.to_native(probabilities)
    return Prediction(poses.id, readout.behaviours, native, labels, recording.frame_rate, tracked)


def animals_tracked(recording: Recording, landmarks: Sequence[str], settings: Preparation) -> np.ndarray:
    """(time,) number of individuals of which any of the landmarks is tracked, as surely as the encoder asks for."""
    positions = recording.positions.copy()
    if recording.confidence is not None:
        positions[recording.confidence < settings.min_confidence] = np.nan
    return np.isfinite(as_landmarks(recording, landmarks, positions)).all(-1).any(2).sum(1)


def say_who_is_who(readout: Readout, recordings: Sequence[Recording]) -> None:
    """Say which animals a model of one ordered pair takes for that pair, where the tracks have other names."""
    other = next((one for one in recordings if readout.pair and not set(readout.pair) <= set(one.individuals)), None)
    if readout.pair and other:
        print(
            f"the model speaks of what {readout.pair[0]} does to {readout.pair[1]} and {other.id} tracks "
            f"{', '.join(other.individuals)}: taking the first of them for {readout.pair[0]}"
        )


def about(predicted: Iterable[Prediction]) -> Iterator[str]:
    """What a reader of the labels must know, line by line; each prediction is looked at once."""
    counts: Counter[str] = Counter()
    decided, lost = 0, {}
    for one in predicted:
        counts.update(dict(zip(one.behaviours, scored_frames(one.labels, len(one.behaviours)).tolist(), strict=True)))
        decided += int((one.labels != one.probabilities.argmax(1)).sum())
        lost[one.id] = (int((one.animals_tracked == 0).sum()), float((one.animals_tracked == 0).mean()))
    frames = counts.total()
    shares = ", ".join(f"{name} {count / frames:.1%}" for name, count in counts.items())
    yield f"{how_many(len(lost), 'video')}, {how_many(frames, 'filmed frame')}: {shares}"
    if decided:
        yield (
            f"{decided / frames:.1%} of the labels are not the most probable behaviour: the model's decision weighs "
            "behaviours and may smooth over time"
        )
    worst = sorted(lost, key=lambda name: -lost[name][1])
    told = [
        f"{how_many(lost[name][0], 'frame')} of {name} ({lost[name][1]:.0%})"
        for name in worst
        if lost[name][1] >= _NOTEWORTHY
    ]
    if told:
        rest = f" and in {how_many(len(told) - _NAMED, 'more video')}" if len(told) > _NAMED else ""
        where = f"{', '.join(told[:_NAMED])}{rest}"
        yield f"no animal is tracked in {where}: labels there are guesses from the frames around"


def _next_steps(config: PredictConfig, predictions: Iterator[Prediction]) -> None:
    """Print where the results are, and what to run next."""
    print("", *about(predictions), sep="\n")
    print(f"predictions: {config.output}")
    if config.output.suffix != ".npy":
        print("             ID.csv has animals_tracked per frame, 0 where a label is a guess")
        print("             review/ has files for the Caltech annotator and BORIS, pictures/ shows every video")
    readout = checkpoints.load_readout(config.model)
    unscored = f" --unscored {shlex.join(readout.unscored)}" if readout.unscored else ""
    print(f"next:        ssl-behavior evaluate --predictions {config.output} --annotations ANNOTATIONS \\")
    print(f"                 --channel {shlex.quote(readout.channel)}{unscored}")


main = commands.command(PredictConfig, predict_each, "Predict behaviours in new recordings.", _next_steps)


if __name__ == "__main__":
    main()
