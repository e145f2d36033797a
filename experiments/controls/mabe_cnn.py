"""Control: the official baseline of MABe-2021 task 1 (CalMS21), a 1D CNN on the coordinates of a window of frames.

    python -m experiments.controls.mabe_cnn --jobs 2    (about two hours and a half on two cores)

Sun et al. 2021, https://arxiv.org/abs/2104.02710. Code: mab-e/mab-e-baselines on gitlab.aicrowd.com, read
in the copy github.com/dreamyang-liu/mab-e-opt-transport: ``configs/task1_baseline.py``,
``configs/task1_experiments.py``, ``trainers/mab_e_trainer.py``, ``utils/model_utils.py``, ``utils/preprocessing.py``
and ``data_generator/mab_e_data_generator.py``. As there: every second frame up to 200 before and after, zeros past the
ends; batch normalisation, three times [convolution of width 5, batch normalisation, ReLU, max pooling by 2, dropout .5]
with 128, 64 and 32 channels, and a dense softmax; Keras's initial weights; Adam at 1e-3, batches of 128, 15 passes (the
copy's later 2e-4 and 800 passes are its own), no weights on classes. The baseline does not augment; a second variant
turns and shifts windows as its ``augment`` does.

Differences, because these tracks are others:

- 5 keypoints instead of 7. A third of the points is missing, none in CalMS21; missing points are interpolated in time.
- Coordinates are divided by the arena's extent around its middle. The original divides x by 1024 and y by 570 and then
  turns around the image's corner, which shears the mice.
- Labels have no direction: the network learns from both orders of the animals and predicts their mean.
- 15 passes, but at most 6,000 batches (10 and 30 videos reach them): neighbouring frames' windows are nearly the same.
- Two more decisions: balanced, where a behaviour's probability is divided by its frequency in training, and this one
  smoothed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from experiments.controls.windows import ORDERS, Examples, learn, probabilities, tracks
from experiments.dyads import protocol, tables
from experiments.dyads.protocol import Found, Task
from ssl_behavior.poses.poses import Poses

OFFSETS = range(-200, 201, 2)


@dataclass(frozen=True)
class Training:
    """Settings of training; ``augment`` turns and shifts every window."""

    augment: bool = False
    passes: int = 15
    most_steps: int = 6000
    batch: int = 128
    learning_rate: float = 1e-3


class Baseline(nn.Sequential):
    """Maps coordinates (batch, channel, window) to logits (batch, behaviour)."""

    def __init__(self, channels: int, behaviours: int) -> None:
        layers: list[nn.Module] = [_normalisation(channels)]
        frames = len(OFFSETS)
        for out in (128, 64, 32):
            convolution = nn.Conv1d(channels, out, 5)
            layers += [convolution, _normalisation(out), nn.ReLU(), nn.MaxPool1d(2), nn.Dropout(0.5)]
            channels, frames = out, (frames - 4) // 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels * frames, behaviours))
        for layer in self:
            if isinstance(layer, nn.Conv1d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.constant_(layer.bias, 0.0)  # type: ignore[arg-type]


def _normalisation(channels: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(channels, eps=1e-3, momentum=0.01)  # Keras's defaults


def coordinates(poses: Poses) -> list[np.ndarray]:
    """Coordinates (time, 2 * landmark * 2) in each order of the animals."""
    return [tracks(poses, pair).reshape(len(poses.positions), -1) for pair in ORDERS]


def turn_and_shift(windows: Tensor, generator: torch.Generator) -> Tensor:
    """Turn each window (batch, x and y of each keypoint, window) by any angle, and shift it by up to a quarter."""
    angle = (torch.rand(len(windows), generator=generator) * 2 - 1) * math.pi
    shift = (torch.rand(len(windows), 2, generator=generator) * 2 - 1) * 0.25
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).unflatten(1, (2, 2)).to(windows)
    moved = torch.einsum("bij,bkjt->bkit", turn, windows.unflatten(1, (-1, 2))) + shift[:, None, :, None].to(windows)
    return moved.flatten(1, 2)


def fit_predict(task: Task, training: Training) -> Found:
    """Fit the network; returns probabilities (time, behaviour) of the test videos, the mean over both orders."""
    torch.manual_seed(task.seed)
    series = [sequence for video in task.train for sequence in coordinates(video.poses)]
    examples = Examples(series, [video.labels for video in task.train for _ in ORDERS], OFFSETS)
    model = Baseline(series[0].shape[1], len(task.behaviours)).to(examples.frames.device)

    def loss(generator: torch.Generator) -> Tensor:
        windows, labels = examples.draw(training.batch, generator)
        if training.augment:
            windows = turn_and_shift(windows, generator)
        return F.cross_entropy(model(windows).float(), labels)

    frames = len(examples.frames) // len(ORDERS)  # a pass sees each frame once, in one of the orders
    steps = min(training.passes * frames // training.batch, training.most_steps)
    learn(model, loss, steps, training.learning_rate, task.seed)
    return {poses.id: probabilities(model, coordinates(poses), OFFSETS) for poses in task.test}


def main() -> None:
    """Fit and score the missing draws, then write mabe_cnn.csv and .md beside this file."""
    variants = {"MABe-2021 CNN": Training(), "MABe-2021 CNN, augmented": Training(augment=True)}
    arguments = protocol.arguments(__doc__, variants)
    dyads = protocol.load(arguments.data)
    for name in arguments.variants:
        fit = partial(fit_predict, training=variants[name])
        protocol.run(name, fit, dyads, arguments.sizes, arguments.draws, arguments.jobs)
    tables.write(protocol.done(variants), Path(__file__))


if __name__ == "__main__":
    main()
