"""The runs of CalMS21 task 1's protocol: pretraining, fine-tuning on few labelled videos, scores. Each runs once."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch

from experiments.calms21_task1.results import Row, row_of
from experiments.calms21_task1.split import Inputs, Split
from ssl_behavior.errors import InputError
from ssl_behavior.evaluate import EvaluateConfig, evaluate
from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.predict import PredictConfig, predict
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.training.supervised import Supervision

SETTINGS, VARIANTS = ("inductive", "transductive"), ("from scratch", "tuned", "frozen linear")
Task = TypeVar("Task")
Result = TypeVar("Result")


class Piece(NamedTuple):
    """One fine-tuning: a variant, with the encoder of a setting, on a number of labelled videos that a seed draws."""

    variant: str
    setting: str
    videos: int
    seed: int


@dataclass(frozen=True)
class Plan:
    """The runs of a protocol; the defaults are the full protocol.

    Attributes:
        seeds: number of seeds.
        sizes: numbers of labelled videos.
        settings: of the encoder: inductive, transductive.
        variants: from scratch and tuned (both with trees, as finetune does), and frozen linear (a linear head only).
        pretrain_steps: in place of the default, for short trials.
        finetune_steps: in place of ``supervision.steps``, for short trials.
        jobs: trainings at a time, each on its share of the cores.
    """

    seeds: int = 5
    sizes: tuple[int, ...] = (1, 3, 10, 35, 70)
    settings: tuple[str, ...] = SETTINGS
    variants: tuple[str, ...] = VARIANTS
    pretrain_steps: int = PretrainConfig().steps
    finetune_steps: int = Supervision().steps
    jobs: int = 1

    def pieces(self) -> Iterator[Piece]:
        """All fine-tunings, in order."""
        for seed in range(self.seeds):
            for videos in self.sizes:
                for variant in self.variants:
                    # Training from scratch does not depend on the encoder's setting.
                    for setting in self.settings if variant != "from scratch" else ("none",):
                        yield Piece(variant, setting, videos, seed)


def run_folder(folder: Path, name: str, config: PretrainConfig | FinetuneConfig) -> Path:
    """A folder whose name depends on the run and all of its settings."""
    return folder / f"{name.replace(' ', '-')}-{hashlib.sha256(repr(config).encode()).hexdigest()[:8]}"


def encoder_config(inputs: Inputs, work: Path, setting: str, seed: int, steps: int) -> PretrainConfig:
    """Settings of pretraining; videos too short for a clip are left out, and the log names them."""
    config = PretrainConfig(
        recordings=inputs.tracks(setting), steps=steps, seed=seed, skip_bad_files=True, overwrite=True
    )
    return replace(config, output=run_folder(work, f"encoder-{setting}-{seed}", config))


def model_config(inputs: Inputs, work: Path, piece: Piece, ids: Sequence[str], plan: Plan) -> FinetuneConfig:
    """Settings of fine-tuning on the labelled videos ``ids``; from scratch, only the encoder's architecture is used.

    Videos too short for a clip are left out, and the log names them.
    """
    origin = piece.setting if piece.setting != "none" else plan.settings[0]
    supervision = replace(Supervision(), steps=plan.finetune_steps)
    if piece.variant == "frozen linear":  # without trees, to measure the encoder
        supervision = replace(supervision, tune="linear", trees=0)
    config = FinetuneConfig(
        recordings=(inputs.labelled,),
        encoder=encoder_config(inputs, work, origin, piece.seed, plan.pretrain_steps).output,
        channel=CHANNEL,
        videos=tuple(ids),
        from_scratch=piece.variant == "from scratch",
        supervision=supervision,
        seed=piece.seed,
        skip_bad_files=True,
        overwrite=True,
    )
    return replace(config, output=run_folder(work, "-".join(map(str, piece)), config) / "model")


def draws(shown: Mapping[str, Sequence[str]], sizes: Iterable[int], seed: int) -> dict[int, tuple[str, ...]]:
    """Number of labelled videos -> their ids; each draw is contained in the larger ones.

    The first video shows at least two behaviours, because one behaviour alone teaches nothing.

    Args:
        shown: id of each training video -> the behaviours that occur in it.
        sizes: numbers of videos.
        seed: of the draw.
    """
    ids = sorted(shown)
    order = [ids[i] for i in np.random.default_rng(seed).permutation(len(ids))]
    first_video = next((name for name in order if len(shown[name]) > 1), order[0])
    order = [first_video, *(name for name in order if name != first_video)]
    return {size: tuple(order[:size]) for size in sizes}


def once(command: Callable[[Any], object], config: PretrainConfig | FinetuneConfig) -> float:
    """Train, unless the results exist; returns the minutes it took. The log is written beside the output."""
    minutes = config.output / "minutes.txt"
    if not minutes.exists():
        started = time.perf_counter()
        config.output.parent.mkdir(parents=True, exist_ok=True)
        with open(config.output.with_suffix(".log"), "w") as log, redirect_stdout(log):
            command(config)
        minutes.write_text(f"{(time.perf_counter() - started) / 60:.3f}\n")
    return float(minutes.read_text())


def encode(config: PretrainConfig) -> float:
    """Pretrain an encoder; returns the minutes it took."""
    return once(pretrain, config)


def score(predictions: Path, truth: Path, output: Path) -> dict[str, Any]:
    """Score a folder of predictions; returns plain values."""
    return evaluate(EvaluateConfig(predictions, annotations=(truth,), channel=CHANNEL, output=output, overwrite=True))


def assess(model: Path, tracks: Path, truth: Path) -> tuple[dict[str, Any], float]:
    """Predict and score the test videos, unless the scores exist; returns scores and minutes."""
    predictions, scores, minutes = (model.with_name(name) for name in ("predictions", "scores", "minutes.txt"))
    if not minutes.exists():
        started = time.perf_counter()
        with open(model.with_name("testing.log"), "w") as log, redirect_stdout(log):
            predict(PredictConfig(model, predictions, recordings=(tracks,), overwrite=True))
            score(predictions, truth, scores)
        shutil.rmtree(predictions)
        minutes.write_text(f"{(time.perf_counter() - started) / 60:.3f}\n")
    return json.loads((scores / "scores.json").read_text()), float(minutes.read_text())


def fine_tuned(task: tuple[FinetuneConfig, Path, Path]) -> Row:
    """Fine-tune, then predict and score the test videos; returns a row of the results without the piece's fields."""
    config, tracks, truth = task
    took = once(finetune, config)
    scores, of_testing = assess(config.output, tracks, truth)
    expected = config.output / "cross_validation.json"  # missing after a single video
    checked = json.loads(expected.read_text()) if expected.exists() else {}
    minutes = {"minutes of fine-tuning": took, "minutes of testing": of_testing}
    return row_of(scores, checked) | minutes | {"labelled": " ".join(config.videos)}


def run_all(function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """Yield the results in order, computing ``jobs`` at a time."""
    jobs = min(jobs, len(tasks))
    if jobs == 1:
        yield from map(function, tasks)
        return
    threads = max(1, torch.get_num_threads() // jobs)
    # Spawned: a forked child lacks the threads of libraries that have computed in this process.
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        yield from pool.map(function, tasks)


def protocol(split: Split, plan: Plan, work: Path) -> tuple[list[Row], dict[str, float]]:
    """Run the parts of a plan that have no results yet.

    Returns:
        A row for each fine-tuning, and setting -> mean minutes of pretraining.
    """
    if too_many := [size for size in plan.sizes if not 1 <= size <= len(split.shown)]:
        raise InputError(f"--sizes {too_many[0]}: expected 1 to {len(split.shown)}, the number of training videos")
    seeds = range(plan.seeds)
    kinds = [(setting, seed) for seed in seeds for setting in plan.settings]
    configs = [encoder_config(split.inputs, work, *kind, plan.pretrain_steps) for kind in kinds]
    minutes: dict[str, list[float]] = {setting: [] for setting in plan.settings}
    for (setting, seed), took in zip(kinds, run_all(encode, configs, plan.jobs), strict=True):
        minutes[setting].append(took)
        print(f"encoder, {setting}, seed {seed}: {took:.1f} min", flush=True)
    drawn = {seed: draws(split.shown, plan.sizes, seed) for seed in seeds}
    pieces = list(plan.pieces())
    models = [model_config(split.inputs, work, piece, drawn[piece.seed][piece.videos], plan) for piece in pieces]
    tasks = [(model, split.inputs.test, split.truth) for model in models]
    rows: list[Row] = []
    for piece, scores in zip(pieces, run_all(fine_tuned, tasks, plan.jobs), strict=True):
        rows.append(piece._asdict() | scores)
        description = f"{piece.variant}, encoder {piece.setting}, {piece.videos} videos, seed {piece.seed}"
        summary = f"F1 {scores['F1']:.3f}, MAP {scores['MAP']:.3f}, {scores['minutes of fine-tuning']:.1f} min"
        print(f"[{len(rows)}/{len(pieces)}] {description}: {summary}", flush=True)
    return rows, {setting: float(np.mean(took)) for setting, took in minutes.items()}
