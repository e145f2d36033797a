"""The curves as a table for machines, one to read and a picture."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from experiments.suggest.simulation import POOL, STRATEGIES, Row
from ssl_behavior.figures import styles

_USUAL = "random"


def write(folder: Path, rows: Sequence[Row], full: Sequence[Row]) -> Path:
    """Write ``results.csv``, ``results.md`` and ``results.png`` to a folder; returns the second.

    Args:
        folder: there.
        rows: of every strategy, seed and round.
        full: of models of all clips, a row per seed.
    """
    with (folder / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({key: f"{v:.4f}" if isinstance(v, float) else v for key, v in row.items()} for row in rows)
    (path := folder / "results.md").write_text("\n".join(_told(rows, full)) + "\n")
    _picture(folder / "results.png", rows, full)
    return path


def curves(rows: Sequence[Row], strategy: str, score: str = "macro F1") -> np.ndarray:
    """(seed, round) scores of a strategy."""
    seeds = sorted({row["seed"] for row in rows})
    chosen = [[row[score] for row in rows if (row["strategy"], row["seed"]) == (strategy, seed)] for seed in seeds]
    return np.array(chosen)


def minutes(rows: Sequence[Row]) -> np.ndarray:
    """(round,) labelled minutes."""
    return np.array(sorted({row["minutes"] for row in rows}))


def _told(rows: Sequence[Row], full: Sequence[Row]) -> Iterator[str]:
    at = minutes(rows)
    shown = sorted({0, 1, 2, 4, 6, len(at) - 1} & set(range(len(at))))
    runs = len(curves(rows, _USUAL))
    per_round = round(at[0] * 60)
    yield "# Which clips to label next\n"
    yield (
        f"Simulated labelling of the dyads: {per_round} s of clips a round, chosen from {POOL} of the thirty videos, "
        f"{runs} runs of other videos and other first clips; scored on the ten held-out videos. Macro F1, mean ± "
        "standard deviation over runs, by labelled minutes.\n"
    )
    yield "| chosen by | " + " | ".join(f"{at[i]:.1f} min" for i in shown) + " |"
    yield "|---" * (1 + len(shown)) + "|"
    for strategy in STRATEGIES:
        found = curves(rows, strategy)
        yield f"| {strategy} | " + " | ".join(_mean(found[:, i]) for i in shown) + " |"
    values = np.array([row["macro F1"] for row in full])
    yield f"\nAll clips of the {POOL} videos ({np.mean([row['minutes'] for row in full]):.0f} min): {_mean(values)}.\n"
    yield "## Over random choice\n"
    yield (
        "Differences in the same run: mean ± standard deviation over runs (in how many runs it is above random). "
        "Early is the mean up to half of the minutes, late the rest; the first clips, where they are random, count in "
        f"neither. The last column is when the mean curve reaches what random choice has after {at[-1]:.1f} min.\n"
    )
    yield "| chosen by | early | late | aggression, early | aggression, late | as good after |"
    yield "|---|---|---|---|---|---|"
    for strategy in STRATEGIES:
        if strategy != _USUAL:
            cells = [_gain(rows, strategy, s, part) for s in ("macro F1", "aggression") for part in _halves(len(at))]
            yield f"| {strategy} | {' | '.join(cells)} | {_as_good(rows, strategy)} |"


def _halves(rounds: int) -> tuple[slice, slice]:
    return slice(1, rounds // 2), slice(rounds // 2, rounds)


def _gain(rows: Sequence[Row], strategy: str, score: str, part: slice) -> str:
    gained = (curves(rows, strategy, score) - curves(rows, _USUAL, score))[:, part].mean(1)
    return f"{gained.mean():+.3f} ± {gained.std(ddof=1):.3f} ({(gained > 0).sum()} of {len(gained)})"


def _as_good(rows: Sequence[Row], strategy: str) -> str:
    """When a strategy is where random choice ends."""
    goal = curves(rows, _USUAL).mean(0)[-1]
    reached = np.flatnonzero(curves(rows, strategy).mean(0) >= goal)
    return f"{minutes(rows)[reached[0]]:.1f} min" if reached.size else "later"


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"


def _picture(path: Path, rows: Sequence[Row], full: Sequence[Row]) -> None:
    figure = Figure(figsize=(11, 4.2), dpi=150, layout="constrained")
    curve, gain = figure.subplots(1, 2)
    at, usual = minutes(rows), curves(rows, _USUAL)
    names = list(STRATEGIES)
    for name, (colour, _) in zip(names, styles(names), strict=True):
        found, width = curves(rows, name), 2.2 if name.startswith("suggest:") else 1.3
        colour = "black" if name == _USUAL else colour
        curve.plot(at, found.mean(0), color=colour, lw=width, label=name)
        if name != _USUAL:
            gained = found - usual
            gain.plot(at, gained.mean(0), color=colour, lw=width)
            error = gained.std(0, ddof=1) / len(gained) ** 0.5
            gain.fill_between(at, gained.mean(0) - error, gained.mean(0) + error, color=colour, alpha=0.12, lw=0)
    curve.axhline(np.mean([row["macro F1"] for row in full]), color="black", lw=0.8, ls=":", label="all clips labelled")
    gain.axhline(0, color="black", lw=1.3)
    curve.set(xlabel="labelled minutes", ylabel="macro F1 on ten held-out videos")
    gain.set(xlabel="labelled minutes", ylabel="difference to random, ± standard error")
    curve.legend(frameon=False, fontsize=8)
    for axes in (curve, gain):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3, lw=0.5)
    figure.savefig(path, metadata={"Software": None})
