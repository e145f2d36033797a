"""``ssl-behavior predict_many``: do what ``predict`` does for thousands of recordings, on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
import yaml

from ssl_behavior.cli import run
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Precision, resolve_precision
from ssl_behavior.errors import InputError, command_line
from ssl_behavior.jobs.per_recording import PerRecordingConfig
from ssl_behavior.jobs.ray_pool import require_no_failures, run_missing
from ssl_behavior.jobs.results import Results, Unit, files_below
from ssl_behavior.models import checkpoints
from ssl_behavior.models.ensemble import Model
from ssl_behavior.models.label_scheme import LabelScheme
from ssl_behavior.models.pair_scheme import PairScheme
from ssl_behavior.poses.prepare import prepare_each
from ssl_behavior.predictions.folder import WRITTEN, PredictionFolder
from ssl_behavior.predictions.labelling import predict_poses, print_assumed_pair
from ssl_behavior.predictions.pair_labelling import predict_pairs
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.predictions.tables import RECORD
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.object_store import absolute, fetch_folder, require_cluster_packages

_REVIEW = "review/"
_REVIEW_WRITTEN = _REVIEW + WRITTEN


@dataclass(frozen=True, kw_only=True)
class PredictManyConfig(PerRecordingConfig):
    """Settings of prediction on Ray.

    Attributes:
        model: folder that finetune wrote, on a disk that all workers see or in an object store.
        output: folder for tables, annotation files and pictures, on a disk that all workers see or in an object store;
            recordings that it already holds, with the same content, are not predicted again, and review files that
            somebody edited are never overwritten.
    """

    model: str
    output: str = "predictions"


@check_arguments
def predict_many(config: PredictManyConfig) -> str:
    """Write tables, files for review and pictures of each recording to ``config.output``.

    Returns:
        The address of the predictions.

    Raises:
        InputError: there are no recordings, the output holds something else, or some recordings cannot be predicted.
            The others are predicted in that case.
    """
    require_cluster_packages()
    config = config.with_absolute_addresses()
    results = config.results
    with TemporaryDirectory() as folder:
        model = checkpoints.fingerprint(fetch_folder(absolute(config.model), Path(folder) / "model"))
        PredictionFolder(Path(folder) / "new", model, []).clear()
        about = (Path(folder) / "new" / WRITTEN).read_bytes()
    precision = resolve_precision(config.precision, torch.device(config.device))
    units = config.units(model, precision)
    if config.overwrite and results.store.read([WRITTEN]).get(WRITTEN) not in (None, about):
        _require_unedited(results, {}, [name for name in results.store.names("review") if name != _REVIEW_WRITTEN])
    results.claim(WRITTEN, about, config.overwrite, _is_result)
    config.save()
    missing = results.missing(units)
    try:
        failures = run_missing(units, missing, _Predicting(config, model, precision), config, "predicting")
    finally:
        _update_records(results, units)
    require_no_failures(failures, len(missing))
    return config.output


@dataclass(frozen=True)
class _Predicting:
    """The work on a unit: predict its recording."""

    config: PredictManyConfig
    fingerprint: str
    precision: Precision

    def __call__(self, unit: Unit) -> None:
        model, scheme = _cached_model(absolute(self.config.model), self.fingerprint)
        model.to(self.config.device, self.precision)
        encoder = model.encoder
        with TemporaryDirectory() as name:
            folder = Path(name)
            recording = self.config.read_recording(unit, folder)
            ((_, poses),) = prepare_each([recording], encoder.landmarks, encoder.preparation)
            predictions = PredictionFolder(folder / "predictions", self.fingerprint, [poses.id], {unit.label: poses.id})
            predictions.clear()
            if isinstance(scheme, PairScheme):
                if not (of_pairs := predict_pairs(model, scheme, poses, recording)):
                    raise InputError(
                        f"{poses.id}: expected a pair in which a behaviour of the model is to be looked for; found "
                        "none: leave the recording out"
                    )
                predictions.write_pairs(of_pairs, scheme.background)
            else:
                print_assumed_pair(scheme, [recording])
                predictions.write(predict_poses(model, scheme, poses, recording), scheme.channel)
            files = files_below(predictions.path)
            # These describe the whole folder, so the main process writes them.
            del files[WRITTEN]
            videos = yaml_files.read(files.pop(RECORD))
            written = yaml_files.read(files.pop(_REVIEW_WRITTEN), repeats=True)
            self._require_unedited(unit, files)
            self.config.results.put(unit, files, {"reviewed": written, "videos": videos})

    def _require_unedited(self, unit: Unit, files: Mapping[str, Path]) -> None:
        """Check that the existing review files are as they were written, or already as they would be written now."""
        results = self.config.results
        existing = results.store.read([name for name in files if name.startswith(_REVIEW)])
        if changed := [name for name, content in existing.items() if content != files[name].read_bytes()]:
            former = _merge(note["reviewed"] for note in results.former_notes(unit))
            _require_unedited(results, former, changed)


@lru_cache(maxsize=1)
def _cached_model(address: str, fingerprint: str) -> tuple[Model, LabelScheme | PairScheme]:
    """Return the model; a worker reads it once."""
    with TemporaryDirectory() as name:
        folder = fetch_folder(address, Path(name))
        if checkpoints.fingerprint(folder) != fingerprint:
            raise InputError(f"{address}: expected the same model as at the start; found another one: run again")
        load = checkpoints.load_pair_model if checkpoints.is_of_pairs(folder) else checkpoints.load_model
        return load(folder)


def _is_result(name: str) -> bool:
    return name.startswith((_REVIEW, "pictures/")) or ("/" not in name and name.endswith(".csv"))


def _require_unedited(results: Results, former: Mapping[str, str], names: Sequence[str]) -> None:
    """Check that writing review files loses nobody's corrections.

    Args:
        results: folder of the predictions.
        former: file name -> digest of its content as it was written, in addition to the record in the review folder.
        names: names of the review files to overwrite.

    Raises:
        InputError: somebody edited one of them.
    """
    existing = results.store.read([*names, _REVIEW_WRITTEN])
    written = yaml_files.loads(existing.pop(_REVIEW_WRITTEN, b""), _REVIEW_WRITTEN, repeats=True) or {}
    with TemporaryDirectory() as name:
        folder = Path(name) / "review"
        folder.mkdir()
        for file, content in existing.items():
            (Path(name) / file).write_bytes(content)
        (folder / WRITTEN).write_text(_to_yaml({**written, **former}), encoding="utf-8")
        review = ReviewFolder(folder)
        try:
            review.require_unedited(review.stems)
        except InputError as error:
            raise InputError(str(error).replace(name, results.store.address)) from None


def _update_records(results: Results, units: Sequence[Unit]) -> None:
    """Record the content of all review files as written, so that later runs recognise edited ones, and the videos."""
    notes = results.notes(units).values()
    existing = results.store.read([_REVIEW_WRITTEN, RECORD])
    for name, key in ((_REVIEW_WRITTEN, "reviewed"), (RECORD, "videos")):
        record: dict[str, Any] = yaml_files.loads(existing.get(name, b""), name, repeats=True) or {}
        record |= _merge(note.get(key, {}) for note in notes)  # version 0.1.0 noted no videos
        results.store.write(name, _to_yaml(record).encode())


def _merge(records: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Join records of file names and digests; later ones override earlier ones."""
    return {name: digest for record in records for name, digest in record.items()}


def _to_yaml(written: Mapping[str, str]) -> str:
    return yaml.safe_dump(dict(written), sort_keys=False, allow_unicode=True) if written else ""


def _next_steps(_: PredictManyConfig, output: str) -> None:
    """Print where the results are, and what to run next."""
    print(f"\npredictions: {output}")
    print("             ID.csv has animals_tracked per frame; where it is 0, the label is a guess")
    copy = " (copy the folder to a disk first)" if "://" in output else ""
    print(f"next:        score them{copy}")
    print(f"             {command_line('evaluate', '--predictions', output, '--annotations', 'ANNOTATIONS')}")


main = run.command(
    PredictManyConfig, predict_many, "Predict behaviours in thousands of recordings on a Ray cluster.", _next_steps
)


if __name__ == "__main__":
    main()
