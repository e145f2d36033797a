"""Control: is the frozen encoder better than kernels that are not learned, and than its own weights before pretraining?

    python -m experiments.controls.minirocket --sizes 3 10    (20 minutes on one core)

Each variant is a ridge regression (``ridge``) on features of frames that no label has shaped:

- ``MiniRocket``: 4,032 shares of positive values (``kernels``) of the encoder's kinematics, around each frame;
- ``frozen encoder``: its 128 channels, pretrained on thirty videos;
- ``frozen encoder, all layers and windows``: the channels of all its layers, and means and standard deviations of its
  128 channels over the windows that the kernels have;
- ``untrained encoder``: the 128 channels of the same network with random weights;
- ``kinematics``: the input of all of them, the 125 kinematics of the frame alone.

All are at 15 Hz. Kinematics are standardised by the encoder's means and deviations, those of the untrained encoder by
the labelled videos'. The regression learns from every few frames, as the trees of the default do, and from both orders
of the animals; their mean score counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import uniform_filter1d
from scipy.special import softmax
from torch import Tensor

from experiments.controls.kernels import WINDOWS_S, Kernels
from experiments.controls.ridge import fit_ridge
from experiments.dyads import protocol, tables
from experiments.dyads.few_labels import pretrained
from experiments.dyads.protocol import RUNS, FitPredict, Found, Task
from ssl_behavior.decoding import rebalance
from ssl_behavior.models.checkpoints import load_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.poses.clips import pair_clip
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.cross_validation import folds_by_video
from ssl_behavior.training.finetuning import fresh_encoder
from ssl_behavior.training.supervised import Supervision

EVERY_S, MOST_FRAMES = 0.2, 60_000
Pair = tuple[int, int]
Represent = Callable[[Poses, Pair], np.ndarray]
"""Poses and an ordered pair -> features (time, feature) float32."""


def kinematics(encoder: Encoder, poses: Poses, pair: Pair) -> Tensor:
    """Kinematics (time, feature) that the encoder gets."""
    with torch.inference_mode():
        return encoder.kinematics(pair_clip(poses, 0, len(poses.positions), pair))[0][0].clone()


def minirocket(encoder: Encoder, task: Task) -> Represent:
    """Kernels whose biases come from the first three labelled videos."""
    series = [kinematics(encoder, video.poses, pair) for video in task.train[:3] for pair in video.poses.pairs()]
    kernels = Kernels(series, encoder.preparation.frame_rate, task.seed)
    return lambda poses, pair: kernels(kinematics(encoder, poses, pair))


def frozen(encoder: Encoder, _: Task) -> Represent:
    """The encoder as it is."""
    return lambda poses, pair: embed(encoder, poses, pair).numpy()


def layers_and_windows(encoder: Encoder, _: Task) -> Represent:
    """The channels of all layers of the encoder, and running means and deviations of the last ones."""

    def represent(poses: Poses, pair: Pair) -> np.ndarray:
        last, values = embed(encoder, poses, pair).numpy(), kinematics(encoder, poses, pair)[None]
        with torch.inference_mode():
            of_layers = [encoder.temporal.enter(values)]
            for block in encoder.temporal.blocks:
                of_layers.append(block(of_layers[-1]))
        windows = [_mean_and_deviation(last, round(window * poses.frame_rate)) for window in WINDOWS_S]
        return np.concatenate([*(layer[0].numpy() for layer in of_layers), last, *windows], axis=1)

    return represent


def _mean_and_deviation(values: np.ndarray, reach: int) -> np.ndarray:
    """Return (time, 2 channel) running statistics over ``reach`` frames to either side."""
    mean, squares = (uniform_filter1d(each.astype(float), 2 * reach + 1, axis=0) for each in (values, values**2))
    return np.concatenate([mean, np.sqrt(np.maximum(squares - mean**2, 0))], axis=1).astype(np.float32)


def untrained(encoder: Encoder, task: Task) -> Represent:
    """The encoder with random weights."""
    return frozen(fresh_encoder(encoder, [video.labelled for video in task.train], task.seed), task)


def single_frames(encoder: Encoder, _: Task) -> Represent:
    """Kinematics of the frame alone."""
    return lambda poses, pair: kinematics(encoder, poses, pair).numpy()


REPRESENTATIONS = {
    "MiniRocket": minirocket,
    "frozen encoder": frozen,
    "frozen encoder, all layers and windows": layers_and_windows,
    "untrained encoder": untrained,
    "kinematics": single_frames,
}


def fit_predict(task: Task, encoder: Path, representation: Callable[[Encoder, Task], Represent]) -> Found:
    """Fit the regression; returns probabilities (time, behaviour) of the test videos, from the mean of both orders."""
    represent = representation(load_encoder(encoder), task)
    videos = [video.labelled for video in task.train]
    frames = sum(len(video.labels) * len(video.pairs) for video in videos)
    every = max(1, round(EVERY_S * videos[0].poses.frame_rate), math.ceil(frames / MOST_FRAMES))
    features, labels = [], []
    for video in videos:
        # Each order starts at another frame, so that both together cover more of the time.
        chosen = [np.flatnonzero(video.labels != UNSCORED)[start::every] for start in range(len(video.pairs))]
        both = zip(video.pairs, chosen, strict=True)
        features.append(np.concatenate([represent(video.poses, pair)[frames] for pair, frames in both]))
        labels.append(np.concatenate([video.labels[frames] for frames in chosen]))
    folds = folds_by_video(videos, len(task.behaviours), Supervision.folds)
    ridge = fit_ridge(features, labels, len(task.behaviours), folds)
    found = {}
    for poses in task.test:
        scores = np.mean([ridge.scores(represent(poses, pair)) for pair in poses.pairs()], axis=0)
        found[poses.id] = rebalance(softmax(scores, axis=1), task.frequencies, power=-1.0)
    return found


def main() -> None:
    """Fit and score the missing draws, then write minirocket.csv and .md beside this file."""
    fits: dict[str, FitPredict] = {
        f"{name}, ridge": partial(fit_predict, encoder=RUNS / "encoder", representation=representation)
        for name, representation in REPRESENTATIONS.items()
    }
    arguments = protocol.arguments(__doc__, fits)
    pretrained(arguments.data)
    dyads = protocol.load(arguments.data, Preparation().frame_rate)
    for name in arguments.variants:
        protocol.run(name, fits[name], dyads, arguments.sizes, arguments.draws, arguments.jobs, ("balanced",))
    tables.write(protocol.done(fits), Path(__file__))


if __name__ == "__main__":
    main()
