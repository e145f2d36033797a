"""What a benchmark ran on, and where its table goes."""

import importlib.metadata
import os
import platform
from datetime import date
from pathlib import Path

import torch

FOLDER = Path(__file__).parent
PACKAGES = ("numpy", "pyarrow", "torch")


def about(*packages: str) -> str:
    """A line for below a table: the CPU, the cores, the GPU if there is one, versions, and the day of the run.

    Args:
        packages: whose versions are named besides those of ``PACKAGES``; one that is not installed is left out.
    """
    versions = [f"Python {platform.python_version()}"]
    for name in dict.fromkeys((*PACKAGES, *packages)):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"Run on {_cpu()}, {len(os.sched_getaffinity(0))} cores{gpu}; {', '.join(versions)}; {date.today()}."


def write(name: str, text: str) -> None:
    """Print ``text`` under the command that made it, and write both to ``NAME.md`` beside the benchmarks."""
    text = f"`python -m experiments.benchmarks.{name}`\n\n{text.strip()}\n"
    print(text)
    (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")


def _cpu() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
