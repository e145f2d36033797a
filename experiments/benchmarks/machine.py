"""The machine of a benchmark, and the file of its table."""

import importlib.metadata
import os
import platform
from datetime import date
from pathlib import Path

import torch

FOLDER = Path(__file__).parent
PACKAGES = ("numpy", "pyarrow", "torch")


def about(*packages: str) -> str:
    """Describe the run in a line below a table: CPU, cores, GPU if any, versions, and date.

    Args:
        packages: packages to list besides ``PACKAGES``; those that are not installed are left out.
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
    """Print a text below the command that made it, and write both to ``NAME.md`` in the folder of the benchmarks."""
    text = f"`python -m experiments.benchmarks.{name}`\n\n{text.strip()}\n"
    print(text)
    (FOLDER / f"{name}.md").write_text(text, encoding="utf-8")


def _cpu() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
