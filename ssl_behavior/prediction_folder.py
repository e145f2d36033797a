"""The folder that predict writes to: what a run replaces of it, and what stays.

``written.yaml`` says which model the predictions are of, and the content of every file to review as it was written, so
that one that a person has corrected since is told from one that nobody touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml

from ssl_behavior import predictions
from ssl_behavior.errors import InputError
from ssl_behavior.figures import Strip, ethogram
from ssl_behavior.formats import boris, caltech_annotations
from ssl_behavior.formats.annotated import write_text
from ssl_behavior.formats.paths import some
from ssl_behavior.predictions import Prediction, file_stem

_WRITTEN = "written.yaml"
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
        former = _read(path / _WRITTEN)
        self._review: dict[str, str] = former.get("review") or {}
        if twice := {stem for stem in self.stems if self.stems.count(stem) > 1}:
            raise InputError(f"videos {some(twice)}: expected ids that differ as file names and found some that do not")
        others = {path.name.removesuffix(".bouts.csv") for path in path.glob("*.bouts.csv")} - set(self.stems)
        if others and former.get("model") != model:
            raise InputError(
                f"--output {path}: expected predictions of the same model and found those of another one, of videos "
                f"{some(others, _NAMED)}; predict these videos too, or give another --output"
            )
        edited = [file for stem in self.stems for file in self._to_review(stem) if self._is_edited(file)]
        if edited:
            raise InputError(
                f"--output {path}: expected the files to review as predict wrote them and found "
                f"{some([file.name for file in edited], _NAMED)} in {path / 'review'} edited since; move these "
                "elsewhere to keep them, or give another --output"
            )

    @property
    def has_former(self) -> bool:
        """Whether a video that the run predicts has predictions already."""
        return any((self.path / f"{stem}.bouts.csv").exists() for stem in self.stems)

    def clear(self) -> None:
        """Take away what there is of the run's videos, so that nothing of another model stays if it is interrupted."""
        for stem in self.stems:
            tables = (self.path / f"{stem}.csv", self.path / f"{stem}.bouts.csv")
            for file in (*tables, self._picture(stem), *self._to_review(stem)):
                file.unlink(missing_ok=True)
        gone = {file.name for stem in self.stems for file in self._to_review(stem)}
        kept = {name: content for name, content in self._review.items() if name not in gone}
        model = yaml.safe_dump({"model": self.model})
        write_text(self.path / _WRITTEN, f"{model}review:\n{_lines(kept)}")

    def write(self, prediction: Prediction, channel: str) -> None:
        """The tables, the same as files to open in the Caltech annotator and in BORIS, and a picture."""
        predictions.write(self.path, prediction)
        annotations = prediction.to_annotations(channel)
        review = self._to_review(prediction.file_stem)
        for module, file in zip((caltech_annotations, boris), review, strict=True):
            module.write(file, annotations, prediction.frame_rate)
        with (self.path / _WRITTEN).open("a", encoding="utf-8") as file_of_all:  # added to, as there may be thousands
            file_of_all.write(_lines({file.name: _content(file) for file in review}))
        strip = Strip(prediction.id, prediction.frame_rate, {"predicted": prediction.labels})
        ethogram(self._picture(prediction.file_stem), [strip], prediction.behaviours)

    def _to_review(self, stem: str) -> tuple[Path, Path]:
        return self.path / "review" / f"{stem}_annot.txt", self.path / "review" / f"{stem}.boris"

    def _picture(self, stem: str) -> Path:
        return self.path / "pictures" / f"{stem}.png"

    def _is_edited(self, file: Path) -> bool:
        return file.exists() and _content(file) != self._review.get(file.name)


def _read(path: Path) -> dict[str, Any]:
    """What is written, or nothing where it is not whole: all that is there is then taken for somebody else's."""
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    is_whole = isinstance(plain, dict) and isinstance(plain.get("review") or {}, dict)
    return plain if is_whole else {}


def _content(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _lines(review: Mapping[str, str]) -> str:
    return indent(yaml.safe_dump(dict(review), sort_keys=False, allow_unicode=True), "  ") if review else ""
