"""The dyads as clips that could be labelled, with what a quick model learns from and how clips are compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from experiments.dyads import protocol
from experiments.dyads.few_labels import pretrained
from ssl_behavior.active_learning import split_into_clips
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.expert_features import expert_features
from ssl_behavior.recordings.labels import UNSCORED

RUNS = Path("runs/suggest")
EVERY = 5
"""Frames at 15 Hz of which a model learns one, and is scored on one: three a second."""


@dataclass(frozen=True, eq=False)
class Material:
    """Clips of the thirty videos that can be labelled, and the scored frames of the ten that are held out.

    Attributes:
        videos: (clip,) ids.
        embeddings: (clip, channel) means over frames and both ordered pairs.
        features: (clip, time, feature) of the thinned frames.
        labels: (clip, time), all scored.
        test_features: (frame, feature).
        test_labels: (frame,).
        behaviours: names.
        seconds: length of a clip.
    """

    videos: np.ndarray
    embeddings: np.ndarray
    features: np.ndarray
    labels: np.ndarray
    test_features: np.ndarray
    test_labels: np.ndarray
    behaviours: tuple[str, ...]
    seconds: float


def material(data: Path, seconds: float) -> Material:
    """Read, embed and cut the dyads; kept in ``runs/suggest``.

    A clip is of ``seconds`` that were all judged: what a person would have said of others is not known.
    """
    path = RUNS / f"clips-{seconds:g}.npz"
    if not path.exists():
        folder = pretrained(data)
        dyads = protocol.load(data, 15.0)
        RUNS.mkdir(parents=True, exist_ok=True)
        kept: dict[str, Any] = _arrays(dyads, load_encoder(folder), seconds)
        np.savez(path, **kept, behaviours=np.array(dyads.behaviours))
    with np.load(path) as found:
        arrays = dict(found)
    behaviours = tuple(str(name) for name in arrays.pop("behaviours"))
    return Material(**arrays, behaviours=behaviours, seconds=seconds)


def _arrays(dyads: protocol.Dyads, encoder: Encoder, seconds: float) -> dict[str, np.ndarray]:
    clips: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]] = []
    tested: list[tuple[np.ndarray, np.ndarray]] = []
    for video in dyads.videos.values():
        pairs = video.poses.pairs()
        embeddings = np.mean([embed(encoder, video.poses, pair).numpy() for pair in pairs], axis=0)
        features = np.concatenate([_mean([expert_features(video.poses, pair) for pair in pairs]), embeddings], axis=1)
        scored = video.labels != UNSCORED
        if video.id in protocol.HELD_OUT:
            tested.append((features[scored][::EVERY], video.labels[scored][::EVERY]))
        else:
            clips += _clips(video.id, embeddings, features, video.labels, round(seconds * video.poses.frame_rate))
    names, pooled, inside, labels = zip(*clips, strict=True)
    made = dict(zip(("test_features", "test_labels"), map(np.concatenate, zip(*tested, strict=True)), strict=True))
    made |= {"videos": np.array(names), "embeddings": np.stack(pooled), "labels": np.stack(labels)}
    return made | _compressed(np.stack(inside), made["test_features"])


def _clips(
    video: str, embeddings: np.ndarray, features: np.ndarray, labels: np.ndarray, length: int
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    for start, stop in split_into_clips(labels != UNSCORED, length):
        frames = slice(start, stop, EVERY)
        yield video, embeddings[start:stop].mean(0), features[frames], labels[frames]


def _mean(each: list[np.ndarray]) -> np.ndarray:
    """Mean of the known values of both orders of the animals, 0 where none is known."""
    known = np.isfinite(each)
    total = np.where(known, each, 0).sum(0)
    return np.asarray(total / np.maximum(known.sum(0), 1), np.float32)


def _compressed(features: np.ndarray, tested: np.ndarray, components: int = 150) -> dict[str, np.ndarray]:
    """Standardised principal components by what can be labelled; a model on them is fitted ten times as fast."""
    flat = features.reshape(-1, features.shape[-1])
    mean, spread = flat.mean(0), flat.std(0) + 1e-6

    def standard(values: np.ndarray) -> np.ndarray:
        return np.clip((values - mean) / spread, -5, 5)

    axes = np.linalg.eigh(np.cov(standard(flat), rowvar=False))[1][:, ::-1][:, :components]
    kept = (standard(values) @ axes for values in (features, tested))
    return {name: one.astype(np.float32) for name, one in zip(("features", "test_features"), kept, strict=True)}
