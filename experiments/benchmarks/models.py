"""Models for benchmarks: default settings, but few training steps, on which no speed depends."""

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
    """Pretrain an encoder on these recordings for a few steps."""
    native.write(_made(folder / "tracks"), recordings)
    settings = PretrainConfig(recordings=(folder / "tracks",), output=folder / "encoder", steps=_STEPS, probe_every=0)
    return pretrain(settings)


def make_model(folder: Path, recordings: Sequence[Recording], encoder: Path, trees: int = Supervision.trees) -> Path:
    """Fine-tune a model on these labelled recordings: the network for a few steps, and trees as by default.

    Cross-validation, which takes most of the time, chooses a decoder as usual; it needs two recordings.
    """
    native.write(_made(folder / "labelled"), recordings)
    output = folder / "model"
    supervision = Supervision(steps=_STEPS, trees=trees)
    finetune(FinetuneConfig(recordings=(folder / "labelled",), encoder=encoder, output=output, supervision=supervision))
    return output


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
