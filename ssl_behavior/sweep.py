"""``ssl-behavior sweep``: pretrain and fine-tune over a grid of settings on a Ray cluster, and compare the scores."""

from __future__ import annotations

import io
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from ssl_behavior.cli import run
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.devices import Device
from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.jobs.grid import Configuration, read_grid
from ssl_behavior.jobs.ray_connection import RayConfig, ray_connection
from ssl_behavior.jobs.ray_pool import require_no_failures, run_missing
from ssl_behavior.jobs.results import Results, Unit, files_below
from ssl_behavior.jobs.training_scores import Combination, best_model, scores_of, tabulate_scores
from ssl_behavior.jobs.training_units import FindFiles, TrainingUnit, plan_training, training_settings
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.storage.object_store import Store, absolute, fetch_folder, input_files, require_cluster_packages

_TABLE = "results.csv"


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
    combinations = plan_combinations(config.configs)
    models = [combination.model for combination in combinations]
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
                problems |= run_missing(units, missing, Training(config.output, config.device), config, description)
    finally:
        table = tabulate_scores(combinations, results, {unit.digest: reason for unit, reason in problems.items()})
        results.store.write(_TABLE, table.to_csv(index=False).encode())
    require_no_failures(problems, attempted)
    return table


def plan_combinations(configs: Path) -> list[Combination]:
    """Return the combinations of a grid, each with the trainings that it needs. The recordings are read.

    Raises:
        InputError: the file is no such grid, a setting is unknown, has an unusable value or is set by each worker, or a
            file does not exist.
    """
    find_files = cache(input_files)  # shared by all combinations, because it reads every file
    return [
        Combination(configuration.varied, _plan_model(configuration, configs, find_files))
        for configuration in read_grid(configs, ("pretrain", "finetune"))
    ]


def _plan_model(configuration: Configuration, path: Path, find_files: FindFiles) -> TrainingUnit:
    """Return the training of a combination's model, which holds the training of its encoder."""
    sections = configuration.sections
    encoder = plan_training(PretrainConfig, sections["pretrain"], f"{path} (pretrain)", None, find_files)
    return plan_training(FinetuneConfig, sections["finetune"], f"{path} (finetune)", encoder, find_files)


@dataclass(frozen=True)
class Training:
    """The work on a unit: pretrain or fine-tune, and store the result.

    Attributes:
        output: address of the folder of the results.
        device: device of this worker.
    """

    output: str
    device: Device

    def __call__(self, unit: Unit) -> None:
        """Train the encoder or the model of a unit.

        Raises:
            InputError: the unit cannot be trained, or its result cannot be stored.
        """
        assert isinstance(unit, TrainingUnit)
        results = Results(Store(self.output))
        with TemporaryDirectory() as name:
            folder = Path(name)
            scores = {}
            if unit.encoder is None:
                pretrain(training_settings(PretrainConfig, unit, folder, self.device, None))
            else:
                encoder = fetch_folder(f"{self.output}/{unit.encoder.folder}", folder / "encoder")
                settings = training_settings(FinetuneConfig, unit, folder, self.device, encoder)
                # finetune prints tables that are also in its output. Those of many models would hide the progress.
                with redirect_stdout(io.StringIO()):
                    scores = scores_of(finetune(settings))
            # The command's own settings name temporary files of this worker.
            (folder / "output" / "settings.yaml").write_text(unit.section, encoding="utf-8")
            # A worker that was slow and thought to be dead may find that another one has done its unit.
            if results.missing([unit]):
                files = {f"{unit.folder}/{name}": file for name, file in files_below(folder / "output").items()}
                results.put(unit, files, {"scores": scores})


def _next_steps(config: SweepConfig, table: pd.DataFrame) -> None:
    """Print the best model, and where the results are."""
    print("", *best_model(table, config.output), sep="\n")
    print(f"table: {config.output}/{_TABLE}")


main = run.command(SweepConfig, sweep, "Pretrain and fine-tune over a grid of settings on a Ray cluster.", _next_steps)


if __name__ == "__main__":
    main()
