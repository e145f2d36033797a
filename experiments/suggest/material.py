"""The dyads as clips to label, with features for a quick model and embeddings to compare clips."""

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
    """Clips of the thirty videos to label, and the scored frames of the ten held-out videos.

    Attributes:
        videos: (clip,) ids of their videos.
        embeddings: (clip, channel) means over frames and both ordered pairs.
        features: (clip, time, feature) of every ``EVERY``-th frame.
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
    """Read and embed the dyads and cut them into clips, unless the result is in ``runs/suggest``.

    Every frame of a clip is scored, because nobody's label of an unscored frame is known.
    """
    path = RUNS / f"clips-{seconds:g}.npz"
    if not path.exists():
        folder = pretrained(data)
        dyads = protocol.load(data, 15.0)
        RUNS.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, Any] = _arrays(dyads, load_encoder(folder), seconds)
        np.savez(path, **arrays, behaviours=np.array(dyads.behaviours))
    with np.load(path) as stored:
        arrays = dict(stored)
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
    arrays = dict(zip(("test_features", "test_labels"), map(np.concatenate, zip(*tested, strict=True)), strict=True))
    arrays |= {"videos": np.array(names), "embeddings": np.stack(pooled), "labels": np.stack(labels)}
    return arrays | _compress(np.stack(inside), arrays["test_features"])


def _clips(
    video: str, embeddings: np.ndarray, features: np.ndarray, labels: np.ndarray, length: int
) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    for start, stop in split_into_clips(labels != UNSCORED, length):
        frames = slice(start, stop, EVERY)
        yield video, embeddings[start:stop].mean(0), features[frames], labels[frames]


def _mean(orders: list[np.ndarray]) -> np.ndarray:
    """Mean of the known values over both orders of the animals; 0 where no value is known."""
    known = np.isfinite(orders)
    total = np.where(known, orders, 0).sum(0)
    return np.asarray(total / np.maximum(known.sum(0), 1), np.float32)


def _compress(features: np.ndarray, tested: np.ndarray, components: int = 150) -> dict[str, np.ndarray]:
    """Standardised principal components of the clips' features, on which a model is fitted ten times as fast."""
    flat = features.reshape(-1, features.shape[-1])
    mean, spread = flat.mean(0), flat.std(0) + 1e-6

    def standard(values: np.ndarray) -> np.ndarray:
        return np.clip((values - mean) / spread, -5, 5)

    axes = np.linalg.eigh(np.cov(standard(flat), rowvar=False))[1][:, ::-1][:, :components]
    projected = (standard(values) @ axes for values in (features, tested))
    return {
        name: values.astype(np.float32) for name, values in zip(("features", "test_features"), projected, strict=True)
    }
