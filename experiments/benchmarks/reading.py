"""The speed of reading tracks: against other parsers, from native files, and at a second start.

    python -m experiments.benchmarks.reading

Writes reading.md beside this file. Recordings are simulated, in a temporary folder, and each run is a process of its
own. Install the other parsers with ``pip install ijson json-stream json-stream-rs-tokenizer orjson pysimdjson
msgspec``; the table names those that are missing.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from experiments.benchmarks import json_peers, machine, track_files
from ssl_behavior.errors import count_of
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.storage import cache

LONG = 108_000
MANY, EACH = 24, 9_000
JSON_VIDEOS, FEW_VIDEOS = 22, 1
PACKAGES = ("ijson", "json-stream", "json-stream-rs-tokenizer", "orjson", "pysimdjson", "msgspec")


def measure(task: str, path: Path, cache_folder: Path | None = None, times: int = 1) -> tuple[float, float]:
    """Run a task in a process of its own; returns the least seconds of ``times`` and the growth of memory in MB."""
    command = [sys.executable, "-m", "experiments.benchmarks.reading_tasks", task, str(path), str(times)]
    environment = os.environ | {cache.VARIABLE: str(cache_folder or ""), "TQDM_DISABLE": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory


def csv_section(folder: Path) -> str:
    """Measure one long table."""
    track_files.write_tables(folder / "long", 1, LONG)
    path = folder / "long" / "video0DLC_net.csv"
    # In turn, so that other work of the machine affects all of them alike.
    rounds = [{task: measure(task, path, times=3)[0] for task in ("arrow", "deeplabcut", "read")} for _ in range(3)]
    least = {task: min(times[task] for times in rounds) for task in rounds[0]}
    starts = [measure("read", path, folder / "cache of long")[0] for _ in range(2)]
    lines = {
        "`pyarrow.csv.read_csv` alone": least["arrow"],
        "`deeplabcut.read`": least["deeplabcut"],
        "`read_recordings`, without a cache": least["read"],
        "`read_recordings`, first start, filling the cache": starts[0],
        "`read_recordings`, second start": starts[1],
    }
    title = f"A DeepLabCut CSV of {LONG:,} frames and {len(track_files.COLUMNS)} columns, {_size(path):.0f} MB:"
    rows = [[name, f"{seconds:.3f}", f"{seconds / least['arrow']:.2f}"] for name, seconds in lines.items()]
    return _table(title, ["", "seconds", "times pyarrow"], rows)


def json_section(folder: Path) -> str:
    """Measure CalMS21's JSON with every parser."""
    path, few = folder / "calms21.json", folder / "few.json"
    track_files.write_json(path, JSON_VIDEOS, EACH)
    track_files.write_json(few, FEW_VIDEOS, EACH)
    seconds, memory = measure("ssl_behavior", path, times=2)
    rate = _size(path) / seconds
    rows = [["**`formats.json_stream`**; streams", f"{seconds:.1f}", f"{rate:.0f}", "1.0", f"{memory:,.0f}"]]
    for how, peers in (("streams", json_peers.STREAMING), ("whole text in memory", json_peers.WHOLE)):
        rows += [
            [f"{peer}; {how}", *_json_cells(peer, few if peer in json_peers.SLOW else path, rate)] for peer in peers
        ]
    title = (
        f"CalMS21's JSON of {JSON_VIDEOS} sequences, {_size(path):.0f} MB, to float32 arrays (those with * read "
        f"{count_of(FEW_VIDEOS, 'sequence')}, {_size(few):.0f} MB):"
    )
    return _table(title, ["", "seconds", "MB/s", "times ours, per MB", "peak memory, MB"], rows)


def _json_cells(peer: str, path: Path, rate: float) -> list[str]:
    if not json_peers.is_installed(peer):
        return ["not installed", "", "", ""]
    seconds, memory = measure(peer, path)
    own = _size(path) / seconds
    star = "*" if peer in json_peers.SLOW else ""
    return [f"{seconds:.1f}{star}", f"{own:.0f}", f"{rate / own:.1f}", f"{memory:,.0f}{star}"]


def starts_section(folder: Path) -> str:
    """Measure the start of every command, over many files."""
    tables, fast = folder / "many", folder / "fast"
    track_files.write_tables(tables, MANY, EACH)
    native.write(fast, read_recordings(tables, notify=str))
    rows = []
    for name, path in (("tables", tables), ("converted", fast)):
        for task, description in (
            ("read", "opened"),
            ("look", "and every position looked at"),
            ("prepare", "prepared"),
        ):
            cache_folder = folder / f"cache of {name}, {description}"
            measurements = [measure(task, path), *(measure(task, path, cache_folder) for _ in range(2))]
            cells = [f"{seconds:.2f} ({memory:,.0f})" for seconds, memory in measurements]
            rows.append([f"{MANY} {name}, {description}", *cells])
    size = sum(map(_size, tables.iterdir()))
    title = (
        f"{MANY} recordings of {EACH:,} frames, as tables ({size:.0f} MB) and converted; seconds, and by how many MB "
        "the process grew:"
    )
    return _table(title, ["", "without a cache", "filling it", "second start"], rows)


def _size(path: Path) -> float:
    return path.stat().st_size / 1e6


def _table(title: str, head: list[str], rows: list[list[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join([title, "", *(f"| {' | '.join(line)} |" for line in lines), ""])


def main() -> None:
    """Measure everything, and write reading.md."""
    with tempfile.TemporaryDirectory() as name:
        os.environ[cache.VARIABLE] = ""
        sections = [section(Path(name)) for section in (csv_section, starts_section, json_section)]
    machine.write("reading", "\n".join([*sections, machine.about(*PACKAGES)]))


if __name__ == "__main__":
    main()
