"""The curves of a pretraining run, drawn and explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ssl_behavior.plots.scores import curves_picture
from ssl_behavior.training.log import read_metrics

# An effective rank below this counts as a collapse: the embeddings of all moments are nearly the same.
_COLLAPSED = 4.0
# Steps at either end of a curve that are averaged, as single values are noisy.
_END = 50


def report_curves(output: Path, channels: int) -> None:
    """Draw ``curves.png``, print the final values and which values are good, and warn of a collapse.

    Args:
        output: folder with the ``metrics.csv`` of a pretraining run.
        channels: number of channels of an embedding.
    """
    curves = read_metrics(output / "metrics.csv")
    lower, collapse = "lower is better", f"below {_COLLAPSED:g} means collapse"
    notes = {
        "loss": f"weighted sum of the losses; {lower}",
        "masked": f"error on hidden kinematics; {lower}",
        "summaries": f"error on the seconds around; {lower}",
        "contrast": f"between two views of a clip; {lower}",
        "rank": f"directions in use, of {channels}; {collapse}",
        "gradient": "norm before clipping; may be noisy, should not grow",
        "probe F1": "labels read from the embeddings; higher is better",
    }
    curves_picture(output / "curves.png", curves, notes)
    steps = min(_END, -(-len(curves["loss"]) // 2))
    start, end = _mean(curves, "loss", slice(steps)), _mean(curves, "loss", slice(-steps, None))
    embedding_rank = _mean(curves, "rank", slice(-steps, None))
    print(f"\nloss: {start:.3g} at the start, {end:.3g} at the end ({lower})")
    print(f"rank of the embeddings: {embedding_rank:.1f} of {channels} directions ({collapse})")
    if "probe F1" in curves:
        print(f"probe F1: {curves['probe F1'][-1][1]:.3f} ({notes['probe F1']})")
    if embedding_rank < _COLLAPSED:
        print(
            f"warning: the embeddings have collapsed: they use about {embedding_rank:.1f} of {channels} directions; "
            "lower --learning-rate or --objective.contrast-weight and pretrain again, with --overwrite"
        )


def _mean(curves: Mapping[str, Sequence[tuple[float, float]]], name: str, steps: slice) -> float:
    return float(np.mean([value for _, value in curves[name][steps]]))
