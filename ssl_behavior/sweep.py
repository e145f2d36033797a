"""``ssl-behavior sweep``: pretrain and fine-tune over a grid of settings, on a Ray cluster, and compare."""

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
from ssl_behavior.errors import InputError
from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.formats.annotations.read import LABEL_SUFFIXES
from ssl_behavior.formats.tracks.read import TRACK_SUFFIXES
from ssl_behavior.jobs.grid import Configuration, read_grid, settings_of
from ssl_behavior.jobs.ray_pool import FleetConfig, connected, do_missing, require_none
from ssl_behavior.jobs.results import Results, Unit, files_below, unit_digest
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.storage.object_store import (
    InputFile,
    Store,
    absolute,
    fetch,
    fetch_folder,
    input_files,
    require_extra,
)

_INPUTS = {"recordings": TRACK_SUFFIXES, "annotations": LABEL_SUFFIXES, "skeleton": None}
_GIVEN = {"output", "overwrite", "device", "encoder"}
_TABLE = "results.csv"

Find = Callable[[tuple[str, ...], tuple[str, ...] | None], list[InputFile]]


@dataclass(frozen=True, kw_only=True)
class SweepConfig(FleetConfig):
    """Settings of a sweep.

    Attributes:
        configs: YAML file with the settings of pretrain and of finetune in a section each, and under vary the
            alternatives of some, such as pretrain.steps with [1000, 3000]. Files of recordings and annotations lie on a
            disk that all workers see or in a store.
        output: folder for encoders, models and the table of scores, on a disk that all workers see or in a store.
    """

    configs: Path
    output: str = "runs/sweep"


@dataclass(frozen=True)
class Step(Unit):
    """The training of an encoder, or of a model on one.

    Attributes:
        section: the command's settings as YAML, with the addresses of every file.
        encoder: that a model is trained on; None where an encoder is trained.
    """

    section: str = field(default="", compare=False)
    encoder: Step | None = None

    @property
    def folder(self) -> str:
        """Where its result goes."""
        return f"{'models' if self.encoder else 'encoders'}/{self.digest}"


def sweep(config: SweepConfig) -> pd.DataFrame:
    """Train a model for every combination of the alternatives, and write their scores to ``results.csv``.

    What several have in common is trained once: configurations that differ in fine-tuning only share their encoder.

    Returns:
        a row per configuration: what was varied, the scores of cross-validation over the labelled videos, where encoder
        and model are, and why there is none where it could not be made.

    Raises:
        InputError: the grid cannot be read, or some could not be trained, while the others are.
    """
    require_extra()
    config.require_fleet()
    config = replace(config, output=absolute(config.output))
    results = Results(Store(config.output))
    grid = read_grid(config.configs, ("pretrain", "finetune"))
    find = cache(input_files)  # once for all configurations, as contents are read
    models = [_planned(one, config.configs, find) for one in grid]
    results.require_own(_TABLE)
    problems: dict[Unit, str] = {}
    tried = 0
    try:
        # Ray is started once, and only for something to do.
        there_is_work = results.missing([step for one in models for step in (one.encoder, one) if step])
        with connected(config) if there_is_work else nullcontext():
            for doing, steps in (("pretraining", [one.encoder for one in models]), ("fine-tuning", models)):
                # Equal ones once; and none whose encoder is missing.
                units = [one for one in dict.fromkeys(steps) if one and one.encoder not in problems]
                missing = results.missing(units)
                tried += len(missing)
                problems |= do_missing(units, missing, _Training(config), config, doing)
    finally:
        table = _table(grid, models, results, problems)
        results.write(_TABLE, table.to_csv(index=False).encode())
    require_none(problems, tried)
    return table


def _planned(one: Configuration, path: Path, find: Find) -> Step:
    """The training of a configuration's model, and within it that of its encoder.

    Raises:
        InputError: a setting is not known, cannot be, or is not the sweep's to vary; or a file is not there.
    """
    encoder = _step(PretrainConfig, one.sections["pretrain"], f"{path} (pretrain)", None, find)
    return _step(FinetuneConfig, one.sections["finetune"], f"{path} (finetune)", encoder, find)


def _step(
    settings_class: type[PretrainConfig | FinetuneConfig],
    section: dict[str, Any],
    where: str,
    encoder: Step | None,
    find: Find,
) -> Step:
    if given := _GIVEN & set(section):
        raise InputError(
            f"{where}: expected no {', '.join(sorted(given))}, which the sweep gives; found it: leave it out"
        )
    needed = {"encoder": "-"} if encoder else {}
    settings = asdict(settings_of(settings_class, section | needed, where))
    section = dict(section)
    files = []
    for name, suffixes in _INPUTS.items():
        if addresses := section.get(name):
            named = (addresses,) if isinstance(addresses, str) else tuple(addresses)
            found = find(named, None if section.get("format") and name == "recordings" else suffixes)
            section[name] = found[0].address if isinstance(addresses, str) else [one.address for one in found]
            files += [(name, one) for one in found]
    own = {name: value for name, value in settings.items() if name not in {*_INPUTS, *_GIVEN}}
    contents = [(name, one.address.rpartition("/")[2], one.stamp) for name, one in files]
    what = unit_digest(settings_class.__name__, own, contents, encoder.digest if encoder else None)
    label = f"{'model' if encoder else 'encoder'}-{what}"
    inputs, text = tuple(one for _, one in files), yaml.safe_dump(section, sort_keys=False)
    return Step(label, what, inputs, section=text, encoder=encoder)


@dataclass(frozen=True)
class _Training:
    """The work on a step."""

    config: SweepConfig

    def __call__(self, step: Unit) -> None:
        assert isinstance(step, Step)
        results = Results(Store(self.config.output))
        with TemporaryDirectory() as name:
            folder = Path(name)
            section = {**yaml.safe_load(step.section), "output": str(folder / "made"), "device": self.config.device}
            for one in _INPUTS:
                if addresses := section.get(one):
                    section[one] = _fetched(addresses, folder / one)
            scores = {}
            if step.encoder is None:
                pretrain(settings_of(PretrainConfig, section, step.label))
            else:
                address = f"{self.config.output}/{step.encoder.folder}"
                section["encoder"] = str(fetch_folder(address, folder / "encoder"))
                # Its tables are in the result, and of many they would be too much to read.
                with redirect_stdout(io.StringIO()):
                    scores = _scores(finetune(settings_of(FinetuneConfig, section, step.label)))
            # In place of what names the worker's own files.
            (folder / "made" / "settings.yaml").write_text(step.section, encoding="utf-8")
            made = {f"{step.folder}/{name}": file for name, file in files_below(folder / "made").items()}
            results.put(step, made, {"scores": scores})


def _fetched(addresses: str | list[str], folder: Path) -> str | list[str]:
    if isinstance(addresses, str):
        return str(fetch(addresses, folder))
    # A folder for each, as files of different folders may be called the same.
    return [str(fetch(address, folder / str(i))) for i, address in enumerate(addresses)]


def _scores(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The scores of a cross-validation's report, by column of the table; none where there was no cross-validation."""
    if not report:
        return {}
    plain = ("macro_f1", "macro_precision", "mean_average_precision", "expected_calibration_error")
    return (
        {name: report[name] for name in plain}
        | {f"bout_f1_{overlap}": value for overlap, value in report["bout_f1"].items()}
        | {f"f1_{name}": one["f1"] for name, one in report["classes"].items()}
    )


def _table(
    grid: Iterable[Configuration], models: Sequence[Step], results: Results, problems: Mapping[Unit, str]
) -> pd.DataFrame:
    notes = results.marks(dict.fromkeys(models))
    rows = []
    for one, model in zip(grid, models, strict=True):
        assert model.encoder is not None
        row = {**one.varied, **notes.get(model, {}).get("scores", {})}
        row |= {"encoder": model.encoder.folder, "model": model.folder}
        why = problems.get(model) or problems.get(model.encoder) or "not trained yet"
        rows.append({**row, "problem": "" if model in notes else why})
    last = ["encoder", "model", "problem"]
    table = pd.DataFrame(rows)
    return table[[name for name in table if name not in last] + last]


def _next_steps(config: SweepConfig, table: pd.DataFrame) -> None:
    """Print where the results are, and what to run next."""
    if "macro_f1" in table and table["macro_f1"].notna().any():
        best = table.loc[table["macro_f1"].idxmax()]
        print(f"\nbest macro F1 in cross-validation: {best['macro_f1']:.3f} by {config.output}/{best['model']}")
        print("(the best of several by these very scores: expect a little less on new videos)")
    print(f"table: {config.output}/{_TABLE}")


main = run.command(SweepConfig, sweep, "Pretrain and fine-tune over a grid of settings on a Ray cluster.", _next_steps)


if __name__ == "__main__":
    main()
