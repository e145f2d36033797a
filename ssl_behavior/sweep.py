"""``ssl-behavior sweep``: pretrain and fine-tune over a grid of settings on a Ray cluster, and compare the scores."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import yaml

from ssl_behavior.cli import run
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError
from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.formats.annotations.read import LABEL_SUFFIXES
from ssl_behavior.formats.tracks.read import TRACK_SUFFIXES
from ssl_behavior.jobs.grid import Configuration, read_grid, settings_of
from ssl_behavior.jobs.ray_connection import RayConfig, ray_connection
from ssl_behavior.jobs.ray_pool import require_no_failures, run_missing
from ssl_behavior.jobs.results import Results, Unit, files_below, unit_digest
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.storage.object_store import (
    InputFile,
    Store,
    absolute,
    fetch,
    fetch_folder,
    input_files,
    require_cluster_packages,
)

_INPUTS = {"recordings": TRACK_SUFFIXES, "annotations": LABEL_SUFFIXES, "skeleton": None}
"""Settings that name files -> endings of the files that count in a folder."""
_SET_BY_SWEEP = {"output", "overwrite", "device", "encoder"}
_TABLE = "results.csv"

FindFiles = Callable[[tuple[str, ...], tuple[str, ...] | None], list[InputFile]]


@dataclass(frozen=True, kw_only=True)
class SweepConfig(RayConfig):
    """Settings of a sweep.

    Attributes:
        configs: YAML file with a section of settings for pretrain and one for finetune, and under vary the alternatives
            of some settings, such as pretrain.steps with [1000, 3000]; the files of recordings and annotations are on a
            disk that all workers see or in an object store.
        output: folder for encoders, models and the table of scores, on a disk that all workers see or in an object
            store.
    """

    configs: Path
    output: str = "runs/sweep"


@dataclass(frozen=True)
class TrainingUnit(Unit):
    """The training of an encoder, or of a model on an encoder.

    Attributes:
        section: settings of the command as YAML, with the address of every file.
        encoder: training of the encoder that a model is trained on; None if this trains an encoder.
    """

    section: str = field(default="", compare=False)
    encoder: TrainingUnit | None = None

    @property
    def folder(self) -> str:
        """Folder of the result."""
        return f"{'models' if self.encoder else 'encoders'}/{self.digest}"


@check_arguments
def sweep(config: SweepConfig) -> pd.DataFrame:
    """Train a model for every combination of the alternatives, and write their scores to ``results.csv``.

    Training shared by several combinations runs once: combinations that differ in fine-tuning only share an encoder.

    Returns:
        A row per combination: the varied settings, the scores of cross-validation over the labelled videos, the folders
        of encoder and model, and the ``problem`` that prevented the training, if any.

    Raises:
        InputError: the grid cannot be read, or some combinations could not be trained. The others are trained in that
            case.

    Examples:
        >>> table = sweep(SweepConfig(configs=Path("sweep.yaml")))  # doctest: +SKIP
        >>> table.sort_values("macro_f1").iloc[-1]["model"]  # doctest: +SKIP
        'models/0c1f2a9be4d35678'
    """
    require_cluster_packages()
    config.require_usable_ray()
    config = replace(config, output=absolute(config.output))
    results = Results(Store(config.output))
    grid = read_grid(config.configs, ("pretrain", "finetune"))
    find_files = cache(input_files)  # shared by all combinations, because it reads every file
    models = [_plan_model(configuration, config.configs, find_files) for configuration in grid]
    results.require_own_folder(_TABLE)
    problems: dict[Unit, str] = {}
    attempted = 0
    try:
        # One connection for both stages, and none if nothing is missing: Ray takes seconds to start.
        has_work = results.missing([unit for model in models for unit in (model.encoder, model) if unit])
        with ray_connection(config) if has_work else nullcontext():
            stages = (("pretraining", [model.encoder for model in models]), ("fine-tuning", models))
            for description, stage in stages:
                # Shared units once, and no model whose encoder failed.
                units = [unit for unit in dict.fromkeys(stage) if unit and unit.encoder not in problems]
                missing = results.missing(units)
                attempted += len(missing)
                problems |= run_missing(units, missing, _Training(config), config, description)
    finally:
        table = _tabulate(grid, models, results, problems)
        results.write(_TABLE, table.to_csv(index=False).encode())
    require_no_failures(problems, attempted)
    return table


def _plan_model(configuration: Configuration, path: Path, find_files: FindFiles) -> TrainingUnit:
    """Return the training of a combination's model, which holds the training of its encoder.

    Raises:
        InputError: a setting is unknown, has an unusable value or is set by the sweep, or a file does not exist.
    """
    sections = configuration.sections
    encoder = _plan_training(PretrainConfig, sections["pretrain"], f"{path} (pretrain)", None, find_files)
    return _plan_training(FinetuneConfig, sections["finetune"], f"{path} (finetune)", encoder, find_files)


def _plan_training(
    settings_class: type[PretrainConfig | FinetuneConfig],
    section: dict[str, Any],
    where: str,
    encoder: TrainingUnit | None,
    find_files: FindFiles,
) -> TrainingUnit:
    if reserved := _SET_BY_SWEEP & set(section):
        raise InputError(f"{where}: found {', '.join(sorted(reserved))}, which the sweep sets itself: remove it")
    placeholder = {"encoder": "-"} if encoder else {}  # a required setting, whose folder does not exist yet
    settings = asdict(settings_of(settings_class, section | placeholder, where))
    section = dict(section)
    inputs: list[tuple[str, InputFile]] = []
    for name, suffixes in _INPUTS.items():
        if addresses := section.get(name):
            patterns = (addresses,) if isinstance(addresses, str) else tuple(addresses)
            files = find_files(patterns, None if section.get("format") and name == "recordings" else suffixes)
            section[name] = files[0].address if isinstance(addresses, str) else [file.address for file in files]
            inputs += [(name, file) for file in files]
    # Files count by name and content, so the same training is recognised wherever its inputs are.
    other_settings = {name: value for name, value in settings.items() if name not in {*_INPUTS, *_SET_BY_SWEEP}}
    contents = [(name, file.address.rpartition("/")[2], file.stamp) for name, file in inputs]
    digest = unit_digest(settings_class.__name__, other_settings, contents, encoder.digest if encoder else None)
    return TrainingUnit(
        label=f"{'model' if encoder else 'encoder'}-{digest}",
        digest=digest,
        inputs=tuple(file for _, file in inputs),
        section=yaml.safe_dump(section, sort_keys=False),
        encoder=encoder,
    )


@dataclass(frozen=True)
class _Training:
    """The work on a unit: pretrain or fine-tune."""

    config: SweepConfig

    def __call__(self, unit: Unit) -> None:
        assert isinstance(unit, TrainingUnit)
        results = Results(Store(self.config.output))
        with TemporaryDirectory() as name:
            folder = Path(name)
            output = folder / "output"
            section = {**yaml.safe_load(unit.section), "output": str(output), "device": self.config.device}
            for setting in _INPUTS:
                if addresses := section.get(setting):
                    section[setting] = _fetch_all(addresses, folder / setting)
            scores = {}
            if unit.encoder is None:
                pretrain(settings_of(PretrainConfig, section, unit.label))
            else:
                address = f"{self.config.output}/{unit.encoder.folder}"
                section["encoder"] = str(fetch_folder(address, folder / "encoder"))
                # finetune prints tables that are also in its output. Those of many models would hide the progress.
                with redirect_stdout(io.StringIO()):
                    scores = _scores(finetune(settings_of(FinetuneConfig, section, unit.label)))
            # The command's own settings name temporary files of this worker.
            (output / "settings.yaml").write_text(unit.section, encoding="utf-8")
            files = {f"{unit.folder}/{name}": file for name, file in files_below(output).items()}
            results.put(unit, files, {"scores": scores})


def _fetch_all(addresses: str | list[str], folder: Path) -> str | list[str]:
    if isinstance(addresses, str):
        return str(fetch(addresses, folder))
    # A folder for each file, because files of different folders may have the same name.
    return [str(fetch(address, folder / str(i))) for i, address in enumerate(addresses)]


def _scores(report: Mapping[str, Any]) -> dict[str, float | None]:
    """Return column of the table -> score from the report of a cross-validation; empty without one."""
    if not report:
        return {}
    overall = ("macro_f1", "macro_precision", "mean_average_precision", "expected_calibration_error")
    return (
        {name: report[name] for name in overall}
        | {f"bout_f1_{overlap}": value for overlap, value in report["bout_f1"].items()}
        | {f"f1_{behaviour}": scores["f1"] for behaviour, scores in report["classes"].items()}
    )


def _tabulate(
    grid: Iterable[Configuration], models: Sequence[TrainingUnit], results: Results, problems: Mapping[Unit, str]
) -> pd.DataFrame:
    """Return a row per combination: see ``sweep``."""
    notes = results.notes(dict.fromkeys(models))
    rows = []
    for configuration, model in zip(grid, models, strict=True):
        assert model.encoder is not None
        row = {**configuration.varied, **notes.get(model, {}).get("scores", {})}
        row |= {"encoder": model.encoder.folder, "model": model.folder}
        problem = problems.get(model) or problems.get(model.encoder) or "not trained yet"
        rows.append({**row, "problem": "" if model in notes else problem})
    last_columns = ["encoder", "model", "problem"]
    table = pd.DataFrame(rows)
    return table[[name for name in table if name not in last_columns] + last_columns]


def _next_steps(config: SweepConfig, table: pd.DataFrame) -> None:
    """Print the best model, and where the results are."""
    if "macro_f1" in table and table["macro_f1"].notna().any():
        best = table.loc[table["macro_f1"].idxmax()]
        print(f"\nbest macro F1 in cross-validation: {best['macro_f1']:.3f} by {config.output}/{best['model']}")
        print("(it was chosen by this score, so expect a little less on new videos)")
    print(f"table: {config.output}/{_TABLE}")


main = run.command(SweepConfig, sweep, "Pretrain and fine-tune over a grid of settings on a Ray cluster.", _next_steps)


if __name__ == "__main__":
    main()
