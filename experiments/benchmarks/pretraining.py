"""The speed of pretraining and embedding, beside LISBET 0.4.3 on the same tracks and machine.

    python -m experiments.benchmarks.pretraining --lisbet PATH_OF_ITS_PYTHON

LISBET (Chindemi et al. 2023, https://arxiv.org/abs/2311.04069) is not a dependency; install it separately
(``python -m venv lisbet && lisbet/bin/pip install lisbet==0.4.3``). A frame-pass is one frame of a clip that goes
through the network forward and backward. A step of LISBET takes a batch of 32 windows of 200 frames for each of its
four self-supervised tasks (``lisbet.training.core._train_one_epoch``); a step of this project takes a batch of clips,
twice with contrast. Both run as by their command, with default settings, in alternation. A step is timed from its start
to the start of the next. The first steps, in which workers start and memory is first used, are left out. A GPU is
hidden from both.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.benchmarks import machine
from experiments.benchmarks.tracks import HOUR, write_deeplabcut, write_folders
from experiments.benchmarks.turns import PROJECT, met, on_cores, spread, turn
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recording, simulate_recordings

WARM = 5
"""Steps at the start that are left out."""
OURS, PEER = "ssl_behavior", "LISBET 0.4.3"
_PASSES_GOAL, _PARAMETERS_GOAL, _OUTSIDE_GOAL, _EMBED_GOAL = 5.0, 4.0, 0.2, 500
Turns = dict[str, list[dict[str, Any]]]


def main() -> None:
    """Measure both, and write pretraining.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lisbet", type=Path, help="Python that has LISBET; without it, only ours is measured")
    parser.add_argument("--recordings", type=Path, nargs="+", help="tracks to learn from (simulated ones)")
    parser.add_argument("--repeats", type=int, default=3, help="repeats of each (3)")
    parser.add_argument("--steps", type=int, default=60, help="steps of our pretraining (60)")
    parser.add_argument("--peer-steps", type=int, default=25, help="steps of LISBET (25)")
    parser.add_argument("--frames", type=int, default=3000, help="frames that LISBET embeds (3000)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        machine.write("pretraining", report(arguments, Path(folder)))


def report(arguments: argparse.Namespace, folder: Path) -> str:
    """Measure everything; returns the tables in Markdown."""
    recordings = _recordings(arguments.recordings)
    write_folders(folder / "tracks", recordings)
    hour = write_deeplabcut(folder / "hour" / "hour.csv", simulate_recording(0, 0, HOUR, "hour"))
    sections = [_material(recordings, arguments.recordings)]
    for cores in (2, 1):
        turns = training_turns(arguments, folder, cores)
        sections.append(training_table(turns, cores))
        if cores == 2:
            sections.append(_split(turns[OURS]))
    sections.append(embedding_table(embedding_turns(arguments, folder, hour)))
    if arguments.lisbet is None:
        remark = "LISBET was not measured: give `--lisbet`, the python of an environment that it is installed in."
        sections.append(remark)
    return "\n\n".join([*sections, machine.about()])


def training_turns(arguments: argparse.Namespace, folder: Path, cores: int) -> Turns:
    """Run pretraining, ours and LISBET's in alternation; returns the measurements of each."""
    turns: Turns = {OURS: [], PEER: []}
    for repeat in _count(arguments.repeats, f"pretraining on {cores} cores"):
        output = folder / f"ours-{cores}-{repeat}"
        turns[OURS].append(turn(on_cores(cores, _own("train", folder / "tracks", output, arguments.steps)), cores))
        if arguments.lisbet:
            output = folder / f"lisbet-{cores}-{repeat}"
            command = _lisbet(arguments.lisbet, "train", folder / "tracks", output, arguments.peer_steps)
            turns[PEER].append(turn(on_cores(cores, command), cores, PYTHONPATH=""))
    return turns


def embedding_turns(arguments: argparse.Namespace, folder: Path, hour: Path) -> Turns:
    """Run embedding in alternation, by the networks of the first pretraining; returns the measurements of each."""
    turns: Turns = {OURS: [], PEER: []}
    for _ in _count(arguments.repeats, "embedding"):
        turns[OURS].append(turn(_own("embed", hour, folder / "ours-2-0", folder / "atlas"), SSL_BEHAVIOR_CACHE=""))
        shutil.rmtree(folder / "atlas")
        if arguments.lisbet:
            command = _lisbet(arguments.lisbet, "embed", folder / "tracks", folder / "lisbet-2-0", arguments.frames)
            turns[PEER].append(turn(command, PYTHONPATH=""))
    return turns


def training_table(turns: Turns, cores: int) -> str:
    """A table of steps and frame-passes of both, and whether the goals are met."""
    lines = [f"Pretraining on {cores} {'core' if cores == 1 else 'cores'}, in frame-passes per second:", ""]
    lines += ["| | parameters (with heads) | frame-passes a step | time per step (ms) | frame-passes per second |"]
    lines += ["|---|---|---|---|---|"]
    rates = {}
    for name, results in turns.items():
        if not results:
            continue
        seconds = [statistics.median(result["seconds"][WARM:]) for result in results]
        passes, sizes = results[0]["passes"], f"{results[0]['parameters']:,} ({results[0]['with heads']:,})"
        rates[name] = [passes / value for value in seconds]
        times = spread([1000 * value for value in seconds], 0)
        lines.append(f"| {name} | {sizes} | {passes:,} | {times} | {spread(rates[name], 0)} |")
    if PEER in rates:
        ratio = statistics.median(rates[OURS]) / statistics.median(rates[PEER])
        sizes = turns[OURS][0]["parameters"] / turns[PEER][0]["with heads"]
        lines += [
            "",
            f"{ratio:.2f} times LISBET's frame-passes per second (goal: {_PASSES_GOAL:g} times, "
            f"{met(ratio >= _PASSES_GOAL)}) with {sizes:.1f} times its parameters, its heads included and ours not "
            f"(goal: {_PARAMETERS_GOAL:g} times, {met(sizes >= _PARAMETERS_GOAL)}).",
        ]
    return "\n".join(lines)


def _split(results: Sequence[dict[str, Any]]) -> str:
    """A table of the shares of our steps' parts."""
    names = sorted(results[0]["split"], key=lambda name: -results[0]["split"][name])
    lines = ["| part of our step | share of its time (%) |", "|---|---|"]
    lines += [f"| {name} | {spread([100 * result['split'].get(name, 0) for result in results], 1)} |" for name in names]
    outside = [1 - result["split"]["forward"] - result["split"]["backward"] for result in results]
    is_met = statistics.median(outside) <= _OUTSIDE_GOAL
    lines += [
        "",
        f"Outside the forward and the backward pass: {spread([100 * x for x in outside], 1)} % (goal: ",
    ]
    return "\n".join(lines) + f"{100 * _OUTSIDE_GOAL:g} % at most, {met(is_met)})."


def embedding_table(turns: Turns) -> str:
    """A table of embedded frames per second of both, and whether the goal is met."""
    lines = ["| embedding | frames | seconds | frames per second |", "|---|---|---|---|"]
    ours, peers = turns[OURS], turns[PEER]
    rates: dict[str, list[float]] = {}
    for name, results, count, took in (
        (f"{OURS}: `encoders.embed`, one ordered pair", ours, "frames", "seconds"),
        (f"{OURS}: `embed`, file to atlas, both pairs with mirror images", ours, "rows", "all seconds"),
        (f"{PEER}: `predict_record`, as `compute_embeddings` calls it", peers, "frames", "seconds"),
    ):
        if results:
            rates[name] = [result[count] / result[took] for result in results]
            seconds = spread([result[took] for result in results])
            lines.append(f"| {name} | {results[0][count]:,} | {seconds} | {spread(rates[name], 0)} |")
    lines += ["", "Our frames are those that the encoder takes, 15 a second of video; of video at 30 Hz it is twice as"]
    lines[-1] += " many a second. Each of LISBET's costs it a window of 200."
    if peers:
        first, *_, last = (statistics.median(value) for value in rates.values())
        lines[-1] += (
            f"\n\n{first / last:,.0f} times LISBET's frames per second (goal: {_EMBED_GOAL} times, "
            f"{met(first >= _EMBED_GOAL * last)})."
        )
        if failed := peers[0].get("failed"):
            lines[-1] += f" Its `export_embedder` failed ({failed}), so its functions were called one by one."
    return "\n".join(lines)


def _recordings(paths: Sequence[Path] | None) -> list[Recording]:
    return read_recordings(paths) if paths else simulate_recordings(12, 0, 9000)


def _material(recordings: Sequence[Recording], paths: object) -> str:
    frames, first = sum(recording.frames for recording in recordings), recordings[0]
    return (
        f"Tracks: {len(recordings)} {'given' if paths else 'simulated'} recordings of {len(first.individuals)} animals "
        f"with {len(first.skeleton.keypoints)} keypoints, {frames:,} frames, as DeepLabCut tables. Median (least to "
        "most) over turns."
    )


def _own(*words: object) -> list[str | Path]:
    return [sys.executable, "-m", "experiments.benchmarks.own_turn", *map(str, words)]


def _lisbet(python: Path, *words: object) -> list[str | Path]:
    return [python, PROJECT / "experiments" / "benchmarks" / "lisbet_turn.py", *map(str, words)]


def _count(repeats: int, description: str) -> Iterator[int]:
    for repeat in range(repeats):
        print(f"{description}: turn {repeat + 1} of {repeats}", file=sys.stderr)
        yield repeat


if __name__ == "__main__":
    main()
