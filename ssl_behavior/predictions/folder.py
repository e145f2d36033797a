"""The folder that ``predict`` writes to.

A run replaces the files of the videos that it predicts, and keeps everything else. ``written.yaml`` stores which model
made the predictions, and ``videos.yaml`` which video each file name stands for. Files to review have a folder of their
own (see ``review``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.plots.ethogram import ethogram
from ssl_behavior.plots.strips import Strip
from ssl_behavior.plots.style import save
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.predictions.tables import Prediction, pair_annotations
from ssl_behavior.recordings.annotations import Annotations
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.video_names import file_stems

WRITTEN = "written.yaml"
_NAMED = 5


class PredictionFolder:
    """The predictions of one model, and the videos that a run predicts. Creating it changes no file.

    Args:
        path: the folder; it need not exist.
        model: fingerprint of the model's content (``checkpoints.fingerprint``).
        videos: ids of the videos that the run predicts.
        stems: beginning of file names -> id, of videos whose files must be called so; by default ``file_stems``.

    Raises:
        InputError: the folder holds another model's predictions of other videos, or a person has edited a file that
            would be overwritten.
    """

    def __init__(self, path: Path, model: str, videos: Sequence[str], stems: Mapping[str, str] | None = None) -> None:
        self.path, self.model = path, model
        self._recorded = {**tables.recorded_videos(path), **(stems or {})}
        self._stem_of = file_stems(videos, self._recorded)
        self.stems = list(self._stem_of.values())
        self.review = ReviewFolder(path / "review")
        others = {path.name.removesuffix(".bouts.csv") for path in path.glob("*.bouts.csv")} - set(self.stems)
        if others and _model(path / WRITTEN) != model:
            raise InputError(
                f"--output {path}: expected predictions of the same model; found those of another one, of videos "
                f"{list_names(others, _NAMED)}; predict these videos too, or choose another --output"
            )
        self.review.require_unedited(self.stems)

    @property
    def has_predictions(self) -> bool:
        """Return whether the folder holds predictions of a video that the run predicts again."""
        return any((self.path / f"{stem}.bouts.csv").exists() for stem in self.stems)

    def clear(self) -> None:
        """Remove the files of the run's videos, so that an interrupted run leaves none of another model."""
        for stem in self.stems:
            for file in (self.path / f"{stem}.csv", self.path / f"{stem}.bouts.csv", self._picture(stem)):
                file.unlink(missing_ok=True)
        self.review.clear(self.stems)
        write_text(self.path / WRITTEN, yaml.safe_dump({"model": self.model}))
        record = {**self._recorded, **{stem: video for video, stem in self._stem_of.items()}}
        write_text(self.path / tables.RECORD, yaml.safe_dump(record, sort_keys=False, allow_unicode=True))

    def write(self, prediction: Prediction, channel: str) -> None:
        """Write one video: tables, files to review in the Caltech annotator and in BORIS, and a picture.

        Args:
            prediction: prediction to write.
            channel: channel of the annotations, as the Caltech annotator names it.
        """
        self._write([prediction], prediction.to_annotations(channel), {"predicted": prediction.labels})

    def write_pairs(self, predictions: Sequence[Prediction], background: str) -> None:
        """Write the predictions of all pairs of one video, as ``write`` does; the picture has a row for each pair.

        Args:
            predictions: one or more, of the same video, each with its pair.
            background: the behaviour of frames in which nothing of interest happens.
        """
        annotations = pair_annotations(predictions, background)
        rows = {channel: each.labels for channel, each in zip(annotations.channels, predictions, strict=True)}
        self._write(predictions, annotations, rows)

    def _write(
        self, predictions: Sequence[Prediction], annotations: Annotations, rows: Mapping[str, np.ndarray]
    ) -> None:
        first = predictions[0]
        stem = self._stem_of[first.id]
        tables.write(self.path, predictions, stem)
        self.review.write(annotations, first.frame_rate, stem)
        save(ethogram([Strip(first.id, first.frame_rate, rows)], first.behaviours), self._picture(stem))

    def _picture(self, stem: str) -> Path:
        return self.path / "pictures" / f"{stem}.png"


def _model(path: Path) -> str | None:
    """The fingerprint in ``written.yaml``; None if it cannot be read."""
    try:
        return str(yaml_files.read(path)["model"])
    except (InputError, TypeError, KeyError):
        return None
