"""Pictures of predictions and truth, beside their scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.plots.ethogram import ethogram
from ssl_behavior.plots.scores import confusion_picture
from ssl_behavior.plots.strips import Strip
from ssl_behavior.plots.style import save
from ssl_behavior.predictions.comparison import GroundTruth
from ssl_behavior.scoring.report import ScoredVideo
from ssl_behavior.storage.video_names import file_stems

_IN_ONE_PICTURE = 40
"""Videos in ethogram.png at most; more rows would be too thin to see."""


def draw_scores(output: Path, report: dict[str, Any], videos: Sequence[ScoredVideo], truth: GroundTruth) -> None:
    """Write ``confusion.png``, ``ethogram.png`` and a picture of each video.

    Args:
        output: folder of the scores.
        report: the values of ``score``.
        videos: the scored videos.
        truth: the annotations that they were scored against.
    """
    behaviours = report["behaviours"]
    confusion_picture(output / "confusion.png", np.array(report["confusion"]), behaviours)
    strips = []
    for video in videos:
        # A behaviour that stands for frames nobody judged is drawn as such where it is predicted, too.
        predicted = truth.mask_unscored(video.predicted, behaviours)
        strips.append(Strip(video.id, video.frame_rate, {"truth": video.truth, "predicted": predicted}))
    save(ethogram(strips[:_IN_ONE_PICTURE], behaviours), output / "ethogram.png")
    stems = file_stems(strip.id for strip in strips)
    for strip in strips:
        save(ethogram([strip], behaviours), output / "videos" / f"{stems[strip.id]}.png")


def remove_pictures(output: Path) -> None:
    """Remove the pictures of an earlier evaluation, which may have scored other videos."""
    if (output / "scores.json").exists():
        for picture in (output / "videos").glob("*.png"):
            picture.unlink()
