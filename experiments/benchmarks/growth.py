"""How time and memory grow with frames, individuals and keypoints, step by step.

    python -m experiments.benchmarks.growth

Each step is a process of its own, on simulated recordings of at most 100,000 frames, about an hour at 30 Hz (one such
recording, again and again with another noise). ``convert`` reads them as DeepLabCut tables; the other steps read the
fast form that it writes. Each starts with an empty cache of what was parsed and prepared, and fills it. Pretraining is
measured on the largest set alone, as the others would take hours: their memory is that of a recording.
Own memory is what a process holds that is no page of a mapped file. Times are without those of an empty start of Python
with the command's imports, which are told apart. The exponent is that of growth over the upper half of the sizes: 1 is
in proportion, 0 is flat. Clusters and search see embeddings only, whatever individuals or keypoints these are of, so
they are measured against frames alone (one embedding per frame at 15 Hz and ordered pair).
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
"""Of two mice's tracks in all forms and their embeddings, and of what pretraining alone needs."""
_KEYPOINTS_USUAL = 7
_MEASURES = (("seconds", "s", 1), ("own", "own memory, MB", 1e6), ("resident", "resident, MB", 1e6))


@dataclass(frozen=True)
class Size:
    """What a step is measured on."""

    frames: int
    individuals: int = 2
    keypoints: int = _KEYPOINTS_USUAL


Costs = dict[str, dict[Size, Cost]]


def main() -> None:
    """Measure, and write and print growth.md, and growth.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most-frames", type=int, default=10**7, help="that all steps are measured on (10000000)")
    parser.add_argument("--pretrained", type=int, default=10**8, help="that only pretraining is (100000000)")
    parser.add_argument("--frames", type=int, default=36_000, help="for individuals and keypoints (36000)")
    parser.add_argument("--pretrain-steps", type=int, default=40, help="steps of pretraining (40)")
    parser.add_argument("--folder", type=Path, help="where there is room for the files; all are deleted again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        measured = Measured(Path(folder), given.pretrain_steps)
        machine.write("growth", report(measured, given.most_frames, given.pretrained, given.frames))


def report(measured: Measured, most_frames: int, pretrained: int, frames: int) -> str:
    """The tables, in Markdown; the picture is written beside them."""
    sizes = [one for one in SIZES if one <= most_frames and _fits(measured.folder, one * _BYTES_PER_FRAME)]
    by_frames = measured.costs([Size(one) for one in sizes], STEPS)
    if _fits(measured.folder, pretrained * _BYTES_PER_PRETRAINED):
        by_frames["pretrain"] |= measured.costs([Size(pretrained)], ["pretrain"])["pretrain"]
    by_individuals = measured.costs([Size(frames, individuals=one) for one in INDIVIDUALS], STEPS[:5])
    by_keypoints = measured.costs([Size(frames, keypoints=one) for one in KEYPOINTS], STEPS[:5])
    found = {"frames": by_frames, "individuals": by_individuals, "keypoints": by_keypoints}
    draw(machine.FOLDER / "growth.png", found)
    parts = [
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
    return "\n\n".join(parts)


def _fits(folder: Path, size: int) -> bool:
    """Whether there is room for so many bytes; said if not."""
    if fits := shutil.disk_usage(folder).free > size:
        return fits
    print(f"left out: {size:,} bytes, for which there is no room in {folder}", file=sys.stderr)
    return False


class Measured:
    """What steps cost, and the checkpoints that they need.

    Attributes:
        folder: for all files.
        steps: of pretraining.
        starts: step -> seconds of an empty start of its command, of those that were measured.
    """

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder, self.steps = folder, steps
        self.starts: dict[str, float] = {}

    def costs(self, sizes: Sequence[Size], steps: Sequence[str]) -> Costs:
        """Step -> size -> cost, without that of an empty start."""
        found: Costs = {step: {} for step in steps}
        for size in sizes:
            with self._laid_out(size) as place:
                for step in steps:
                    print(f"{step}: {size}", file=sys.stderr)
                    shutil.rmtree(place / "cache", ignore_errors=True)
                    taken = cost(self._command(step, size, place), SSL_BEHAVIOR_CACHE=str(place / "cache"))
                    found[step][size] = taken._replace(seconds=max(taken.seconds - self._start(step), 0.01))
        return found

    @contextmanager
    def _laid_out(self, size: Size) -> Iterator[Path]:
        """A folder with the tracks of a size: ``csv``, links to one table, and ``fast``, a file for each recording."""
        with tempfile.TemporaryDirectory(dir=self.folder) as made:
            place = Path(made)
            base = mice(min(size.frames, _LONGEST), size.individuals, size.keypoints)
            recordings = tiled(base, size.frames, _LONGEST)
            table = write_deeplabcut(place / "base" / "mice.csv", base)
            for folder in ("csv", "fast"):
                (place / folder).mkdir()
            for one in recordings:
                (place / "csv" / f"{one.id}.csv").hardlink_to(table)
                native.write(place / "fast", [one])
            yield place

    def _command(self, step: str, size: Size, place: Path) -> list[str | Path]:
        encoder, model = self._checkpoints(size.keypoints)
        tracks = ["--recordings", place / "fast"]
        if step == "prepare":
            return [sys.executable, "-m", "experiments.benchmarks.growth_step", place / "fast", encoder]
        words: Mapping[str, list[str | Path]] = {
            "convert": ["--recordings", place / "csv", "--frame-rate", "30", "--output", place / "converted"],
            "pretrain": [*tracks, "--output", place / "encoder", "--steps", str(self.steps), "--probe-every", "0"],
            "embed": [*tracks, "--encoder", encoder, "--output", place / "atlas"],
            "predict": [*tracks, "--model", model, "--output", place / "predictions"],
            "cluster": ["--atlas", place / "atlas"],
            "search": ["--atlas", place / "atlas", "--video", "mice00000", "--frames", "300:360"],
        }
        return [sys.executable, "-m", f"ssl_behavior.{step}", *words[step]]

    def _start(self, step: str) -> float:
        """Seconds of a start of the step's command that does nothing, the second one, as files are then in memory."""
        if step not in self.starts:
            module = f"ssl_behavior.{step}" if step != "prepare" else "experiments.benchmarks.growth_step"
            self.starts[step] = min(cost([sys.executable, "-c", f"import {module}"]).seconds for _ in range(2))
        return self.starts[step]

    def _checkpoints(self, keypoints: int) -> tuple[Path, Path]:
        """Encoder and model for recordings of so many keypoints, made when they are first asked for."""
        folder = self.folder / f"{keypoints} keypoints"
        if not folder.exists():
            some = [replace(mice(12_000, 2, keypoints, seed), id=f"taught{seed}") for seed in range(2)]
            make_model(folder, some, make_encoder(folder / "pretrained", some))
        return folder / "pretrained" / "encoder", folder / "model"


def table(costs: Costs, along: str) -> str:
    """A row for each step and size: seconds, own memory, resident memory, and each step's exponent of growth."""
    sizes = sorted({size for found in costs.values() for size in found}, key=lambda size: getattr(size, along))
    lines = [f"| {along} | {' | '.join(f'{getattr(size, along):,}' for size in sizes)} | exponent |"]
    lines.append("|---" * (2 + len(sizes)) + "|")
    for step, found in costs.items():
        counts = [getattr(size, along) for size in sizes if size in found]
        for what, unit, scale in _MEASURES:
            values = {size: getattr(one, what) / scale for size, one in found.items()}
            digits = 1 if scale == 1 else 0
            shown = " | ".join(f"{values[size]:,.{digits}f}" if size in values else "" for size in sizes)
            lines.append(f"| {step}, {unit} | {shown} | {_shown(exponent(counts, values.values()))} |")
    return "\n".join(lines)


def exponent(counts: Iterable[float], values: Iterable[float]) -> float | None:
    """Slope of log value against log count over the upper half of the counts; None of fewer than two.

    Of values that are proportional to count ** k it is k.
    """
    x, y = np.log([*counts]), np.log([*values])
    upper = x >= (x[0] + x[-1]) / 2
    return float(np.polyfit(x[upper], y[upper], 1)[0]) if upper.sum() > 1 else None


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
