"""The time until the explorer can be used, and until it answers a click.

    python -m experiments.benchmarks.explorer --atlas runs/atlas

The explorer and a headless Chromium share one core, as on a busy laptop. The page counts as usable when the map is
painted and a skeleton moves. Seconds on the clock depend on what else the core has to do; seconds of the core, of
server and browser together, do not. Needs Chromium, as the tests of the explorer do.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from experiments.benchmarks import machine
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.cli import run

_MODEL = "Bokeh.documents[0].get_model_by_name"
_MOVES = f"window.Bokeh && Bokeh.documents.length && Bokeh.documents[0].is_idle && {_MODEL}('playhead').value > 0"
_ANSWERED = (
    f"{_MODEL}('request').data.count[0] > 0 && {_MODEL}('clip').data.frame[0] === {_MODEL}('request').data.frame[0]"
)
_PIXELS = f"""() => {{
  const view = Bokeh.index.find_one({_MODEL}("map"));
  const box = view.canvas_view.el.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}}"""


@dataclass(frozen=True)
class ExplorerBenchmarkConfig:
    """Settings of the benchmark.

    Attributes:
        atlas: folder that embed wrote.
        visits: number of times to open the page.
    """

    atlas: Path
    visits: int = 5


@contextmanager
def explorer(atlas: Path) -> Iterator[str]:
    """Run the explorer within the block; yields its address."""
    command = [sys.executable, "-m", "ssl_behavior.explore", "--atlas", str(atlas), "--port", "0"]
    with subprocess.Popen([*command, "--browser", "false"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        addresses = (re.search(r"http://\S+", line) for line in process.stdout)
        yield next(match[0] for match in addresses if match)
        process.terminate()


def core_seconds() -> dict[int, float]:
    """Process id -> seconds of processor time so far, for this process and all its descendants."""
    seconds = {}
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            seconds[process.pid] = sum(process.cpu_times()[:2])  # user and system
    return seconds


def since(before: dict[int, float]) -> float:
    """Core seconds of all processes together since ``core_seconds`` returned ``before``."""
    return sum(seconds - before.get(process, 0.0) for process, seconds in core_seconds().items())


def visit(browser: Any, address: str) -> dict[str, float]:
    """Open the page once; returns seconds until it can be used and until it plays a click, and megabytes loaded."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(int(response.headers.get("content-length", 0))))
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))))
    start, before = time.perf_counter(), core_seconds()
    page.goto(address, timeout=120_000, wait_until="commit")
    page.wait_for_function(_MOVES, timeout=120_000)
    usable, core = time.perf_counter() - start, since(before)
    page.wait_for_timeout(1_000)
    page.mouse.click(*page.evaluate(_PIXELS))
    start = time.perf_counter()
    page.wait_for_function(_ANSWERED, timeout=60_000)
    answer = time.perf_counter() - start
    page.close()
    return {"usable": usable, "core": core, "answer": answer, "megabytes": sum(sizes) / 1e6}


def measure(config: ExplorerBenchmarkConfig) -> str:
    """Measure everything; returns the table in Markdown."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    start, before = time.perf_counter(), core_seconds()
    with explorer(config.atlas) as address, sync_playwright() as playwright:
        ready = {"seconds": time.perf_counter() - start, "core": since(before)}
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        visits = [visit(browser, address) for _ in range(config.visits)]
        browser.close()
    usable, core, answer, size = ([row[name] for row in visits] for name in ("usable", "core", "answer", "megabytes"))
    rows = {
        "the server is ready": ([ready["seconds"]], [ready["core"]]),
        "an opened page can be used": (usable, core),
        "a clicked moment plays": (answer, []),
    }
    lines = ["| until | seconds, median | worst | core seconds |", "|---|---|---|---|"]
    for name, (seconds, computed) in rows.items():
        of_core = f"{median(computed):.1f}" if computed else ""
        lines.append(f"| {name} | {median(seconds):.1f} | {max(seconds):.1f} | {of_core} |")
    title = (
        f"An atlas of {Atlas(config.atlas).rows:,} frames; other work on the machine: load {os.getloadavg()[0]:.1f}."
    )
    loaded = f"A page loads {median(size):.1f} MB."
    return "\n".join([title, "", *lines, "", loaded, "", machine.about("bokeh")])


def main() -> None:
    """Run the benchmark from the shell."""

    def command(config: ExplorerBenchmarkConfig) -> None:
        machine.write("explorer", measure(config))

    run.run(ExplorerBenchmarkConfig, command, "How soon the explorer can be used.")


if __name__ == "__main__":
    # Imported, so that the classes of the settings are those of the module and not of __main__.
    from experiments.benchmarks.explorer import main as imported_main

    imported_main()
