"""Thousands of damaged and hostile files for every reader: a result or one clear error, in bounded memory and time?

    python -m tests.fuzz.fuzz --number 1000

Good files are written by the project and taken from real recordings; each is changed in its bytes and by what is known
of its format, and read in a process of its own. What comes back must be a result that is sound, or one line that names
the file. Anything else is a find, and is kept under ``--finds`` to be mended and made a case of ``tests/corpus``.
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

from tqdm import tqdm

from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.storage import cache
from tests.fuzz import seeds, words
from tests.fuzz.sandbox import MEGABYTES, SECONDS, Outcome, run
from tests.fuzz.targets import Target, all_targets

HERE = Path(__file__).parent
_PARTS = ("result", "refused", "unclear", "wrong", "crash", "died", "memory", "slow")


def fuzz(target: Target, number: int, seed: int, finds: Path | None) -> Counter[str]:
    """How often a reader came to which end, over ``number`` files."""
    rng = Random(zlib.crc32(f"{target.name} {seed}".encode()))
    ends: Counter[str] = Counter()
    good = {path: path.read_bytes() for path in target.seeds}
    with tempfile.TemporaryDirectory() as folder:
        for at in tqdm(range(number), target.name, leave=False):
            path = rng.choice(list(good))
            data = target.mutant(good[path], rng)
            outcome = _outcome(target, path, data, good[path], Path(folder))
            ends[outcome.kind] += 1
            if outcome.is_find and finds is not None:
                _keep(finds, target.name, f"{at}-{path.name}", data, outcome)
    return ends


def _outcome(target: Target, path: Path, data: bytes, good: bytes, folder: Path) -> Outcome:
    """Of a changed file, in the place of the good one if its folder belongs to it."""
    place = path if target.in_place else folder / path.name
    place.write_bytes(data)
    try:
        return run(target.read, place)
    finally:
        if target.in_place:
            place.write_bytes(good)


def fuzz_words(number: int, seed: int, finds: Path | None) -> Counter[str]:
    """As ``fuzz``, of command lines."""
    rng = Random(seed)
    classes = words.settings_classes()
    ends: Counter[str] = Counter()
    for at in tqdm(range(number), "command lines", leave=False):
        command = rng.choice(list(classes))
        line = words.line(classes[command], rng)
        outcome = run(words.reader(classes[command], line), Path())
        ends[outcome.kind] += 1
        if outcome.is_find and finds is not None:
            _keep(finds, "command lines", f"{at}-{command}", repr(line).encode(), outcome)
    return ends


def _keep(finds: Path, target: str, name: str, data: bytes, outcome: Outcome) -> None:
    folder = finds / target.replace(" ", "_").replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data[: 1 << 22])
    (folder / f"{name}.told").write_text(f"{outcome.kind}\n{outcome.told}\n")


def prepared(folder: Path) -> None:
    """Good files in ``folder``, with something kept in the cache there."""
    os.environ[cache.VARIABLE] = ""
    seeds.write(folder)
    os.environ[cache.VARIABLE] = str(folder / "cache")
    read_recordings(folder / "table.csv", notify=lambda _: None)


def table(ends: dict[str, Counter[str]]) -> str:
    """The counts, in Markdown."""
    lines = [f"| reader | files | {' | '.join(_PARTS)} |", f"|---|---{'|---' * len(_PARTS)}|"]
    ends = {**ends, "all": sum(ends.values(), Counter())}
    for name, found in ends.items():
        lines.append(f"| {name} | {found.total():,} | {' | '.join(f'{found[part]:,}' for part in _PARTS)} |")
    return "\n".join(lines)


def report(number: int, seed: int, data: Path, finds: Path | None, only: str) -> str:
    folder = Path(tempfile.mkdtemp(prefix="robustness-"))
    try:
        prepared(folder)
        ends = {}
        for target in all_targets(folder, data):
            os.environ[cache.VARIABLE] = str(folder / "cache") if target.name == "cache" else ""
            if target.seeds and only in target.name:
                ends[target.name] = fuzz(target, number, seed, finds)
                print(f"{target.name}: {dict(ends[target.name])}", flush=True)
        if only in "command lines":
            ends["command lines"] = fuzz_words(number, seed, finds)
        return table(ends)
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Fuzz, and write and print results.md beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=1000, help="files for each reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=seeds.DATA, help="the real recordings")
    parser.add_argument("--finds", type=Path, help="folder that finds are kept in")
    parser.add_argument("--only", default="", help="readers whose name has this; results.md is not written then")
    given = parser.parse_args()
    text = (
        f"`python -m tests.fuzz.fuzz --number {given.number} --seed {given.seed}`\n\n"
        f"Each file had {SECONDS:g} s and {MEGABYTES:,} MB beyond what the process had before. `result` and `refused` "
        "(one line that names the file) are right; all else is a find.\n\n"
        f"{report(given.number, given.seed, given.data, given.finds, given.only)}\n"
    )
    print(text)
    if not given.only:
        (HERE / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
