"""Control: a small temporal convolutional network from scratch, at the frame rate of the videos.

    python -m experiments.controls.small_tcn --jobs 2    (five to ten minutes for each fit)

The network is ``ssl_behavior.models.tcn`` with 96 channels (seven blocks, which see 127 frames to either side) and a
linear head, on the encoder's kinematics at 30 Hz. It takes 2,000 steps of 16 random clips of 512 frames, whatever the
number of labelled videos, and the loss counts all behaviours alike. There is no pretraining, no augmentation, no
hidden feature, no mean of weights and no tree: only the network's usual dropout.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn import functional as F

from experiments.controls.windows import ORDERS
from experiments.dyads import protocol, tables
from experiments.dyads.protocol import Found, Task
from ssl_behavior.compute.devices import choose_device, uses_bfloat16
from ssl_behavior.decoding import rebalance
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import TCN, Architecture
from ssl_behavior.poses.clips import ClipBatch, clips_at
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.recordings.labels import UNSCORED
from ssl_behavior.training.loop import fit
from ssl_behavior.training.schedule import Schedule
from ssl_behavior.training.supervised import class_weights


@dataclass(frozen=True)
class Training:
    """Settings of the network and of its training; ``frames`` is the length of a clip."""

    channels: int = 96
    steps: int = 2000
    batch: int = 16
    frames: int = 512
    learning_rate: float = 1e-3


class SmallTcn(nn.Module):
    """Maps kinematics (batch, time, feature) to logits (batch, time, behaviour)."""

    def __init__(self, features: int, channels: int, behaviours: int) -> None:
        super().__init__()
        self.temporal, self.head = TCN(features, Architecture(channels)), nn.Linear(channels, behaviours)

    def forward(self, values: Tensor) -> Tensor:
        """Logits of every frame."""
        logits: Tensor = self.head(self.temporal(values))
        return logits


class Kinematics:
    """The encoder's kinematics, standardised on the labelled videos."""

    def __init__(self, task: Task) -> None:
        poses = [video.poses for video in task.train]
        self.encoder = Encoder(task.landmarks, Preparation(poses[0].frame_rate), Architecture())
        self.encoder.standardise(_whole(video) for video in poses)

    def __call__(self, poses: Poses) -> Tensor:
        """Kinematics (order, time, feature) of both orders of the animals."""
        return self.encoder.kinematics(_whole(poses))[0]


def _whole(poses: Poses) -> ClipBatch:
    return clips_at([(poses, 0, pair) for pair in ORDERS], len(poses.positions))


def fit_predict(task: Task, training: Training) -> Found:
    """Fit the network; returns probabilities (time, behaviour) of the test videos, from the mean over both orders."""
    torch.manual_seed(task.seed)
    device, kinematics = choose_device("auto"), Kinematics(task)
    series = [values for video in task.train for values in kinematics(video.poses)]
    labels = [torch.from_numpy(video.labels.astype(np.int64)) for video in task.train for _ in ORDERS]
    model = SmallTcn(series[0].shape[1], training.channels, len(task.behaviours)).to(device)
    weights = class_weights(task.frequencies).to(device)

    def loss(generator: torch.Generator) -> dict[str, Tensor]:
        numbers = torch.randint(len(series), (training.batch,), generator=generator)
        clips = [_clip(series[number], labels[number], training.frames, generator) for number in numbers]
        values, truth = (torch.stack(parts).to(device) for parts in zip(*clips, strict=True))
        logits = model(values).float().flatten(0, 1)
        return {"loss": F.cross_entropy(logits, truth.flatten(), weights, ignore_index=UNSCORED)}

    fit(model, loss, Schedule(training.steps, training.learning_rate), seed=task.seed)
    return {poses.id: _predict(model, kinematics(poses).to(device), task.frequencies) for poses in task.test}


def _clip(values: Tensor, labels: Tensor, frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Consecutive frames of one video, at a random place."""
    start = int(torch.randint(len(labels) - frames + 1, (), generator=generator))
    return values[start : start + frames], labels[start : start + frames]


def _predict(model: SmallTcn, values: Tensor, frequencies: np.ndarray) -> np.ndarray:
    """Probabilities (time, behaviour) of one video, as frequent as in training."""
    autocast = uses_bfloat16("auto", values.device)
    with torch.inference_mode(), torch.autocast(values.device.type, torch.bfloat16, enabled=autocast):
        logits = model(values).float().mean(0).cpu().numpy()
    return rebalance(softmax(logits, axis=1), frequencies, power=-1.0)


def main() -> None:
    """Fit and score the missing draws, then write small_tcn.csv and .md beside this file."""
    names = ("small TCN",)
    arguments = protocol.arguments(__doc__, names)
    fit_ = partial(fit_predict, training=Training())
    dyads = protocol.load(arguments.data)
    protocol.run(*names, fit_, dyads, arguments.sizes, arguments.draws, arguments.jobs)
    tables.write(protocol.done(names), Path(__file__))


if __name__ == "__main__":
    main()
