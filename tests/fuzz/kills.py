"""Is anything lost when commands are killed, interrupted or out of room at any moment?

    python -m tests.fuzz.kills

Every command that writes a folder is run once undisturbed. Then it is run again and again in a folder of its own and
stopped: killed (SIGKILL) just before its n-th change of the disk, for many n; killed at random moments, up to three
times in a row; interrupted (SIGINT, SIGTERM) at random moments; and run where no file can grow beyond a random size,
as on a full disk. After that, every file that is there must be whole, and the same command must go on or start again,
without --overwrite, and end with the same files as the undisturbed run, to the bit.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import math
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from tests.fuzz.forks import Ended, Forks

HERE = Path(__file__).parent
SMALL = "--batch 2 --clip-seconds 2 --architecture.channels 8 --architecture.blocks 1 --device cpu"
FEW = (
    "--supervision.steps 10 --supervision.batch 2 --supervision.clip-seconds 2 --supervision.trees 2 "
    "--supervision.folds 2 --device cpu"
)
COMMANDS: Mapping[str, str] = {
    "pretrain": f"--recordings tracks --steps 14 {SMALL}",
    "finetune": f"--encoder encoder --recordings data/train.npy {FEW}",
    "embed": "--encoder encoder --recordings data/train.npy --device cpu",
    "predict": "--model model --recordings data/train.npy --device cpu",
    "label_curve": f"--encoder encoder --recordings data/train.npy --sizes 1 --draws 1 {FEW}",
    "check": "--recordings tracks",
    "suggest": "--atlas unlabelled --seconds 2 --top 5",
    "convert": "--recordings data/train.npy",
    "evaluate": "--predictions predictions --annotations data/truth.npy --bootstrap 20",
    "probe": "--encoder encoder --recordings data/test.npy --device cpu",
    "simulate": "--train-videos 2 --test-videos 1 --unlabelled-videos 0 --min-frames 200 --max-frames 220",
    "cluster": "--clustering.anchors 300 --clustering.refits 0",
}
KINDS = ("killed at a change", "killed at a moment", "SIGINT", "SIGTERM", "no room")
_SENT = {"SIGINT": (signal.SIGINT, 130), "SIGTERM": (signal.SIGTERM, 143)}

# Run in the process itself: counts what it does to the disk below a folder, and ends it before the one that is asked.
_CHANGES = """
import os, signal, sys
left, folder, count = {at}, {folder!r}, 0
def look(event, given):
    global count
    writes = event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR)
    if not (writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")):
        return
    if not any(isinstance(one, (str, os.PathLike)) and os.path.abspath(one).startswith(folder) for one in given[:2]):
        return
    count += 1
    with open({counted!r}, "w") as file:
        file.write(str(count))
    if count == left:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(look)
"""
_OFTEN = "from ssl_behavior.training.state import StateFolder; StateFolder.__init__.__defaults__ = (3,)  # save_every\n"
"""A training of few steps keeps its state as often as one of thousands does."""
_NO_ROOM = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))"


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happened to: its files, how long it took, and how often it changed the disk."""

    files: Mapping[str, bytes]
    seconds: float
    changes: int


class Disturbed:
    """Runs of one command that are stopped, each in a folder of its own.

    Args:
        forks: that commands are started by.
        made: folder of ``make_inputs``.
        name: of the command.
        work: folder for the runs.
    """

    def __init__(self, forks: Forks, made: Path, name: str, work: Path) -> None:
        self.forks, self.made, self.name, self.work = forks, made, name, work
        self.runs = 0
        self.words = [f"ssl_behavior.{name}", *COMMANDS[name].split()]
        # Clusters lie within the atlas that they are of.
        self.words += ["--atlas", "out"] if name == "cluster" else ["--output", "out"]
        self.usual = self._undisturbed()

    def _undisturbed(self) -> Undisturbed:
        folder, counted = self._folder(), self.work / "counted"
        began = time.perf_counter()
        self._require(self.forks.run(self.words, folder, self._counting(0, folder, counted)), 0)
        return Undisturbed(files(folder / "out"), time.perf_counter() - began, int(counted.read_text()))

    def stop(self, kind: str, rng: random.Random, at: int = 0) -> None:
        """Stop a run and have it go on; raises AssertionError where anything is lost.

        Args:
            kind: one of ``KINDS``.
            rng: of moments and sizes.
            at: the change that it is killed at, of that kind.
        """
        folder = self._folder()
        if kind == "killed at a change":
            done = self.forks.run(self.words, folder, self._counting(at, folder, self.work / "counted"))
            self._require(done, -signal.SIGKILL)
        elif kind == "killed at a moment":
            for _ in range(rng.randint(1, 3)):
                self._require(self._sent(signal.SIGKILL, folder, rng), -signal.SIGKILL, 0)
                self._require_whole(folder)
                if self._is_there(folder):
                    break
        elif kind == "no room":
            largest = max(map(len, self.usual.files.values()))
            before = _OFTEN + _NO_ROOM.format(bytes=int(largest * rng.random() ** 2))
            self._require_sentence(self.forks.run(self.words, folder, before), 2)
        else:
            sent, code = _SENT[kind]
            self._require_sentence(self._sent(sent, folder, rng), code, -sent)  # the last as Python itself ends
        self._require_whole(folder)
        if not self._is_there(folder):
            self._require(self.forks.run(self.words, folder), 0)
            assert files(folder / "out") == self.usual.files, self._difference(folder)
        shutil.rmtree(folder)

    def _folder(self) -> Path:
        """A folder with the inputs in it."""
        self.runs += 1
        folder = self.work / f"{self.name}{self.runs}"
        folder.mkdir()
        for path in self.made.iterdir():
            (folder / path.name).symlink_to(path)
        if self.name == "cluster":
            shutil.copytree(self.made / "atlas", folder / "out")
        return folder

    def _counting(self, at: int, folder: Path, counted: Path) -> str:
        return _OFTEN + _CHANGES.format(at=at, folder=str(folder / "out"), counted=str(counted))

    def _sent(self, number: signal.Signals, folder: Path, rng: random.Random) -> Ended:
        begun = folder / "begun"
        begun.unlink(missing_ok=True)
        # What imports do when they are interrupted is Python's.
        running = self.forks.start(self.words, folder, _OFTEN + _BEGUN.format(begun=str(begun)))
        while not begun.exists():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, self.usual.seconds))
        running.send(number)
        return running.wait()

    def _is_there(self, folder: Path) -> bool:
        """Whether the last run came to its end before it could be stopped."""
        return (folder / "out").is_dir() and files(folder / "out") == self.usual.files

    def _require(self, done: Ended, *codes: int) -> None:
        assert done.code in codes, f"exit code {done.code}: {done.err[-2000:]}"

    def _require_sentence(self, done: Ended, *codes: int) -> None:
        self._require(done, 0, *codes)
        # Python passes over an interrupt that falls into a finaliser, says so, and the run goes on.
        told = re.sub(r"Exception ignored in.*?(KeyboardInterrupt|_Ended): ?\n", "", done.err, flags=re.DOTALL)
        assert "Traceback" not in told, done.err[-2000:]
        assert done.code <= 0 or done.err.rstrip().splitlines()[-1].startswith(("error: ", "interrupted")), done.err

    def _require_whole(self, folder: Path) -> None:
        """Every file that is there is as it will be, but for curves that have still to grow."""
        for name, content in files(folder / "out").items():
            if name.endswith("metrics.csv") or "/.unfinished/" in f"/{name}" or "unfinished.safetensors" in name:
                continue
            usual = self.usual.files.get(name, b"")
            is_begun = name.endswith("review/written.yaml") and usual.startswith(content)  # which is added to
            assert content == usual or is_begun, f"{name} is not whole"

    def _difference(self, folder: Path) -> str:
        found, usual = files(folder / "out"), self.usual.files
        return f"differ: {sorted(name for name in {*found, *usual} if found.get(name) != usual.get(name))}"


_BEGUN = """
import pathlib, ssl_behavior.cli.run as commands
usual = commands.parse
def parse(*given):
    pathlib.Path({begun!r}).touch()
    return usual(*given)
commands.parse = parse
"""
_BEING_WRITTEN = re.compile(r"\..*\.part|\.tmp\w+|\.lock")


def files(folder: Path) -> dict[str, bytes]:
    """The digest of every file below a folder, without what was being written and without times."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(map(_BEING_WRITTEN.fullmatch, path.parts))
    }


def _content(path: Path) -> bytes:
    if path.name == "metrics.csv":
        with path.open(newline="") as file:
            rows = [{**row, "seconds": ""} for row in csv.DictReader(file)]
        return repr(rows).encode()
    content = path.read_bytes()
    if path.parent.name == "points":  # what a training took is in minutes
        return content.partition(b'"minutes": ')[0]
    return content if len(content) < 100_000 else hashlib.sha256(content).digest() * (len(content) // 32)


def make_inputs(forks: Forks, folder: Path) -> Path:
    """Small recordings, and what the commands make of them, for the next ones."""
    for words in (
        "simulate --output data --train-videos 3 --test-videos 1 --unlabelled-videos 0 --min-frames 300 "
        "--max-frames 330",
        "convert --recordings data/train.npy --output tracks",
        f"pretrain --recordings tracks --output encoder --steps 20 {SMALL}",
        f"finetune --encoder encoder --recordings data/train.npy --output model {FEW}",
        "embed --encoder encoder --recordings data/train.npy --output atlas --device cpu",
        "embed --encoder encoder --recordings data/test.npy --output unlabelled --device cpu",
        "predict --model model --recordings data/test.npy --output predictions --device cpu",
    ):
        name, *rest = words.split()
        done = forks.run([f"ssl_behavior.{name}", *rest], folder)
        assert done.code == 0, done.err
    return folder


def trials(disturbed: Disturbed, times: int, most: int) -> Iterator[tuple[str, int]]:
    """Kinds of stops, and the change that a run is killed at."""
    changes = disturbed.usual.changes
    for at in range(1, changes + 1, math.ceil(changes / most)):
        yield KINDS[0], at
    for kind in KINDS[1:]:
        for _ in range(times):
            yield kind, 0


def table(counts: Mapping[str, Counter[str]]) -> str:
    """What was survived, per command."""
    lines = [f"| command | {' | '.join(KINDS)} | lost |", f"| --- |{' ---: |' * (len(KINDS) + 1)}"]
    for name, one in counts.items():
        lines.append(f"| {name} | {' | '.join(str(one[kind]) for kind in KINDS)} | {one['lost']} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Stop every command, and write what came of it to ``kills.md``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="stops of each kind but kills at a change")
    parser.add_argument("--changes", type=int, default=30, help="changes that it is killed at, at most, spread evenly")
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=COMMANDS)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    os.environ["SSL_BEHAVIOR_CACHE"] = ""
    counts: dict[str, Counter[str]] = {}
    with Forks() as forks, tempfile.TemporaryDirectory() as work:
        (made := Path(work) / "made").mkdir()
        make_inputs(forks, made)
        for name in given.commands:
            if name == "cluster":  # the last, as what is compiled is in all later processes
                forks.compile()
            rng, counts[name] = random.Random(f"{given.seed}{name}"), Counter()
            disturbed = Disturbed(forks, made, name, Path(work))
            for kind, at in tqdm(list(trials(disturbed, given.times, given.changes)), name, unit="stop"):
                counts[name][kind] += 1
                try:
                    disturbed.stop(kind, rng, at)
                except AssertionError as lost:
                    counts[name]["lost"] += 1
                    tqdm.write(f"{name}, {kind} {at or ''}: {lost}")
    told = table(counts)
    print(told)
    command = f"python -m tests.fuzz.kills --times {given.times} --changes {given.changes} --seed {given.seed}"
    if set(given.commands) == set(COMMANDS):
        (HERE / "kills.md").write_text(f"# Stops survived\n\nBy `{command}`.\n\n{told}\n")
    sys.exit(any(one["lost"] for one in counts.values()))


if __name__ == "__main__":
    main()
