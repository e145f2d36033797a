"""What CalMS21 task 1's protocol runs: encoders, fine-tunings on few labelled videos, scores; each once, and kept."""

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
    """One fine-tuning: a variant, on an encoder of a setting, on so many labelled videos that a seed draws."""

    variant: str
    setting: str
    videos: int
    seed: int


@dataclass(frozen=True)
class Plan:
    """What to run; the defaults are the full protocol.

    Attributes:
        seeds: how many.
        sizes: numbers of labelled videos.
        settings: of the encoder: inductive, transductive.
        variants: from scratch and tuned, as fine-tuning does it, with trees; frozen linear, a linear head alone.
        pretrain_steps: in place of the shipped default, to try things out.
        finetune_steps: likewise, of ``supervision.steps``.
        jobs: pretrainings or fine-tunings at once, each on its share of the cores.
    """

    seeds: int = 5
    sizes: tuple[int, ...] = (1, 3, 10, 35, 70)
    settings: tuple[str, ...] = SETTINGS
    variants: tuple[str, ...] = VARIANTS
    pretrain_steps: int = PretrainConfig().steps
    finetune_steps: int = Supervision().steps
    jobs: int = 1

    def pieces(self) -> Iterator[Piece]:
        """The fine-tunings, in order."""
        for seed in range(self.seeds):
            for videos in self.sizes:
                for variant in self.variants:
                    # From scratch there is nothing that the encoder's setting could change.
                    for setting in self.settings if variant != "from scratch" else ("none",):
                        yield Piece(variant, setting, videos, seed)


def named(folder: Path, name: str, config: PretrainConfig | FinetuneConfig) -> Path:
    """A folder that is named after what is run there and all of its settings."""
    return folder / f"{name.replace(' ', '-')}-{hashlib.sha256(repr(config).encode()).hexdigest()[:8]}"


def encoder_config(inputs: Inputs, work: Path, setting: str, seed: int, steps: int) -> PretrainConfig:
    """Pretraining in a setting; a video too short for a clip is left out, and the log says so."""
    config = PretrainConfig(
        recordings=inputs.tracks(setting), steps=steps, seed=seed, skip_bad_files=True, overwrite=True
    )
    return replace(config, output=named(work, f"encoder-{setting}-{seed}", config))


def model_config(inputs: Inputs, work: Path, piece: Piece, ids: Sequence[str], plan: Plan) -> FinetuneConfig:
    """Fine-tuning on the labelled videos ``ids``; from scratch, an encoder only lends its architecture.

    Here too a video too short for a clip is left out, and the log says so.
    """
    origin = piece.setting if piece.setting != "none" else plan.settings[0]
    supervision = replace(Supervision(), steps=plan.finetune_steps)
    if piece.variant == "frozen linear":  # alone, to say what the encoder holds
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
    return replace(config, output=named(work, "-".join(map(str, piece)), config) / "model")


def draws(shown: Mapping[str, Sequence[str]], sizes: Iterable[int], seed: int) -> dict[int, tuple[str, ...]]:
    """Ids of the labelled videos by their number, each draw within the larger ones.

    The first video shows two behaviours at least, as one alone teaches nothing.

    Args:
        shown: id of each training video -> the behaviours that occur in it.
        sizes: numbers of videos.
        seed: of the draw.
    """
    ids = sorted(shown)
    order = [ids[i] for i in np.random.default_rng(seed).permutation(len(ids))]
    first = next((name for name in order if len(shown[name]) > 1), order[0])
    order = [first, *(name for name in order if name != first)]
    return {size: tuple(order[:size]) for size in sizes}


def once(command: Callable[[Any], object], config: PretrainConfig | FinetuneConfig) -> float:
    """Train, unless it is done; returns the minutes it took. What it prints goes to a log beside its output."""
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
    """The scores of a folder of predictions, as plain values."""
    return evaluate(EvaluateConfig(predictions, annotations=(truth,), channel=CHANNEL, output=output, overwrite=True))


def assess(model: Path, tracks: Path, truth: Path) -> tuple[dict[str, Any], float]:
    """Predict the test videos and score them, unless it is done; the scores and the minutes it took."""
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
    """Fine-tune, then predict and score the test videos: a row of the results, without its name."""
    config, tracks, truth = task
    took = once(finetune, config)
    scores, of_testing = assess(config.output, tracks, truth)
    expected = config.output / "cross_validation.json"  # not there after a single video
    checked = json.loads(expected.read_text()) if expected.exists() else {}
    minutes = {"minutes of fine-tuning": took, "minutes of testing": of_testing}
    return row_of(scores, checked) | minutes | {"labelled": " ".join(config.videos)}


def each(function: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """The results in order, ``jobs`` at once."""
    jobs = min(jobs, len(tasks))
    if jobs == 1:
        yield from map(function, tasks)
        return
    threads = max(1, torch.get_num_threads() // jobs)
    # Not forked: the threads of a library that has computed here already are not there in a child.
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
        yield from pool.map(function, tasks)


def protocol(split: Split, plan: Plan, work: Path) -> tuple[list[Row], dict[str, float]]:
    """Run what is missing of a plan.

    Returns:
        A row per fine-tuning, and mean minutes of pretraining by setting.
    """
    if too_many := [size for size in plan.sizes if not 1 <= size <= len(split.shown)]:
        raise InputError(f"--sizes {too_many[0]}: expected 1 to {len(split.shown)}, the number of training videos")
    seeds = range(plan.seeds)
    kinds = [(setting, seed) for seed in seeds for setting in plan.settings]
    configs = [encoder_config(split.inputs, work, *kind, plan.pretrain_steps) for kind in kinds]
    minutes: dict[str, list[float]] = {setting: [] for setting in plan.settings}
    for (setting, seed), took in zip(kinds, each(encode, configs, plan.jobs), strict=True):
        minutes[setting].append(took)
        print(f"encoder, {setting}, seed {seed}: {took:.1f} min", flush=True)
    drawn = {seed: draws(split.shown, plan.sizes, seed) for seed in seeds}
    pieces = list(plan.pieces())
    models = [model_config(split.inputs, work, piece, drawn[piece.seed][piece.videos], plan) for piece in pieces]
    tasks = [(model, split.inputs.test, split.truth) for model in models]
    rows: list[Row] = []
    for piece, found in zip(pieces, each(fine_tuned, tasks, plan.jobs), strict=True):
        rows.append(piece._asdict() | found)
        what = f"{piece.variant}, encoder {piece.setting}, {piece.videos} videos, seed {piece.seed}"
        scores = f"F1 {found['F1']:.3f}, MAP {found['MAP']:.3f}, {found['minutes of fine-tuning']:.1f} min"
        print(f"[{len(rows)}/{len(pieces)}] {what}: {scores}", flush=True)
    return rows, {setting: float(np.mean(took)) for setting, took in minutes.items()}
