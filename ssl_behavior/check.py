"""``ssl-behavior check``: find silent errors in recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import AnnotatedTracksConfig
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, count_of
from ssl_behavior.models import checkpoints
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare_each
from ssl_behavior.quality.picture import suspicions_picture
from ssl_behavior.quality.pretraining_rules import not_compared
from ssl_behavior.quality.rules import Suspicion
from ssl_behavior.quality.suspicions import QualityInput, check_recordings
from ssl_behavior.quality.vitals import Vitals
from ssl_behavior.recordings.pair_matching import labelled_by_pairs
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.video_names import file_stems

_NAMED = 10
"""Recordings that the summary names for each kind of suspicion."""


@dataclass(frozen=True)
class CheckConfig(AnnotatedTracksConfig):
    """Settings of ``check``.

    Attributes:
        annotations: files, folders or globs of annotations, to check that they are not shifted in time.
        unscored: behaviours of the annotations that stand for frames nobody judged.
        encoder: folder that pretrain or finetune wrote, to compare the recordings with those it was pretrained on.
        output: folder for the table of suspicions, the measurements, and a picture of every suspicious recording.
    """

    encoder: Path | None = None
    output: Path = Path("checks")


@check_arguments
def check(config: CheckConfig) -> list[Suspicion]:
    """Check every recording for silent errors and write ``suspicions.csv``, ``vitals.csv`` and ``pictures/``.

    Returns:
        The suspicions, recording by recording.

    Raises:
        InputError: no recording can be read, the encoder is unusable, or the output exists.

    Examples:
        >>> for suspicion in check(CheckConfig(recordings=(Path("tracks"),))):
        ...     print(suspicion.video, suspicion.evidence)
    """
    with run_folder.open_output(config) as output:
        return _check(output, config)


def _check(output: Path, config: CheckConfig) -> list[Suspicion]:
    recordings = config.read_with_labels(every_channel=False)
    if config.encoder is None:
        landmarks, settings = shared_landmarks(recording.skeleton for recording in recordings), Preparation()
        pretraining = None
    else:
        landmarks, settings = checkpoints.load_preparation(config.encoder)
        pretraining = _vitals_of_pretraining(config.encoder)
    prepared = [*prepare_each(recordings, landmarks, settings, config.skip_bad_files, "reading")]
    inputs = [
        QualityInput(poses, recording, _labels_of_group(recording, poses.native_frames))
        for recording, poses in prepared
    ]
    checked = check_recordings(inputs, landmarks, pretraining)
    suspicions = [suspicion for _, of_recording in checked for suspicion in of_recording]
    _draw(output / "pictures", inputs, [of_recording for _, of_recording in checked], landmarks)
    measured = {poses.id: vitals for (_, poses), (vitals, _) in zip(prepared, checked, strict=True)}
    _write_tables(output, measured, suspicions)
    run.save_settings(config, output / "settings.yaml")
    return suspicions


def _labels_of_group(recording: Recording, frames: np.ndarray) -> np.ndarray | None:
    """Return the labels at some frames, for checks against movement; None for labels of pairs, which fit one pair."""
    labels = next(iter(recording.labels.values()), None)
    return None if labels is None or labelled_by_pairs([recording]) else labels.values[frames]


def _vitals_of_pretraining(encoder: Path) -> Vitals:
    vitals = checkpoints.load_vitals(encoder)
    if vitals is None:
        raise InputError(
            f"--encoder {encoder}: expected an encoder that stores measurements of the recordings it was pretrained "
            "on; found an older one: pretrain again, or leave out --encoder"
        )
    if missing := not_compared(vitals):
        print(
            f"not compared with the recordings that {encoder} was pretrained on: {', '.join(missing)} (an older "
            "version wrote it, or they were few)"
        )
    return vitals


def _draw(
    folder: Path, inputs: Sequence[QualityInput], suspicions: Sequence[Sequence[Suspicion]], landmarks: Sequence[str]
) -> None:
    """Draw each suspicious recording, and remove the pictures of an earlier run."""
    for picture in folder.glob("*.png"):
        picture.unlink()
    suspicious = [pair for pair in zip(inputs, suspicions, strict=True) if pair[1]]
    stems = file_stems(poses.id for poses, _, _ in inputs)
    for (poses, _, labels), of_recording in progress(suspicious, "drawing", unit="video", leave=False):
        suspicions_picture(folder / f"{stems[poses.id]}.png", of_recording, poses, landmarks, labels)


def _write_tables(output: Path, measured: Mapping[str, Vitals], suspicions: Sequence[Suspicion]) -> None:
    columns = ["video", "kind", "frames", "evidence"]
    rows = [
        (suspicion.video, suspicion.kind, " ".join(map(str, suspicion.frames)), suspicion.evidence)
        for suspicion in suspicions
    ]
    write_text(output / "suspicions.csv", pd.DataFrame(rows, columns=columns).to_csv(index=False))
    table = []
    for video, vitals in measured.items():
        # Speeds and pace serve to compare recordings, and say little by themselves.
        row = {name: value for name, value in asdict(vitals).items() if name not in ("speeds", "pace")}
        (row["individuals"],), (row["frame_rates"],) = vitals.individuals, vitals.frame_rates
        row |= dict(zip(("left edge", "top edge", "right edge", "bottom edge"), row.pop("box"), strict=True))
        row |= {f"distance of {name}": value for name, value in row.pop("proportions").items()}
        table.append({"video": video, **row})
    write_text(output / "vitals.csv", pd.DataFrame(table).to_csv(index=False, float_format="%.4g"))


def report(suspicions: Sequence[Suspicion]) -> str:
    """Summarize suspicions by kind, as text."""
    lines = [count_of(len({suspicion.video for suspicion in suspicions}), "suspicious recording")]
    for kind in dict.fromkeys(suspicion.kind for suspicion in suspicions):
        of_kind = [suspicion for suspicion in suspicions if suspicion.kind == kind]
        lines += ["", f"{kind}: {count_of(len(of_kind), 'recording')}"]
        lines += [f"  {suspicion.video}: {suspicion.evidence}" for suspicion in of_kind[:_NAMED]]
        lines += [f"  and {len(of_kind) - _NAMED} more"] * (len(of_kind) > _NAMED)
    return "\n".join(lines)


def _next_steps(config: CheckConfig, suspicions: list[Suspicion]) -> None:
    """Print the suspicions and where the results are."""
    print(report(suspicions))
    if suspicions:
        print(f"\na picture of each suspicious recording: {config.output / 'pictures'}")
    print(f"{'' if suspicions else chr(10)}tables: {config.output / 'suspicions.csv'}, {config.output / 'vitals.csv'}")


main = run.command(
    CheckConfig,
    check,
    "Find silent errors in recordings (swapped axes, a mirrored image, a wrong frame rate) and draw the evidence.",
    _next_steps,
)


if __name__ == "__main__":
    main()
