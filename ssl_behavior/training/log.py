"""``metrics.csv``: what a training run logged, step by step."""

from __future__ import annotations

import csv
import time
from pathlib import Path

from ssl_behavior.storage.atomic import replacing


class MetricsLog:
    """Rows of ``metrics.csv``; a continued run drops rows past the step it continues from."""

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
        """Write what is logged, aside and then renamed."""
        if not self.path or not self.rows:
            return
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with replacing(self.path) as aside, aside.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)


def read_metrics(path: Path) -> dict[str, list[tuple[float, float]]]:
    """The curves in a ``metrics.csv``: name -> (step, value) points."""
    curves: dict[str, list[tuple[float, float]]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if value and name not in ("step", "seconds"):
                    curves.setdefault(name, []).append((float(row["step"]), float(value)))
    return curves
