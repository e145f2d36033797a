"""The effect of bfloat16 on the speed of embedding, on embeddings and on labels.

    python -m experiments.benchmarks.precision

On the dyads: an encoder is pretrained as in ``few_labels``, models learn from the first draws of three labelled videos,
and each labels the ten held-out videos twice, with the matrix products of its encoder in float32 and in bfloat16. The
encoder stays in runs/dyads.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from experiments.benchmarks import machine
from experiments.dyads import protocol
from experiments.dyads.few_labels import pretrained
from ssl_behavior.cli import run
from ssl_behavior.compute.devices import Precision
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.poses import Poses
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.finetuning import finetune_encoder
from ssl_behavior.training.supervised import Supervision

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True)
class PrecisionBenchmarkConfig:
    """Settings of the benchmark.

    Attributes:
        data: folder with tracks/ and annotations/ of the dyads.
        steps: of pretraining.
        draws: number of draws of three labelled videos; at least two.
    """

    data: Path = protocol.DATA
    steps: int = 3000
    draws: int = 3


def embedded(encoder: Encoder, videos: list[Poses], precision: Precision) -> tuple[np.ndarray, float]:
    """Embeddings (frame, channel) of one ordered pair of each video, and the best frames per second of three runs."""
    encoder.precision = precision
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        embeddings = [embed(encoder, poses, poses.pairs()[0]).numpy() for poses in videos]
        seconds.append(time.perf_counter() - start)
    values = np.concatenate(embeddings)
    return values, len(values) / min(seconds)


def labelled(encoder: Path, dyads: protocol.Dyads, draw: int) -> dict[Precision, Mapping[str, np.ndarray]]:
    """Precision -> labels (frame,) of the held-out videos by one model."""
    task = protocol.task(dyads, 3, draw)
    labelled_videos = [LabelledPoses(video.poses, video.labels, tuple(video.poses.pairs())) for video in task.train]
    learned = finetune_encoder(
        load_encoder(encoder), labelled_videos, task.behaviours, Supervision(), task.seed, "auto"
    )
    labels = {}
    for precision in PRECISIONS:
        learned.model.encoder.precision = precision
        labels[precision] = {
            poses.id: learned.label(LabelledPoses(poses, np.full(len(poses.positions), UNSCORED), tuple(poses.pairs())))
            for poses in task.test
        }
    return labels


def report(config: PrecisionBenchmarkConfig) -> str:
    """Measure everything; returns the tables in Markdown."""
    path = pretrained(config.data, f"encoder-{config.steps}", steps=config.steps)
    encoder = load_encoder(path)
    dyads = protocol.load(config.data, encoder.preparation.frame_rate)
    test = [dyads.videos[video].poses for video in protocol.HELD_OUT]
    (exact, slow), (near, fast) = (embedded(encoder, test, precision) for precision in PRECISIONS)
    apart = np.sqrt(np.square(near - exact).mean() / np.square(exact - exact.mean(0)).mean())
    both = [labelled(path, dyads, draw) for draw in range(config.draws)]
    scores = {
        precision: [protocol.score(labels[precision], dyads)["macro F1"] for labels in both] for precision in PRECISIONS
    }
    moved = [np.mean(np.concatenate([a != b for a, b in _paired(*labels.values())])) for labels in both]
    gained = [b - a for a, b in zip(*scores.values(), strict=True)]
    lines = [
        f"| products of the encoder in | frames per second, an ordered pair | macro F1 of {config.draws} draws |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {rate:,.0f} | {mean(f1):.4f} ± {stdev(f1):.4f} |"
        for (name, f1), rate in zip(scores.items(), (slow, fast), strict=True)
    ]
    lines += [
        "",
        f"bfloat16 is {fast / slow:.1f} times as fast. Its embeddings are {apart:.2%} of their spread away from those "
        f"of float32. Of the labels {mean(moved):.2%} differ ({min(moved):.2%} to {max(moved):.2%}), and macro F1 by "
        f"{mean(gained):+.4f} ({min(gained):+.4f} to {max(gained):+.4f}).",
        "",
        machine.about("xgboost"),
    ]
    return "\n".join(lines)


def _paired(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(first[video], second[video]) for video in first]


def _report(_: PrecisionBenchmarkConfig, text: str) -> None:
    machine.write("precision", text)


main = run.command(PrecisionBenchmarkConfig, report, "What bfloat16 changes when embedding.", _report)


if __name__ == "__main__":
    main()
