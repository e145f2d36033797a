"""``ssl-behavior predict_many``: what predict does, for thousands of recordings, on a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml

from ssl_behavior.cli import run
from ssl_behavior.compute.devices import Device, Precision, resolve_precision
from ssl_behavior.errors import InputError
from ssl_behavior.jobs.per_recording import ManyConfig
from ssl_behavior.jobs.ray_pool import do_missing, require_none
from ssl_behavior.jobs.results import Results, Unit, files_below
from ssl_behavior.models import checkpoints
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.poses.prepare import prepare_each
from ssl_behavior.predictions.folder import WRITTEN, PredictionFolder
from ssl_behavior.predictions.labelling import predict_poses, say_who_is_who
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.object_store import absolute, fetch_folder, require_extra

_REVIEW = "review/"
_REVIEWED = _REVIEW + WRITTEN


@dataclass(frozen=True, kw_only=True)
class PredictManyConfig(ManyConfig):
    """Settings of prediction on Ray.

    Attributes:
        model: folder that finetune wrote, on a disk that all workers see or in a store.
        output: folder for tables, annotation files and pictures, on a disk that all workers see or in a store;
            recordings that are there, from the same content, are left as they are, and so is every review file that
            somebody edited.
    """

    model: str
    output: str = "predictions"


def predict_many(config: PredictManyConfig) -> str:
    """Have tables, files to review and pictures of each recording written to ``config.output``.

    Returns:
        the address of the predictions.

    Raises:
        InputError: there are no recordings, the output holds something else, or some recordings cannot be predicted,
            while the others are.
    """
    require_extra()
    config = config.located()
    results = config.results
    with TemporaryDirectory() as folder:
        model = checkpoints.fingerprint(fetch_folder(absolute(config.model), Path(folder) / "model"))
        PredictionFolder(Path(folder) / "new", model, []).clear()
        about = (Path(folder) / "new" / WRITTEN).read_bytes()
    precision = resolve_precision(config.precision, torch.device(config.device))
    units = config.units(model, precision)
    if config.overwrite and results.store.read([WRITTEN]).get(WRITTEN) not in (None, about):
        _require_unedited(results, {}, [name for name in results.store.names("review") if name != _REVIEWED])
    results.begin(WRITTEN, about, config.overwrite, _is_result)
    config.save()
    missing = results.missing(units)
    try:
        failed = do_missing(units, missing, _Predicting(config, model, precision), config, "predicting")
    finally:
        _note_reviewed(results, units)
    require_none(failed, len(missing))
    return config.output


@dataclass(frozen=True)
class _Predicting:
    """The work on a unit."""

    config: PredictManyConfig
    fingerprint: str
    precision: Precision

    def __call__(self, unit: Unit) -> None:
        model, scheme = _model(absolute(self.config.model), self.fingerprint, self.config.device)
        encoder = model.classifier.encoder
        encoder.precision = self.precision
        with TemporaryDirectory() as name:
            folder = Path(name)
            recording = self.config.read_one(unit, folder)
            say_who_is_who(scheme, [recording])
            ((_, poses),) = prepare_each([recording], encoder.landmarks, encoder.preparation)
            predictions = PredictionFolder(folder / "predictions", self.fingerprint, [poses.id])
            predictions.clear()
            predictions.write(predict_poses(model, scheme, poses, recording), scheme.channel)
            files = files_below(predictions.path)
            # These two are of the whole folder.
            del files[WRITTEN]
            reviewed = yaml_files.read(files.pop(_REVIEWED), repeats=True)
            self._require_unedited(unit, files)
            self.config.results.put(unit, files, {"reviewed": reviewed})

    def _require_unedited(self, unit: Unit, files: Mapping[str, Path]) -> None:
        """Make sure that what is there to review is as it was written, or as it is written now."""
        results = self.config.results
        there = results.store.read([name for name in files if name.startswith(_REVIEW)])
        if others := [name for name, content in there.items() if content != files[name].read_bytes()]:
            known = [note["reviewed"] for note in results.former(unit)]
            _require_unedited(results, {name: one for note in known for name, one in note.items()}, others)


@lru_cache(maxsize=1)
def _model(address: str, fingerprint: str, device: Device) -> tuple[Model, LabelScheme]:
    """The model, read once by each worker."""
    with TemporaryDirectory() as name:
        folder = fetch_folder(address, Path(name))
        if checkpoints.fingerprint(folder) != fingerprint:
            raise InputError(f"{address}: expected the model that was there at the start and found another: run again")
        model, scheme = checkpoints.load_model(folder)
    model.classifier.to(device)
    return model, scheme


def _is_result(name: str) -> bool:
    return name.startswith((_REVIEW, "pictures/")) or ("/" not in name and name.endswith(".csv"))


def _require_unedited(results: Results, known: Mapping[str, str], names: Sequence[str]) -> None:
    """Make sure that nobody's corrections are lost.

    Args:
        results: the predictions.
        known: file name -> content as it was written, besides what the review folder itself says.
        names: of the review files that are to be written over.
    """
    there = results.store.read([*names, _REVIEWED])
    written = yaml_files.loads(there.pop(_REVIEWED, b""), _REVIEWED, repeats=True) or {}
    with TemporaryDirectory() as name:
        folder = Path(name) / "review"
        folder.mkdir()
        for file, content in there.items():
            (Path(name) / file).write_bytes(content)
        (folder / WRITTEN).write_text(_lines({**written, **known}), encoding="utf-8")
        review = ReviewFolder(folder)
        try:
            review.require_unedited(review.stems)
        except InputError as error:
            raise InputError(str(error).replace(name, results.store.address)) from None


def _note_reviewed(results: Results, units: Sequence[Unit]) -> None:
    """Write what the review files of all that is done were written as, so that edited ones are told from others."""
    there = results.store.read([_REVIEWED]).get(_REVIEWED, b"")
    written: dict[str, Any] = yaml_files.loads(there, _REVIEWED, repeats=True) or {}
    for note in results.marks(units).values():
        written |= note["reviewed"]
    results.write(_REVIEWED, _lines(written).encode())


def _lines(written: Mapping[str, str]) -> str:
    return yaml.safe_dump(dict(written), sort_keys=False, allow_unicode=True) if written else ""


def _next_steps(_: PredictManyConfig, output: str) -> None:
    """Print where the results are, and what to run next."""
    print(f"\npredictions: {output}")
    print("             ID.csv has animals_tracked per frame, 0 where a label is a guess")
    copy = " (copy the folder to a disk first)" if "://" in output else ""
    print(f"next:        score them{copy}")
    print(f"             ssl-behavior evaluate --predictions {output} --annotations ANNOTATIONS")


main = run.command(
    PredictManyConfig, predict_many, "Predict behaviours in thousands of recordings on a Ray cluster.", _next_steps
)


if __name__ == "__main__":
    main()
