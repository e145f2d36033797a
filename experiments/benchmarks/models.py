"""Models to measure with: of the shipped settings but for the steps of training, which no speed depends on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ssl_behavior.finetune import FinetuneConfig, finetune
from ssl_behavior.formats.tracks import native
from ssl_behavior.pretrain import PretrainConfig, pretrain
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.supervised import Supervision

_STEPS = 20


def make_encoder(folder: Path, recordings: Sequence[Recording]) -> Path:
    """An encoder of these recordings, pretrained for a few steps."""
    native.write(_made(folder / "tracks"), recordings)
    settings = PretrainConfig(recordings=(folder / "tracks",), output=folder / "encoder", steps=_STEPS, probe_every=0)
    return pretrain(settings)


def make_model(folder: Path, recordings: Sequence[Recording], encoder: Path, trees: int = Supervision.trees) -> Path:
    """A model of these labelled recordings: a network of a few steps, and all the trees of the shipped settings.

    Cross-validation, which takes most of the time, chooses a decoder as it would for anybody; two recordings will do.
    """
    native.write(_made(folder / "labelled"), recordings)
    output = folder / "model"
    supervision = Supervision(steps=_STEPS, trees=trees)
    finetune(FinetuneConfig(recordings=(folder / "labelled",), encoder=encoder, output=output, supervision=supervision))
    return output


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
