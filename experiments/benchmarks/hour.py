"""The time from a file of tracks to labels or embeddings, for an hour of two mice (108,000 frames at 30 Hz).

    python -m experiments.benchmarks.hour

The tracks are simulated and written as a DeepLabCut table. The models have the default settings (network and 200 trees)
except for the steps of training. One model learned what the resident does to the intruder (one ordered pair, as in
CalMS21), the other what the group does (both ordered pairs). The first start has an empty cache of parsed and prepared
recordings, the second start a full one; each start is a process of its own. All times are in seconds, and those of the
steps come from the same runs. The operations of the network are those of its matrix products; beside their rate stands
the rate of torch for products of the same sizes.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from experiments.benchmarks import machine
from experiments.benchmarks.hour_turn import NETWORK
from experiments.benchmarks.models import make_encoder, make_model
from experiments.benchmarks.tracks import HOUR, write_deeplabcut
from experiments.benchmarks.turns import met, spread, turn
from ssl_behavior.compute.devices import uses_bfloat16
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.prepare import prepare
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recording, simulate_recordings

GOAL_S, RATE_GOAL = 3.0, 0.6
STARTS = ("first start", "second start")
_TAUGHT = 20_000
"""Frames of a labelled recording: enough to grow trees to their full depth."""
Turns = list[dict[str, Any]]


class Case(NamedTuple):
    """A case to measure: its description, the command and its checkpoint."""

    name: str
    command: str
    option: str
    checkpoint: Path


def main() -> None:
    """Measure every case, and write hour.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="repeats of each start (3)")
    parser.add_argument("--frames", type=int, default=HOUR, help=f"frames of the recording at 30 Hz ({HOUR})")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine.write("hour", report(arguments.frames, arguments.repeats, make_cases(Path(folder)), Path(folder)))


def report(frames: int, repeats: int, cases: Sequence[Case], folder: Path) -> str:
    """Measure every case; returns the tables in Markdown."""
    recording = write_deeplabcut(folder / "hour.csv", simulate_recording(0, 0, frames, "hour"))
    inside = {case.name: _starts(lambda start, case=case: _inside(case, recording, start), repeats) for case in cases}
    whole = {case.name: _starts(lambda start, case=case: _whole(case, recording, start), repeats) for case in cases}
    first = next(iter(inside.values()))[STARTS[0]][0]
    return "\n\n".join(
        [
            f"Seconds for {frames:,} frames at 30 Hz, median (least to most) of {repeats}:",
            _totals(inside, whole),
            _steps(inside),
            _rates(inside, first["shapes"]),
            profile(cases[-1].checkpoint, simulate_recording(0, 0, frames, "hour")),
            machine.about("xgboost"),
        ]
    )


def make_cases(folder: Path) -> list[Case]:
    """Train the models on two labelled recordings, and their encoder."""
    directed = simulate_recordings(2, 1, _TAUGHT, "taught")
    undirected = [
        recording.with_labels({k: Labels(v.behaviours, v.values) for k, v in recording.labels.items()})
        for recording in directed
    ]
    encoder = make_encoder(folder / "pretrained", directed)
    pair = make_model(folder / "pair", directed, encoder)
    group = make_model(folder / "group", undirected, encoder)
    return [
        Case("predict, one ordered pair", "predict", "--model", pair),
        Case("predict, the group", "predict", "--model", group),
        Case("embed, to an atlas", "embed", "--encoder", encoder),
    ]


def _starts(run: Callable[[Path], dict[str, Any]], repeats: int) -> dict[str, Turns]:
    """Start -> measurements of its repeats; every first start has an empty cache."""
    turns: dict[str, Turns] = {name: [] for name in STARTS}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            for name in STARTS:
                turns[name].append(run(Path(folder)))
                shutil.rmtree(Path(folder) / "output")
    return turns


def _inside(case: Case, recording: Path, folder: Path) -> dict[str, Any]:
    words = [case.command, recording, case.checkpoint, folder / "output"]
    return turn(
        [sys.executable, "-m", "experiments.benchmarks.hour_turn", *words], SSL_BEHAVIOR_CACHE=str(folder / "c")
    )


def _whole(case: Case, recording: Path, folder: Path) -> dict[str, Any]:
    words = [case.option, case.checkpoint, "--recordings", recording, "--frame-rate", "30", "--output"]
    command = [sys.executable, "-m", f"ssl_behavior.{case.command}", *words, folder / "output"]
    return turn(command, SSL_BEHAVIOR_CACHE=str(folder / "c"))


def _totals(inside: dict[str, dict[str, Turns]], whole: dict[str, dict[str, Turns]]) -> str:
    lines = [f"| | start | inside Python | whole command | imports | goal of {GOAL_S:g} s, inside |", "|---" * 6 + "|"]
    for name, starts in inside.items():
        for start, turns in starts.items():
            seconds = [turn["seconds"] for turn in turns]
            columns = [spread(seconds), spread([turn["wall"] for turn in whole[name][start]])]
            columns += [spread([turn["imports"] for turn in turns]), met(statistics.median(seconds) <= GOAL_S)]
            lines.append(f"| {name} | {start} | {' | '.join(columns)} |")
    return "\n".join(lines)


def _steps(inside: dict[str, dict[str, Turns]]) -> str:
    """A table with a column for each case and start and a row for each step, in the order of their first run."""
    columns = {(name, start): turns for name, starts in inside.items() for start, turns in starts.items()}
    steps = dict.fromkeys(step for turns in columns.values() for step in turns[0]["steps"])
    lines = [f"| step | {' | '.join(f'{name}, {start}' for name, start in columns)} |"]
    lines.append("|---" * (1 + len(columns)) + "|")
    for step in steps:
        medians = [statistics.median(turn["steps"].get(step, 0) for turn in turns) for turns in columns.values()]
        lines.append(f"| {step} | {' | '.join(f'{median:.2f}' for median in medians)} |")
    rest = [
        statistics.median(turn["seconds"] - sum(turn["steps"].values()) for turn in turns) for turns in columns.values()
    ]
    lines.append(f"| rest | {' | '.join(f'{seconds:.2f}' for seconds in rest)} |")
    return "\n".join(lines)


def _rates(inside: dict[str, dict[str, Turns]], shapes: Sequence[Sequence[int]]) -> str:
    """The rate of the encoder's network beside that of the machine's matrix products."""
    kind = torch.bfloat16 if uses_bfloat16("auto", torch.device("cpu")) else torch.float32
    same_shapes, square = machine_rate(shapes, kind), machine_rate([(2048, 2048, 2048)], kind)
    lines = [
        f"| matrix products in {str(kind).partition('.')[2]} | GFLOP/s | share of the machine's (%) |",
        "|---|---|---|",
    ]
    lines.append(f"| the machine, products of the network's sizes | {same_shapes / 1e9:.0f} | 100 |")
    lines.append(f"| the machine, 2,048 x 2,048 | {square / 1e9:.0f} | |")
    relative = []
    for name, starts in inside.items():
        turns = [turn for start in starts.values() for turn in start]
        rates = [turn["operations"] / turn["steps"][NETWORK] for turn in turns]
        relative.append(statistics.median(rates) / same_shapes)
        gflops = spread([rate / 1e9 for rate in rates], 0)
        lines.append(f"| the encoder's network, {name} | {gflops} | {100 * relative[-1]:.0f} |")
    lines += ["", f"Goal: {RATE_GOAL:.0%} of the machine's rate on products of the same sizes, "]
    return "\n".join(lines) + f"{met(min(relative) >= RATE_GOAL)}."


def profile(encoder: Path, recording: Recording, least: float = 0.01) -> str:
    """The shares of operations in the time of ``inference.embed``; those below ``least`` are added up as the rest."""
    network = load_encoder(encoder)
    poses = prepare(recording, network.landmarks, network.preparation)
    embed(network, poses, poses.pairs()[0])  # once to warm up
    with torch.profiler.profile() as profiled:
        embed(network, poses, poses.pairs()[0])
    took = {event.key: event.self_cpu_time_total for event in profiled.key_averages()}
    shares = {name: time / sum(took.values()) for name, time in took.items() if time >= least * sum(took.values())}
    lines = ["| operation of embedding an ordered pair | share of its time (%) |", "|---|---|"]
    lines += [f"| `{name}` | {100 * shares[name]:.0f} |" for name in sorted(shares, key=lambda name: -shares[name])]
    return "\n".join([*lines, f"| rest | {100 * (1 - sum(shares.values())):.0f} |"])


def machine_rate(shapes: Sequence[Sequence[int]], kind: torch.dtype, repeats: int = 20) -> float:
    """Operations per second of ``torch.mm``, over products of the given shapes (rows, inputs, outputs).

    The time of each product is the best of several, so that other work of the machine does not count.
    """
    seconds, operations = 0.0, 0
    for rows, inputs, outputs in shapes:
        left, right = torch.randn(rows, inputs, dtype=kind), torch.randn(inputs, outputs, dtype=kind)
        into, took = torch.empty(rows, outputs, dtype=kind), []
        for _ in range(repeats):
            start = time.perf_counter()
            torch.mm(left, right, out=into)
            took.append(time.perf_counter() - start)
        seconds += min(took)
        operations += 2 * rows * inputs * outputs
    return operations / seconds


if __name__ == "__main__":
    main()
