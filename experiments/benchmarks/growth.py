"""The growth of time and memory with frames, individuals and keypoints, for each step.

    python -m experiments.benchmarks.growth

Each step runs in a process of its own, on simulated recordings of at most 100,000 frames, about an hour at 30 Hz (one
recording, repeated with different noise). ``convert`` reads DeepLabCut tables; the other steps read the native files
that it writes. Each step starts with an empty cache and fills it. On the largest set, only pretraining is measured: the
other steps would take hours, and their memory is that of one recording.

Own memory is the memory of a process without pages of mapped files. Times do not include an empty start of Python with
the command's imports, which is listed separately. The exponent is the slope of growth over the upper half of the sizes:
1 is proportional, 0 is constant. Clusters and search read embeddings only, so they are measured against the number of
frames alone (one embedding per frame at 15 Hz and ordered pair).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from experiments.benchmarks import machine
from experiments.benchmarks.growth_picture import draw
from experiments.benchmarks.memory import Cost, cost
from experiments.benchmarks.models import make_encoder, make_model
from experiments.benchmarks.tracks import mice, tiled, write_deeplabcut
from ssl_behavior.formats.tracks import native

SIZES = (10**4, 10**5, 10**6, 10**7)
INDIVIDUALS, KEYPOINTS = (1, 2, 3, 4, 6), (4, 7, 12, 20)
STEPS = ("convert", "prepare", "pretrain", "embed", "predict", "cluster", "search")
_LONGEST = 100_000
_BYTES_PER_FRAME, _BYTES_PER_PRETRAINED = 1_700, 300
"""Bytes on disk for two mice: tracks in all formats with embeddings, and those that pretraining needs."""
_KEYPOINTS_USUAL = 7
_MEASURES = (("seconds", "s", 1), ("own", "own memory, MB", 1e6), ("resident", "resident, MB", 1e6))


@dataclass(frozen=True)
class Size:
    """The size of a set of recordings."""

    frames: int
    individuals: int = 2
    keypoints: int = _KEYPOINTS_USUAL


Costs = dict[str, dict[Size, Cost]]


def main() -> None:
    """Measure every step, and write growth.md and growth.png beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most-frames", type=int, default=10**7, help="largest set for all steps (10000000)")
    parser.add_argument("--pretrained", type=int, default=10**8, help="larger set, for pretraining only (100000000)")
    parser.add_argument("--frames", type=int, default=36_000, help="frames where individuals or keypoints vary (36000)")
    parser.add_argument("--pretrain-steps", type=int, default=40, help="steps of pretraining (40)")
    parser.add_argument("--folder", type=Path, help="folder with space for temporary files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        measured = Measured(Path(folder), arguments.pretrain_steps)
        machine.write("growth", report(measured, arguments.most_frames, arguments.pretrained, arguments.frames))


def report(measured: Measured, most_frames: int, pretrained: int, frames: int) -> str:
    """Measure everything, draw the picture, and return the tables in Markdown."""
    sizes = [size for size in SIZES if size <= most_frames and _fits(measured.folder, size * _BYTES_PER_FRAME)]
    by_frames = measured.costs([Size(size) for size in sizes], STEPS)
    if _fits(measured.folder, pretrained * _BYTES_PER_PRETRAINED):
        by_frames["pretrain"] |= measured.costs([Size(pretrained)], ["pretrain"])["pretrain"]
    by_individuals = measured.costs([Size(frames, individuals=number) for number in INDIVIDUALS], STEPS[:5])
    by_keypoints = measured.costs([Size(frames, keypoints=number) for number in KEYPOINTS], STEPS[:5])
    costs = {"frames": by_frames, "individuals": by_individuals, "keypoints": by_keypoints}
    draw(machine.FOLDER / "growth.png", costs)
    sections = [
        f"Frames, of two mice with {_KEYPOINTS_USUAL} keypoints.",
        table(by_frames, "frames"),
        f"Individuals, {frames:,} frames. All n (n - 1) ordered pairs are embedded and predicted, so that their cost "
        "grows with the square of the individuals; a lone animal is one pair.",
        table(by_individuals, "individuals"),
        f"Keypoints, {frames:,} frames of two mice. Those beyond the simulator's seven lie between these, under names "
        f"of landmarks that the encoder takes, of which there are 21; it has {'/'.join(map(str, KEYPOINTS))} of them.",
        table(by_keypoints, "keypoints"),
        "Seconds of an empty start, in none of these times: "
        + ", ".join(f"{step} {seconds:.1f}" for step, seconds in measured.starts.items())
        + f". Pretraining takes {measured.steps} steps.",
        "![Time and memory against frames, individuals and keypoints](growth.png)",
        machine.about("faiss-cpu", "umap-learn", "xgboost"),
    ]
    return "\n\n".join(sections)


def _fits(folder: Path, size: int) -> bool:
    """Whether so many bytes fit on the disk; prints a message if not."""
    if fits := shutil.disk_usage(folder).free > size:
        return fits
    print(f"left out: {size:,} bytes do not fit in {folder}", file=sys.stderr)
    return False


class Measured:
    """Measures the costs of steps, and makes the checkpoints that they need.

    Attributes:
        folder: for all files.
        steps: of pretraining.
        starts: step -> seconds of an empty start of its command.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.steps = folder, steps
        self.starts: dict[str, float] = {}

    def costs(self, sizes: Sequence[Size], steps: Sequence[str]) -> Costs:
        """Step -> size -> cost, without an empty start of the command."""
        costs: Costs = {step: {} for step in steps}
        for size in sizes:
            with self._recordings(size) as folder:
                for step in steps:
                    print(f"{step}: {size}", file=sys.stderr)
                    shutil.rmtree(folder / "cache", ignore_errors=True)
                    measured = cost(self._command(step, size, folder), SSL_BEHAVIOR_CACHE=str(folder / "cache"))
                    costs[step][size] = measured._replace(seconds=max(measured.seconds - self._start(step), 0.01))
        return costs

    @contextmanager
    def _recordings(self, size: Size) -> Iterator[Path]:
        """A temporary folder: ``csv`` has links to one table, ``fast`` a native file for each recording."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            base = mice(min(size.frames, _LONGEST), size.individuals, size.keypoints)
            recordings = tiled(base, size.frames, _LONGEST)
            table = write_deeplabcut(folder / "base" / "mice.csv", base)
            for kind in ("csv", "fast"):
                (folder / kind).mkdir()
            for recording in recordings:
                (folder / "csv" / f"{recording.id}.csv").hardlink_to(table)
                native.write(folder / "fast", [recording])
            yield folder

    def _command(self, step: str, size: Size, folder: Path) -> list[str | Path]:
        encoder, model = self._checkpoints(size.keypoints)
        tracks = ["--recordings", folder / "fast"]
        if step == "prepare":
            return [sys.executable, "-m", "experiments.benchmarks.growth_step", folder / "fast", encoder]
        words: Mapping[str, list[str | Path]] = {
            "convert": ["--recordings", folder / "csv", "--frame-rate", "30", "--output", folder / "converted"],
            "pretrain": [*tracks, "--output", folder / "encoder", "--steps", str(self.steps), "--probe-every", "0"],
            "embed": [*tracks, "--encoder", encoder, "--output", folder / "atlas"],
            "predict": [*tracks, "--model", model, "--output", folder / "predictions"],
            "cluster": ["--atlas", folder / "atlas"],
            "search": ["--atlas", folder / "atlas", "--video", "mice00000", "--frames", "300:360"],
        }
        return [sys.executable, "-m", f"ssl_behavior.{step}", *words[step]]

    def _start(self, step: str) -> float:
        """Seconds of an empty start of the step's command; the faster of two, when its files are in memory."""
        if step not in self.starts:
            module = f"ssl_behavior.{step}" if step != "prepare" else "experiments.benchmarks.growth_step"
            self.starts[step] = min(cost([sys.executable, "-c", f"import {module}"]).seconds for _ in range(2))
        return self.starts[step]

    def _checkpoints(self, keypoints: int) -> tuple[Path, Path]:
        """The encoder and the model for recordings of so many keypoints; made at the first call."""
        folder = self.folder / f"{keypoints} keypoints"
        if not folder.exists():
            recordings = [replace(mice(12_000, 2, keypoints, seed), id=f"taught{seed}") for seed in range(2)]
            make_model(folder, recordings, make_encoder(folder / "pretrained", recordings))
        return folder / "pretrained" / "encoder", folder / "model"


def table(costs: Costs, along: str) -> str:
    """A table in Markdown: seconds, own memory and resident memory of each step by size, and the exponent of growth."""
    sizes = sorted({size for by_size in costs.values() for size in by_size}, key=lambda size: getattr(size, along))
    lines = [f"| {along} | {' | '.join(f'{getattr(size, along):,}' for size in sizes)} | exponent |"]
    lines.append("|---" * (2 + len(sizes)) + "|")
    for step, by_size in costs.items():
        counts = [getattr(size, along) for size in sizes if size in by_size]
        for attribute, unit, scale in _MEASURES:
            values = {size: getattr(measured, attribute) / scale for size, measured in by_size.items()}
            digits = 1 if scale == 1 else 0
            cells = " | ".join(f"{values[size]:,.{digits}f}" if size in values else "" for size in sizes)
            lines.append(f"| {step}, {unit} | {cells} | {_shown(exponent(counts, values.values()))} |")
    return "\n".join(lines)


def exponent(counts: Iterable[float], values: Iterable[float]) -> float | None:
    """Slope of log value against log count over the upper half of the counts; None if that is fewer than two.

    For values proportional to ``count ** k``, it is k.
    """
    x, y = np.log([*counts]), np.log([*values])
    upper = x >= (x[0] + x[-1]) / 2
    return float(np.polyfit(x[upper], y[upper], 1)[0]) if upper.sum() > 1 else None


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
