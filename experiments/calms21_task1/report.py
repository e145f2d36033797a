"""The results of the protocol as a CSV table, a table in Markdown, and a label curve."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from math import isnan, nan
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import ssl_behavior
from experiments.calms21_task1.results import OVERLAP, SCORED, Row, Run, forecast, groups
from ssl_behavior.plots.style import save, styles
from ssl_behavior.storage.atomic import write_text

_MEASURED = ("F1", "MAP", *(f"F1 {name}" for name in SCORED))
# Published scores on the official test videos, with all training videos labelled and poses only: system -> scores as in
# _MEASURED (NaN: not reported), and their source.
PUBLISHED: Mapping[str, tuple[tuple[float, float, float, float, float], str]] = {
    "1D CNN, official baseline, 80 % of the videos": ((0.757, 0.821, 0.582, 0.798, 0.892), "official CSVs"),
    "1D CNN, official baseline": ((0.793, 0.856, 0.664, 0.814, 0.900), "official CSVs, 5 seeds"),
    "XGBoost on expert features (vassi)": ((0.804, nan, 0.664, 0.832, 0.915), "its notebook, 20 runs"),
    "1D CNN + TREBA features": ((0.829, 0.889, nan, nan, nan), "TREBA's README"),
    "LISBET 32x4, fine-tuned": ((0.83, nan, 0.75, 0.84, 0.90), "its model card"),
    "vassi, smoothed, thresholds": ((0.840, nan, 0.753, 0.843, 0.924), "its notebook"),
    "MABe-2021 winner": ((0.864, 0.914, nan, nan, nan), "secondary"),
}
_REFERENCES = ("1D CNN, official baseline", "1D CNN + TREBA features", "MABe-2021 winner")


def write(folder: Path, run: Run) -> str:
    """Write results.csv, results.md and label_curve.png; returns the text of results.md."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(run.rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(run.rows)
    write_text(folder / "results.csv", text.getvalue())
    text = "\n".join(lines(run)) + "\n"
    write_text(folder / "results.md", text)
    draw(folder / "label_curve.png", run)
    return text


def lines(run: Run) -> Iterator[str]:
    """Yield the lines of results.md."""
    counts = run.about["counts"]
    yield f"# CalMS21 task 1, {run.kind} files"
    yield ""
    if run.kind == "simulated":
        yield "Simulated mice: it runs, and takes so long. **Nothing here says how good it is on mice.**"
        yield ""
    parts = [f"{videos} {part} videos of {frames:,} frames" for part, (videos, frames) in counts.items() if videos]
    yield f"{', '.join(parts)}; ssl_behavior {ssl_behavior.__version__}; {_seeds(run)}; {run.device}."
    short = [(run.plan.pretrain_steps, run.full.pretrain_steps), (run.plan.finetune_steps, run.full.finetune_steps)]
    if any(taken != shipped for taken, shipped in short):
        yield f"Steps (shipped): pretraining {short[0][0]} ({short[0][1]}), fine-tuning {short[1][0]} ({short[1][1]})."
    yield from run.about["notices"]
    yield ""
    yield from _table(run.rows)
    yield ""
    yield "Mean ± standard deviation over seeds, on the test videos; F1 and MAP are means over attack, investigation"
    yield f"and mount. Bout F1 is at an overlap of {OVERLAP}; cross-validation is over the labelled videos alone."
    yield ""
    if run.kind == "official":
        yield from _published()
        yield ""
    yield from _times(run)


def _seeds(run: Run) -> str:
    return f"{run.plan.seeds} seed{'s' * (run.plan.seeds > 1)}"


def _spread(rows: Sequence[Row], name: str) -> str:
    values = np.array([row[name] for row in rows], float)
    if np.isnan(values).any():
        return "–"
    return f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else "")


def _table(rows: Sequence[Row]) -> Iterator[str]:
    measured = [name for name, value in rows[0].items() if isinstance(value, float) and "minutes" not in name]
    yield f"| labelled videos | variant | encoder | {' | '.join(measured)} |"
    yield "|---" * (3 + len(measured)) + "|"
    for (variant, setting, videos), group in groups(rows).items():
        origin = "" if setting == "none" else setting
        yield f"| {videos} | {variant} | {origin} | {' | '.join(_spread(group, name) for name in measured)} |"


def _published() -> Iterator[str]:
    yield f"| published | F1 | MAP | {' | '.join(SCORED)} | source |"
    yield "|---" * (4 + len(SCORED)) + "|"
    for system, (values, source) in PUBLISHED.items():
        yield f"| {system} | {' | '.join('' if isnan(value) else f'{value:.3f}' for value in values)} | {source} |"


def _times(run: Run) -> Iterator[str]:
    yield "| step | minutes each | runs |"
    yield "|---|---|---|"
    yield f"| reading and splitting the files | {run.about['minutes']:.1f} | 1 |"
    for setting, minutes in run.encoders.items():
        yield f"| pretraining, {setting}, {run.plan.pretrain_steps} steps | {minutes:.1f} | {run.plan.seeds} |"
    by_size: dict[tuple[str, int], list[Row]] = {}
    for row in run.rows:
        by_size.setdefault((row["variant"], row["videos"]), []).append(row)
    for (variant, videos), rows in by_size.items():
        minutes = np.mean([row["minutes of fine-tuning"] for row in rows])
        step = f"fine-tuning, {variant}, {videos} videos"
        yield f"| {step} | {minutes:.1f} | {len(rows)} |"
    minutes = np.mean([row["minutes of testing"] for row in run.rows])
    yield f"| predicting and scoring the test videos | {minutes:.1f} | {len(run.rows)} |"
    yield ""
    count = len(list(run.full.pieces()))
    yield f"At these minutes the full protocol, {count} fine-tunings, takes about {forecast(run):.1f} h. A pretraining"
    yield "that was interrupted counts from its last start."


def draw(path: Path, run: Run) -> None:
    """Draw every score against the number of labelled videos, with means and standard deviations over seeds."""
    figure = Figure(figsize=(15, 4.2), dpi=150, layout="constrained")
    series = list(dict.fromkeys((row["variant"], row["setting"]) for row in run.rows))
    colours = [colour for colour, _ in styles([" ".join(name) for name in series])]
    grouped = groups(run.rows)
    for column, measure in enumerate(_MEASURED):
        axes = figure.add_subplot(1, len(_MEASURED), column + 1)
        for (variant, setting), colour in zip(series, colours, strict=True):
            points = [
                (name[2], [row[measure] for row in rows])
                for name, rows in grouped.items()
                if name[:2] == (variant, setting)
            ]
            x, means = [videos for videos, _ in points], np.array([np.mean(values) for _, values in points])
            spread = np.array([np.std(values, ddof=1) if len(values) > 1 else 0.0 for _, values in points])
            label = variant if setting == "none" else f"{variant}, {setting}"
            axes.plot(
                x, means, color=colour, lw=1.6, marker="o", ms=3.5, ls="--" if setting == "none" else "-", label=label
            )
            axes.fill_between(x, means - spread, means + spread, color=colour, alpha=0.15, lw=0)
        if run.kind == "official":
            _draw_published(axes, column)
        sizes = sorted({row["videos"] for row in run.rows})
        axes.set(xscale="log", ylim=(0, 1), title=measure if column > 1 else f"{measure}, mean of the three")
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.grid(alpha=0.3, lw=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[2].set_xlabel("labelled videos")
    figure.suptitle(f"CalMS21 task 1, {run.kind} files, {_seeds(run)}", fontsize=11)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False, fontsize=9
    )
    save(figure, path)


def _draw_published(axes: Axes, column: int) -> None:
    """Draw published scores with all videos labelled, as horizontal lines."""
    for system in _REFERENCES:
        values, source = PUBLISHED[system]
        if not isnan(value := values[column]):
            axes.axhline(value, color="0.5", lw=0.8, ls=":")
            text = f"{system} ({source})"
            axes.text(0.02, value, text, transform=axes.get_yaxis_transform(), fontsize=5.5, va="bottom")
