"""Reads thousands of damaged and hostile files with every reader.

    python -m tests.fuzz.fuzz --number 1000

Good files are written by the project and taken from real recordings. Each is changed in its bytes, or in what its
format defines, and read in a process of its own, with limited memory and time. A reader must return a valid result, or
raise one line that names the file. Any other outcome is a fault. Its file is saved under ``--finds``; add it to
``tests/corpus`` when the fault is fixed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import zlib
from collections import Counter
from pathlib import Path
from random import Random

from ssl_behavior.compute.progress import progress
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.storage import cache
from tests.fuzz import seeds, words
from tests.fuzz.sandbox import MEGABYTES, SECONDS, Outcome, run
from tests.fuzz.targets import Target, all_targets

HERE = Path(__file__).parent
_KINDS = ("result", "refused", "unclear", "wrong", "crash", "died", "memory", "slow")


def fuzz(target: Target, number: int, seed: int, finds: Path | None) -> Counter[str]:
    """Read ``number`` changed files; returns how often each kind of outcome occurred."""
    rng = Random(zlib.crc32(f"{target.name} {seed}".encode()))
    counts: Counter[str] = Counter()
    good = {path: path.read_bytes() for path in target.seeds}
    with tempfile.TemporaryDirectory() as folder:
        for at in progress(range(number), target.name, unit="file", leave=False):
            path = rng.choice(list(good))
            data = target.mutant(good[path], rng)
            outcome = _outcome(target, path, data, good[path], Path(folder))
            counts[outcome.kind] += 1
            if outcome.is_fault and finds is not None:
                _save(finds, target.name, f"{at}-{path.name}", data, outcome)
    return counts


def _outcome(target: Target, path: Path, data: bytes, good: bytes, folder: Path) -> Outcome:
    """Read a changed file, which takes the good one's place if the target reads the whole folder."""
    written = path if target.in_place else folder / path.name
    written.write_bytes(data)
    try:
        return run(target.read, written)
    finally:
        if target.in_place:
            written.write_bytes(good)


def fuzz_words(number: int, seed: int, finds: Path | None) -> Counter[str]:
    """As ``fuzz``, with command lines in place of files."""
    rng = Random(seed)
    classes = words.settings_classes()
    counts: Counter[str] = Counter()
    for at in progress(range(number), "command lines", unit="line", leave=False):
        command = rng.choice(list(classes))
        line = words.line(classes[command], rng)
        outcome = run(words.reader(classes[command], line), Path())
        counts[outcome.kind] += 1
        if outcome.is_fault and finds is not None:
            _save(finds, "command lines", f"{at}-{command}", repr(line).encode(), outcome)
    return counts


def _save(finds: Path, target: str, name: str, data: bytes, outcome: Outcome) -> None:
    folder = finds / target.replace(" ", "_").replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data[: 1 << 22])
    (folder / f"{name}.message").write_text(f"{outcome.kind}\n{outcome.message}\n")


def prepare(folder: Path) -> None:
    """Write good files to ``folder``, among them an entry of the cache."""
    os.environ[cache.VARIABLE] = ""
    seeds.write(folder)
    os.environ[cache.VARIABLE] = str(folder / "cache")
    read_recordings(folder / "table.csv", notify=lambda _: None)


def table(counts: dict[str, Counter[str]]) -> str:
    """The counts as a table in Markdown."""
    lines = [f"| reader | files | {' | '.join(_KINDS)} |", f"|---|---{'|---' * len(_KINDS)}|"]
    counts = {**counts, "all": sum(counts.values(), Counter())}
    for name, kinds in counts.items():
        lines.append(f"| {name} | {kinds.total():,} | {' | '.join(f'{kinds[kind]:,}' for kind in _KINDS)} |")
    return "\n".join(lines)


def report(number: int, seed: int, data: Path, finds: Path | None, only: str) -> str:
    """Fuzz every reader whose name contains ``only``; returns a table of outcomes in Markdown."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    try:
        prepare(folder)
        counts = {}
        for target in all_targets(folder, data):
            os.environ[cache.VARIABLE] = str(folder / "cache") if target.name == "cache" else ""
            if target.seeds and only in target.name:
                counts[target.name] = fuzz(target, number, seed, finds)
                print(f"{target.name}: {dict(counts[target.name])}", flush=True)
        if only in "command lines":
            counts["command lines"] = fuzz_words(number, seed, finds)
        return table(counts)
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Fuzz every reader, print the table of outcomes and write it to results.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=1000, help="files for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=seeds.DATA, help="the real recordings")
    parser.add_argument("--finds", type=Path, help="folder for files that show a fault")
    parser.add_argument("--only", default="", help="readers whose name contains this; results.md is not written then")
    arguments = parser.parse_args()
    text = (
        f"`python -m tests.fuzz.fuzz --number {arguments.number} --seed {arguments.seed}`\n\n"
        f"Each file had {SECONDS:g} s and {MEGABYTES:,} MB beyond what the process had before. `result` and `refused` "
        "(one line that names the file) are right; all others are faults.\n\n"
        f"{report(arguments.number, arguments.seed, arguments.data, arguments.finds, arguments.only)}\n"
    )
    print(text)
    if not arguments.only:
        (HERE / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
