"""Stops commands at any moment, by kills, interrupts and a full disk, and checks that nothing is lost.

    python -m tests.fuzz.kills

Every command that writes a folder runs once without a stop. Then it runs many times, each in a new folder, and is
stopped: killed (SIGKILL) just before its n-th change of the disk, for many n; killed at random moments, up to three
times in a row; interrupted (SIGINT, SIGTERM) at random moments; and run where no file can grow beyond a random size,
as on a full disk. After each stop, every existing file must be complete. The same command, without --overwrite, must
then continue or start again and end with the same files as the run without a stop, to the bit.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ssl_behavior.compute.progress import ProgressBar, progress
from tests.fuzz.forks import ForkServer
from tests.fuzz.stops import COMMANDS, KINDS, StoppedCommand, make_inputs

HERE = Path(__file__).parent


def trials(stopped: StoppedCommand, times: int, max_changes: int) -> Iterator[tuple[str, int]]:
    """Pairs of a kind of stop and, for kills at a change, its number."""
    changes = stopped.reference.changes
    for at in range(1, changes + 1, math.ceil(changes / max_changes)):
        yield KINDS[0], at
    for kind in KINDS[1:]:
        for _ in range(times):
            yield kind, 0


def table(counts: Mapping[str, Counter[str]]) -> str:
    """The counts of stops and losses per command, as a table in Markdown."""
    lines = [f"| command | {' | '.join(KINDS)} | lost |", f"| --- |{' ---: |' * (len(KINDS) + 1)}"]
    for name, stops in counts.items():
        lines.append(f"| {name} | {' | '.join(str(stops[kind]) for kind in KINDS)} | {stops['lost']} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Stop every command many times, and write the counts to ``kills.md`` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="stops of each kind except kills at a change")
    parser.add_argument("--changes", type=int, default=30, help="kills at a change, at most, spread evenly")
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=COMMANDS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    os.environ["SSL_BEHAVIOR_CACHE"] = ""
    counts: dict[str, Counter[str]] = {}
    with ForkServer() as forks, tempfile.TemporaryDirectory() as work:
        (inputs := Path(work) / "inputs").mkdir()
        make_inputs(forks, inputs)
        for name in arguments.commands:
            if name == "cluster":  # compiled here and not before: it makes each later fork larger
                forks.compile()
            rng, counts[name] = random.Random(f"{arguments.seed}{name}"), Counter()
            stopped = StoppedCommand(forks, inputs, name, Path(work))
            for kind, at in progress(list(trials(stopped, arguments.times, arguments.changes)), name, unit="stop"):
                counts[name][kind] += 1
                try:
                    stopped.stop(kind, rng, at)
                except AssertionError as loss:
                    counts[name]["lost"] += 1
                    ProgressBar.write(f"{name}, {kind} {at or ''}: {loss}")
    text = table(counts)
    print(text)
    options = f"--times {arguments.times} --changes {arguments.changes} --seed {arguments.seed}"
    if set(arguments.commands) == set(COMMANDS):
        (HERE / "kills.md").write_text(f"# Stops survived\n\nBy `python -m tests.fuzz.kills {options}`.\n\n{text}\n")
    sys.exit(any(stops["lost"] for stops in counts.values()))


if __name__ == "__main__":
    main()
