"""``metrics.csv``: the values that a training run logs, one row per step."""

from __future__ import annotations

import csv
import time
from pathlib import Path

from ssl_behavior.storage.atomic import write_atomically


class MetricsLog:
    """The rows of ``metrics.csv``.

    Args:
        path: the file; None logs nothing.
        step: finished steps of the run that is resumed, or 0. Later rows in an existing file are dropped.
    """

    def __init__(self, path: Path | None, step: int) -> None:
        self.path, self.start = path, time.perf_counter()
        self.rows: list[dict[str, float]] = []
        if path and step and path.exists():
            with path.open() as file:
                self.rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
            self.rows = [{**row, "step": int(row["step"])} for row in self.rows if row["step"] <= step]
            self.start -= self.rows[-1]["seconds"] if self.rows else 0.0

    def add(self, step: int, values: dict[str, float]) -> None:
        """Log the values of a step."""
        self.rows.append({"step": step, "seconds": round(time.perf_counter() - self.start, 3), **values})

    def flush(self) -> None:
        """Write all rows, whole or not at all."""
        if not self.path or not self.rows:
            return
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with write_atomically(self.path) as aside, aside.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)


def read_metrics(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Read the curves in a ``metrics.csv``: name -> (step, value) points. A step without a value has no point."""
    curves: dict[str, list[tuple[float, float]]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name not in ("step", "seconds"):
                    curves.setdefault(name, []).append((float(row["step"]), float(value)))
    return curves
