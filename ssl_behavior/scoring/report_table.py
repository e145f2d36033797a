"""The scores of a report as a table to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssl_behavior.errors import count_of
from ssl_behavior.scoring.bootstrap import FEWEST_VIDEOS


def format_report(report: Mapping[str, Any]) -> str:
    """Format the values of ``score`` as text: summary, scores by behaviour, bouts, and confusion matrix."""
    return "\n".join(
        [
            *_summary(report),
            "",
            *_behaviour_rows(report),
            "",
            *_bout_rows(report),
            "",
            *_confusion_rows(report),
        ]
    )


def _summary(report: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{count_of(len(report['videos']), 'video')}, {count_of(report['frames'], 'scored frame')} at "
        f"{_rates(report['frame_rates_hz'])}; means over {', '.join(report['in_the_means']) or 'no behaviour'}"
    )
    yield from _notes(report)
    bounds = report["macro_f1_interval"]
    certainty = f"   95 % interval {_number(bounds[0])} to {_number(bounds[1])} over videos" if bounds else ""
    yield ""
    yield f"macro F1                {_number(report['macro_f1'])}{certainty}"
    yield f"macro precision         {_number(report['macro_precision'])}"
    yield f"mean average precision  {_number(report['mean_average_precision'])}"
    yield f"calibration error       {_number(report['expected_calibration_error'])}"


def _behaviour_rows(report: Mapping[str, Any]) -> Iterator[str]:
    width = _width(report)
    yield f"{'behaviour':<{width}}  precision  recall     F1   95 % interval      AP    frames   bouts"
    for name, scores in report["classes"].items():
        bounds = scores["f1_interval"]
        shown = f"{_number(bounds[0])} to {_number(bounds[1])}" if bounds and bounds[0] is not None else ""
        yield (
            f"{name:<{width}}  {_number(scores['precision']):>9}  {_number(scores['recall']):>6}  "
            f"{_number(scores['f1']):>5}  {shown:>14}  {_number(scores['average_precision']):>6}  "
            f"{scores['frames']:>8,}  {scores['bouts']:>6,}"
        )


def _bout_rows(report: Mapping[str, Any]) -> Iterator[str]:
    names, width = report["behaviours"], _width(report)
    first_width = max(width, 18)
    yield f"{'bout F1 at overlap':<{first_width}}  {'mean':>8}  " + "  ".join(f"{name:>{width}}" for name in names)
    for overlap, mean in report["bout_f1"].items():
        cells = "  ".join(f"{_number(report['classes'][name]['bout_f1'][overlap]):>{width}}" for name in names)
        yield f"{overlap:<{first_width}}  {_number(mean):>8}  {cells}"


def _confusion_rows(report: Mapping[str, Any]) -> Iterator[str]:
    names, width = report["behaviours"], _width(report)
    yield "frames by true behaviour (rows) and predicted behaviour (columns)"
    yield " " * width + "  " + "  ".join(f"{name:>{width}}" for name in names)
    for name, row in zip(names, report["confusion"], strict=True):
        yield f"{name:<{width}}  " + "  ".join(f"{count:>{width},}" for count in row)


def _width(report: Mapping[str, Any]) -> int:
    return max(12, *map(len, report["behaviours"]))


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    """Notes on the means and intervals, where they need one."""
    if names := ", ".join(report["unscored"]):
        yield f"unscored: {names}; where predicted on scored frames, these frames count as missed"
    for name in report["without_true_frames"]:
        predicted = report["classes"][name]["f1"] is not None
        effect = "predicted all the same: its F1 is 0 and counts in the mean" if predicted else "not in the mean"
        yield f"no true frames of {name}; {effect}"
    if report["too_few_videos_for_intervals"]:
        yield f"no intervals: they need at least {FEWEST_VIDEOS} videos with scored frames, as fewer cannot show chance"
    if left_out := report["resamples_left_out"]:
        yield (
            f"intervals: {left_out:,} of {report['resamples']:,} resamples of the videos lack all true frames of a "
            "behaviour and are left out"
        )


def _rates(rates: Sequence[float]) -> str:
    return " to ".join(f"{rate:g}" for rate in sorted({rates[0], rates[-1]})) + " Hz"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
