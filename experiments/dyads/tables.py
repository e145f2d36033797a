"""Tables of the few-label benchmark: a row for each fit in a ``.csv``, and their means in a ``.md``.

Rows of earlier versions of the package, and those that a command did not measure again, stay beside the new ones.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Row = dict[str, Any]
"""The scores of one fit, after the columns of ``HEAD`` and before the minutes that it took."""
HEAD = ("version", "variant", "labelled videos", "draw", "seed", "decision")


def write(rows: Sequence[Row], path: Path) -> None:
    """Put rows into ``path``.csv in place of those with the same head, write ``path``.md, and print the table.

    Args:
        rows: one or more rows, in the order of the variants.
        path: of the table, with any suffix.
    """
    file = path.with_suffix(".csv")
    new = {_head(row) for row in rows}
    merged = [*rows, *(row for row in _read(file) if _head(row) not in new)]
    variants = list(dict.fromkeys(row["variant"] for row in merged))
    # Of one number of videos and variant, the newest version is the first.
    merged.sort(key=lambda row: row["version"], reverse=True)
    merged.sort(key=lambda row: (row["labelled videos"], variants.index(row["variant"])))
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(merged)
    path.with_suffix(".md").write_text(table(merged))
    print(table(merged))


def table(rows: Sequence[Row]) -> str:
    """A table in Markdown: mean ± standard deviation over draws for each variant, version, decision and size."""
    scores = [name for name in rows[0] if name not in (*HEAD, "minutes")]
    lines = [
        f"| labelled videos | variant | version | decision | draws | {' | '.join(scores)} | minutes |",
        "|---" * (6 + len(scores)) + "|",
    ]
    for key in dict.fromkeys(map(_group, rows)):
        size, variant, version, decision = key
        chosen = [row for row in rows if _group(row) == key]
        cells = [np.array([row[name] for row in chosen], float) for name in (*scores, "minutes")]
        means = " | ".join(map(_mean, cells[:-1]))
        minutes = f"{cells[-1].mean():.1f}"
        lines.append(f"| {size} | {variant} | {version} | {decision} | {len(chosen)} | {means} | {minutes} |")
    return "\n".join(lines) + "\n"


def _group(row: Row) -> tuple[int, str, str, str]:
    return row["labelled videos"], row["variant"], row["version"], row["decision"]


def _head(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in HEAD)


def _read(file: Path) -> list[Row]:
    """The rows of a table; empty if there is none."""
    if not file.exists():
        return []
    with file.open(newline="") as stream:
        return [{name: _value(name, text) for name, text in row.items()} for row in csv.DictReader(stream)]


def _value(name: str, text: str) -> Any:
    if name in ("version", "variant", "draw", "decision"):
        return text
    if name in ("labelled videos", "seed"):
        return int(text)
    return float(text)


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else "")
