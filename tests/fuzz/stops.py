"""Stops one command many times, and checks that nothing is lost; ``kills`` does so for all commands."""

from __future__ import annotations

import csv
import hashlib
import random
import re
import shutil
import signal
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.forks import FinishedCommand, ForkServer

_SMALL_ENCODER = "--batch 2 --clip-seconds 2 --architecture.channels 8 --architecture.blocks 1 --device cpu"
_SHORT_TRAINING = (
    "--supervision.steps 10 --supervision.batch 2 --supervision.clip-seconds 2 --supervision.trees 2 "
    "--supervision.folds 2 --device cpu"
)
COMMANDS: Mapping[str, str] = {
    "pretrain": f"--recordings tracks --steps 14 {_SMALL_ENCODER}",
    "finetune": f"--encoder encoder --recordings data/train.npy {_SHORT_TRAINING}",
    "embed": "--encoder encoder --recordings data/train.npy --device cpu",
    "predict": "--model model --recordings data/train.npy --device cpu",
    "label_curve": f"--encoder encoder --recordings data/train.npy --sizes 1 --draws 1 {_SHORT_TRAINING}",
    "check": "--recordings tracks",
    "suggest": "--atlas unlabelled --seconds 2 --top 5",
    "convert": "--recordings data/train.npy",
    "evaluate": "--predictions predictions --annotations data/truth.npy --bootstrap 20",
    "probe": "--encoder encoder --recordings data/test.npy --device cpu",
    "simulate": "--train-videos 2 --test-videos 1 --unlabelled-videos 0 --min-frames 200 --max-frames 220",
    "cluster": "--clustering.anchors 300 --clustering.refits 0",
}
KINDS = ("killed at a change", "killed at a moment", "SIGINT", "SIGTERM", "full disk")
_SIGNALS = {"SIGINT": (signal.SIGINT, 130), "SIGTERM": (signal.SIGTERM, 143)}

# Runs in the command's process: counts its changes of the disk below a folder, and kills it just before one of them.
_KILL_AT_CHANGE = """
import os, signal, sys
last, folder, count = {at}, {folder!r}, 0
def count_change(event, arguments):
    global count
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if not (writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod")):
        return
    paths = [os.path.abspath(path) for path in arguments[:2] if isinstance(path, (str, os.PathLike))]
    if not any(path.startswith(folder) for path in paths):
        return
    count += 1
    with open({counter!r}, "w") as file:
        file.write(str(count))
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count_change)
"""
# A training of a few steps then saves its state as often as one of thousands: the default of save_every is 3.
_SAVE_OFTEN = "from ssl_behavior.training.state import StateFolder; StateFolder.__init__.__defaults__ = (3,)\n"
_FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes}, {bytes}))"


@dataclass(frozen=True)
class Reference:
    """A run without a stop: its files, the seconds that it took, and how often it changed the disk."""

    files: Mapping[str, bytes]
    seconds: float
    changes: int


class StoppedCommand:
    """One command, which is run and stopped many times, each time in a new folder.

    Args:
        forks: starts the commands.
        inputs: folder of ``make_inputs``.
        name: of the command.
        work: folder for the runs.
    """

    def __init__(self, forks: ForkServer, inputs: Path, name: str, work: Path) -> None:
        self.forks, self.inputs, self.name, self.work = forks, inputs, name, work
        self.runs = 0
        self.words = [f"ssl_behavior.{name}", *COMMANDS[name].split()]
        # Clusters are written into the atlas.
        self.words += ["--atlas", "out"] if name == "cluster" else ["--output", "out"]
        self.reference = self._run_without_stop()

    def _run_without_stop(self) -> Reference:
        folder, counter = self._new_folder(), self.work / "counter"
        start = time.perf_counter()
        self._require(self.forks.run(self.words, folder, self._counting(0, folder, counter)), 0)
        return Reference(files(folder / "out"), time.perf_counter() - start, int(counter.read_text()))

    def stop(self, kind: str, rng: random.Random, at: int = 0) -> None:
        """Stop a run and start the command again.

        Args:
            kind: one of ``KINDS``.
            rng: chooses moments and sizes.
            at: number of the change to kill it at, for "killed at a change".

        Raises:
            AssertionError: something was lost.
        """
        folder = self._new_folder()
        if kind == "killed at a change":
            done = self.forks.run(self.words, folder, self._counting(at, folder, self.work / "counter"))
            self._require(done, -signal.SIGKILL)
        elif kind == "killed at a moment":
            for _ in range(rng.randint(1, 3)):
                self._require(self._run_and_send(signal.SIGKILL, folder, rng), -signal.SIGKILL, 0)
                self._require_complete_files(folder)
                if self._is_complete(folder):
                    break
        elif kind == "full disk":
            largest = max(map(len, self.reference.files.values()))
            before = _SAVE_OFTEN + _FULL_DISK.format(bytes=int(largest * rng.random() ** 2))
            self._require_message(self.forks.run(self.words, folder, before), 2)
        else:
            sent, code = _SIGNALS[kind]
            # Minus the signal: Python itself ends so where the signal comes before the command handles it.
            self._require_message(self._run_and_send(sent, folder, rng), code, -sent)
        self._require_complete_files(folder)
        if not self._is_complete(folder):
            self._require(self.forks.run(self.words, folder), 0)
            assert files(folder / "out") == self.reference.files, self._difference(folder)
        shutil.rmtree(folder)

    def _new_folder(self) -> Path:
        """Make a folder with links to the inputs."""
        self.runs += 1
        folder = self.work / f"{self.name}{self.runs}"
        folder.mkdir()
        for path in self.inputs.iterdir():
            (folder / path.name).symlink_to(path)
        if self.name == "cluster":
            shutil.copytree(self.inputs / "atlas", folder / "out")
        return folder

    def _counting(self, at: int, folder: Path, counter: Path) -> str:
        return _SAVE_OFTEN + _KILL_AT_CHANGE.format(at=at, folder=str(folder / "out"), counter=str(counter))

    def _run_and_send(self, number: signal.Signals, folder: Path, rng: random.Random) -> FinishedCommand:
        begun = folder / "begun"
        begun.unlink(missing_ok=True)
        # Not before the command reads its settings: an interrupt within an import is Python's affair.
        running = self.forks.start(self.words, folder, _SAVE_OFTEN + _BEGUN.format(begun=str(begun)))
        while not begun.exists():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, self.reference.seconds))
        running.send(number)
        return running.wait()

    def _is_complete(self, folder: Path) -> bool:
        """Whether all results are there: the last run may end before it can be stopped."""
        return (folder / "out").is_dir() and files(folder / "out") == self.reference.files

    def _require(self, done: FinishedCommand, *codes: int) -> None:
        assert done.code in codes, f"exit code {done.code}: {done.err[-2000:]}"

    def _require_message(self, done: FinishedCommand, *codes: int) -> None:
        self._require(done, 0, *codes)
        # Python reports an interrupt within a finaliser, ignores it, and the run goes on.
        message = re.sub(r"Exception ignored in.*?(KeyboardInterrupt|_Terminated): ?\n", "", done.err, flags=re.DOTALL)
        assert "Traceback" not in message, done.err[-2000:]
        assert done.code <= 0 or done.err.rstrip().splitlines()[-1].startswith(("error: ", "interrupted")), done.err

    def _require_complete_files(self, folder: Path) -> None:
        """Every existing file must be complete, except training curves and states, which still grow."""
        for name, content in files(folder / "out").items():
            if name.endswith("metrics.csv") or "/.unfinished/" in f"/{name}" or "unfinished.safetensors" in name:
                continue
            complete = self.reference.files.get(name, b"")
            # Lines are appended to this file, so its beginning is valid.
            is_begun = name.endswith("review/written.yaml") and complete.startswith(content)
            assert content == complete or is_begun, f"{name} is not complete"

    def _difference(self, folder: Path) -> str:
        results, reference = files(folder / "out"), self.reference.files
        names = sorted(name for name in {*results, *reference} if results.get(name) != reference.get(name))
        return f"differ: {names}"


# Runs in the command's process: makes a file when the command begins to read its settings.
_BEGUN = """
import pathlib, ssl_behavior.cli.run as run_module
original = run_module.parse
def parse(*arguments):
    pathlib.Path({begun!r}).touch()
    return original(*arguments)
run_module.parse = parse
"""
_TEMPORARY = re.compile(r"\..*\.part|\.tmp\w+|\.lock")


def files(folder: Path) -> dict[str, bytes]:
    """Name -> content of every file below a folder, without temporary files and without measured times."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(map(_TEMPORARY.fullmatch, path.parts))
    }


def _content(path: Path) -> bytes:
    if path.name == "metrics.csv":
        with path.open(newline="") as file:
            rows = [{**row, "seconds": ""} for row in csv.DictReader(file)]
        return repr(rows).encode()
    content = path.read_bytes()
    if path.parent.name == "points":  # ends with the minutes that a training took
        return content.partition(b'"minutes": ')[0]
    return content if len(content) < 100_000 else hashlib.sha256(content).digest() * (len(content) // 32)


def make_inputs(forks: ForkServer, folder: Path, without: Collection[str] = ()) -> Path:
    """Make small recordings, and the results of commands that other commands read.

    Args:
        forks: starts the commands.
        folder: for all results.
        without: commands whose results are not needed.

    Returns:
        The folder.
    """
    for words in (
        "simulate --output data --train-videos 3 --test-videos 1 --unlabelled-videos 0 --min-frames 300 "
        "--max-frames 330",
        "convert --recordings data/train.npy --output tracks",
        f"pretrain --recordings tracks --output encoder --steps 20 {_SMALL_ENCODER}",
        f"finetune --encoder encoder --recordings data/train.npy --output model {_SHORT_TRAINING}",
        "embed --encoder encoder --recordings data/train.npy --output atlas --device cpu",
        "embed --encoder encoder --recordings data/test.npy --output unlabelled --device cpu",
        "predict --model model --recordings data/test.npy --output predictions --device cpu",
    ):
        name, *options = words.split()
        if name not in without:
            done = forks.run([f"ssl_behavior.{name}", *options], folder)
            assert done.code == 0, done.err
    return folder
