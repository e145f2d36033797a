"""The folder that predict writes to: what a run replaces of it, and what stays.

``written.yaml`` says which model the predictions are of; files to review have a folder of their own (see ``review``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from ssl_behavior.errors import InputError, some
from ssl_behavior.plots.ethogram import ethogram
from ssl_behavior.plots.strips import Strip
from ssl_behavior.plots.style import save
from ssl_behavior.predictions import tables
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.storage import yaml_files
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.paths import file_stem

WRITTEN = "written.yaml"
_NAMED = 5


class PredictionFolder:
    """A folder of predictions of one model, for some videos of which a run makes them anew. Changes nothing by itself.

    Args:
        path: of the folder; need not be there yet.
        model: names the model's content (``checkpoints.fingerprint``).
        videos: ids that the run predicts.

    Raises:
        InputError: another model's predictions of other videos are there, a person has edited a file that would be
            written over, or two videos would be written to the same files.
    """

    def __init__(self, path: Path, model: str, videos: Sequence[str]) -> None:
        self.path, self.model = path, model
        self.stems = [file_stem(video) for video in videos]
        self.review = ReviewFolder(path / "review")
        if twice := {stem for stem in self.stems if self.stems.count(stem) > 1}:
            raise InputError(f"videos {some(twice)}: expected ids that differ as file names and found some that do not")
        others = {path.name.removesuffix(".bouts.csv") for path in path.glob("*.bouts.csv")} - set(self.stems)
        if others and _model(path / WRITTEN) != model:
            raise InputError(
                f"--output {path}: expected predictions of the same model and found those of another one, of videos "
                f"{some(others, _NAMED)}; predict these videos too, or give another --output"
            )
        self.review.require_unedited(self.stems)

    @property
    def has_former(self) -> bool:
        """Whether a video that the run predicts has predictions already."""
        return any((self.path / f"{stem}.bouts.csv").exists() for stem in self.stems)

    def clear(self) -> None:
        """Take away what there is of the run's videos, so that nothing of another model stays if it is interrupted."""
        for stem in self.stems:
            for file in (self.path / f"{stem}.csv", self.path / f"{stem}.bouts.csv", self._picture(stem)):
                file.unlink(missing_ok=True)
        self.review.clear(self.stems)
        write_text(self.path / WRITTEN, yaml.safe_dump({"model": self.model}))

    def write(self, prediction: Prediction, channel: str) -> None:
        """The tables, the same as files to open in the Caltech annotator and in BORIS, and a picture."""
        tables.write(self.path, prediction)
        self.review.write(prediction.to_annotations(channel), prediction.frame_rate)
        strip = Strip(prediction.id, prediction.frame_rate, {"predicted": prediction.labels})
        save(ethogram([strip], prediction.behaviours), self._picture(prediction.file_stem))

    def _picture(self, stem: str) -> Path:
        return self.path / "pictures" / f"{stem}.png"


def _model(path: Path) -> str | None:
    """The model that is written down, None where that cannot be read."""
    try:
        return str(yaml_files.read(path)["model"])
    except (InputError, TypeError, KeyError):
        return None
