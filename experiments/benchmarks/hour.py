"""An hour of two-mouse video, 108,000 frames at 30 Hz, from its file of tracks to labels or embeddings on disk.

    python -m experiments.benchmarks.hour

The tracks are simulated and lie in a DeepLabCut table. The models have the shipped settings (network and 200 trees) but
for the steps of training: one was taught what the resident does to the intruder (one ordered pair, as in CalMS21), the
other what the group does (both ordered pairs). A first start finds nothing in the cache of what was parsed and
prepared, a second start finds all of it; each start is a process of its own. Times are told in seconds; those of the
steps are of the same runs. The network's operations are those of its matrix products, which torch does on products of
the same sizes at the rate that stands beside it.
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
Told = list[dict[str, Any]]


class Case(NamedTuple):
    """What is measured: the command, in words, and the checkpoint that it takes."""

    name: str
    command: str
    option: str
    checkpoint: Path


def main() -> None:
    """Measure, and write and print hour.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="of each start (3)")
    parser.add_argument("--frames", type=int, default=HOUR, help=f"of the recording at 30 Hz ({HOUR})")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine.write("hour", report(given.frames, given.repeats, make_cases(Path(folder)), Path(folder)))


def report(frames: int, repeats: int, cases: Sequence[Case], folder: Path) -> str:
    """The tables, in Markdown."""
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
    """The models, made on the spot of two labelled recordings, and the encoder that they are made from."""
    directed = simulate_recordings(2, 1, _TAUGHT, "taught")
    ours = [one.with_labels({k: Labels(v.behaviours, v.values) for k, v in one.labels.items()}) for one in directed]
    encoder = make_encoder(folder / "pretrained", directed)
    pair = make_model(folder / "pair", directed, encoder)
    group = make_model(folder / "group", ours, encoder)
    return [
        Case("predict, one ordered pair", "predict", "--model", pair),
        Case("predict, the group", "predict", "--model", group),
        Case("embed, to an atlas", "embed", "--encoder", encoder),
    ]


def _starts(run: Callable[[Path], dict[str, Any]], repeats: int) -> dict[str, Told]:
    """What first and second starts told, each first one with an empty cache."""
    told: dict[str, Told] = {name: [] for name in STARTS}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as place:
            for name in STARTS:
                told[name].append(run(Path(place)))
                shutil.rmtree(Path(place) / "output")
    return told


def _inside(case: Case, recording: Path, place: Path) -> dict[str, Any]:
    words = [case.command, recording, case.checkpoint, place / "output"]
    return turn([sys.executable, "-m", "experiments.benchmarks.hour_turn", *words], SSL_BEHAVIOR_CACHE=str(place / "c"))


def _whole(case: Case, recording: Path, place: Path) -> dict[str, Any]:
    words = [case.option, case.checkpoint, "--recordings", recording, "--frame-rate", "30", "--output"]
    command = [sys.executable, "-m", f"ssl_behavior.{case.command}", *words, place / "output"]
    return turn(command, SSL_BEHAVIOR_CACHE=str(place / "c"))


def _totals(inside: dict[str, dict[str, Told]], whole: dict[str, dict[str, Told]]) -> str:
    lines = [f"| | start | inside Python | whole command | imports | goal of {GOAL_S:g} s, inside |", "|---" * 6 + "|"]
    for name, starts in inside.items():
        for start, told in starts.items():
            seconds = [one["seconds"] for one in told]
            columns = [spread(seconds), spread([one["wall"] for one in whole[name][start]])]
            columns += [spread([one["imports"] for one in told]), met(statistics.median(seconds) <= GOAL_S)]
            lines.append(f"| {name} | {start} | {' | '.join(columns)} |")
    return "\n".join(lines)


def _steps(inside: dict[str, dict[str, Told]]) -> str:
    """A column for each case and start, a row for each step, in the order in which they first run."""
    columns = {(name, start): told for name, starts in inside.items() for start, told in starts.items()}
    steps = dict.fromkeys(step for told in columns.values() for step in told[0]["steps"])
    lines = [f"| step | {' | '.join(f'{name}, {start}' for name, start in columns)} |"]
    lines.append("|---" * (1 + len(columns)) + "|")
    for step in steps:
        medians = [statistics.median(one["steps"].get(step, 0) for one in told) for told in columns.values()]
        lines.append(f"| {step} | {' | '.join(f'{median:.2f}' for median in medians)} |")
    rest = [statistics.median(one["seconds"] - sum(one["steps"].values()) for one in told) for told in columns.values()]
    lines.append(f"| rest | {' | '.join(f'{one:.2f}' for one in rest)} |")
    return "\n".join(lines)


def _rates(inside: dict[str, dict[str, Told]], shapes: Sequence[Sequence[int]]) -> str:
    """The encoder's network beside the machine's own products of matrices."""
    kind = torch.bfloat16 if uses_bfloat16("auto", torch.device("cpu")) else torch.float32
    own, square = machine_rate(shapes, kind), machine_rate([(2048, 2048, 2048)], kind)
    lines = [
        f"| matrix products in {str(kind).partition('.')[2]} | GFLOP/s | share of the machine's (%) |",
        "|---|---|---|",
    ]
    lines.append(f"| the machine, products of the network's sizes | {own / 1e9:.0f} | 100 |")
    lines.append(f"| the machine, 2,048 x 2,048 | {square / 1e9:.0f} | |")
    found = []
    for name, starts in inside.items():
        told = [one for start in starts.values() for one in start]
        rates = [one["operations"] / one["steps"][NETWORK] for one in told]
        found.append(statistics.median(rates) / own)
        lines.append(
            f"| the encoder's network, {name} | {spread([rate / 1e9 for rate in rates], 0)} | {100 * found[-1]:.0f} |"
        )
    lines += ["", f"Goal: {RATE_GOAL:.0%} of the machine's rate on products of the same sizes, "]
    return "\n".join(lines) + f"{met(min(found) >= RATE_GOAL)}."


def profile(encoder: Path, recording: Recording, least: float = 0.01) -> str:
    """Where the time of ``encoders.embed`` goes, operation by operation; those of less than ``least`` are the rest."""
    known = load_encoder(encoder)
    poses = prepare(recording, known.landmarks, known.preparation)
    embed(known, poses, poses.pairs()[0])  # once to warm up
    with torch.profiler.profile() as profiled:
        embed(known, poses, poses.pairs()[0])
    took = {one.key: one.self_cpu_time_total for one in profiled.key_averages()}
    shares = {name: own / sum(took.values()) for name, own in took.items() if own >= least * sum(took.values())}
    lines = ["| operation of embedding an ordered pair | share of its time (%) |", "|---|---|"]
    lines += [f"| `{name}` | {100 * shares[name]:.0f} |" for name in sorted(shares, key=lambda name: -shares[name])]
    return "\n".join([*lines, f"| rest | {100 * (1 - sum(shares.values())):.0f} |"])


def machine_rate(shapes: Sequence[Sequence[int]], kind: torch.dtype, repeats: int = 20) -> float:
    """Operations per second of ``torch.mm`` of such numbers, of products (rows, inputs, outputs) one after the other.

    Each product's time is the best of several: what the machine can do, whatever else it does now and then.
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
