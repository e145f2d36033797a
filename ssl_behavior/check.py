"""``ssl-behavior check``: look for errors in recordings that nothing else tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import AnnotatedTracksConfig
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, how_many
from ssl_behavior.models import checkpoints
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare_each
from ssl_behavior.quality.picture import picture
from ssl_behavior.quality.suspicions import QualityInput, Suspicion, look
from ssl_behavior.quality.vitals import Vitals
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.paths import file_stem


@dataclass(frozen=True)
class CheckConfig(AnnotatedTracksConfig):
    """Settings of looking for silent errors.

    Attributes:
        annotations: files, folders or globs of annotations, to see whether they lie where the behaviour is.
        unscored: behaviours of the annotations that are no judgement.
        encoder: folder that pretrain or finetune wrote, to see what in the recordings is strange to it.
        output: folder for the table of suspicions, what was measured, and a picture of every suspicious recording.
    """

    encoder: Path | None = None
    output: Path = Path("checks")


def check(config: CheckConfig) -> list[Suspicion]:
    """Look at every recording, write ``suspicions.csv``, ``vitals.csv`` and ``pictures/``, and tell what was found.

    Raises:
        InputError: there is nothing to look at, or the output is taken.
    """
    with run_folder.writing(config) as output:
        return _check(output, config)


def _check(output: Path, config: CheckConfig) -> list[Suspicion]:
    recordings = config.read_with_labels(every_channel=False)
    if config.encoder is None:
        landmarks, settings, known = shared_landmarks(one.skeleton for one in recordings), Preparation(), None
    else:
        landmarks, settings = checkpoints.load_preparation(config.encoder)
        known = checkpoints.load_vitals(config.encoder)
        if known is None:
            raise InputError(
                f"--encoder {config.encoder}: expected one that tells what is usual in the recordings it was "
                "pretrained on; found an older one: pretrain anew"
            )
    each = [*prepare_each(recordings, landmarks, settings, config.skip_bad_files, "looking")]
    given = [
        QualityInput(poses, one.unit, next((own.values[poses.native_frames] for own in one.labels.values()), None))
        for one, poses in each
    ]
    looked = look(given, landmarks, known)
    suspicious = [(one, found) for one, (_, found) in zip(given, looked, strict=True) if found]
    for former in (output / "pictures").glob("*.png"):
        former.unlink()
    for (poses, _, labels), found in progress(suspicious, "drawing", unit="video", leave=False):
        picture(output / "pictures" / f"{file_stem(poses.id)}.png", found, poses, landmarks, labels)
    every = [one for _, found in looked for one in found]
    _write(output, {poses.id: measured for (_, poses), (measured, _) in zip(each, looked, strict=True)}, every)
    run.save_settings(config, output / "settings.yaml")
    return every


def _write(output: Path, measured: Mapping[str, Vitals], found: Sequence[Suspicion]) -> None:
    """The two tables."""
    rows = [
        {"video": one.video, "kind": one.kind, "frames": " ".join(map(str, one.frames)), "evidence": one.told}
        for one in found
    ]
    told = pd.DataFrame(rows, columns=["video", "kind", "frames", "evidence"])
    write_text(output / "suspicions.csv", told.to_csv(index=False))
    table = []
    for video, one in measured.items():
        row = asdict(one)
        row |= dict(zip(("left edge", "top edge", "right edge", "bottom edge"), row.pop("box"), strict=True))
        row |= {f"distance of {name}": value for name, value in row.pop("proportions").items()}
        table.append({"video": video, **row})
    write_text(output / "vitals.csv", pd.DataFrame(table).to_csv(index=False, float_format="%.4g"))


def report(found: Sequence[Suspicion]) -> str:
    """What was found, by kind."""
    lines = [f"{how_many(len({one.video for one in found}), 'suspicious recording')}"]
    for kind in dict.fromkeys(one.kind for one in found):
        own = [one for one in found if one.kind == kind]
        lines += ["", f"{kind}: {how_many(len(own), 'recording')}"]
        lines += [f"  {one.video}: {one.told}" for one in own[:10]]
        lines += [f"  and {len(own) - 10} more"] * (len(own) > 10)
    return "\n".join(lines)


def _next_steps(config: CheckConfig, found: list[Suspicion]) -> None:
    """Print where the results are, and what to run next."""
    print(report(found))
    if found:
        print(f"\na picture of each suspicious recording: {config.output / 'pictures'}")
    print(f"{'' if found else chr(10)}tables: {config.output / 'suspicions.csv'}, {config.output / 'vitals.csv'}")


main = run.command(CheckConfig, check, "Look for errors in recordings that nothing else tells of.", _next_steps)


if __name__ == "__main__":
    main()
