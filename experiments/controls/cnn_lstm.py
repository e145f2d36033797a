"""Control: the CNN-LSTM "LSTM_Mice" (a GitHub README), on 48 engineered features of a window of 60 frames.

    python -m experiments.controls.cnn_lstm --jobs 2    (about forty minutes on two cores)

As described there: features standardised; convolutions of 64, 128 and 256 channels and widths 5, 5 and 3, each with
batch normalisation and ReLU, the first two with max pooling; two bidirectional LSTM layers of 128; attention; dense
layers of 128 and 64 with dropout; focal loss (https://arxiv.org/abs/1708.02002) with gamma 2 and classes weighted by
inverse frequency; noise of .02, windows up to 2 frames off, scale .95 to 1.05, mixup
(https://arxiv.org/abs/1710.09412) with alpha .2; batches of 64 at a learning rate of 5e-4.

The description comes without code. These choices are ours: a window's label is that of its middle frame, the optimiser
is Adam, dropout is .3, velocities are central differences of neighbouring frames, the two approach rates are those of
the centres and of the noses, and a facing angle is between 0 and pi (a signed one would jump where the other animal is
behind). Differences from the description, and their reasons:

- 5 keypoints instead of 7 make 40 features instead of 48 (4 a keypoint, and 20); the foremost keypoint is the nose.
- Missing points are interpolate in time.
- A fixed number of steps. The original stops, and chooses its weights, by the videos on which it reports its scores.
  Three labelled videos leave none for that purpose.
- Labels have no direction: the network learns from both orders of the animals and predicts their mean.

Raw coordinates and velocities change when the arena is moved or turned; as a control, this is left as it is. The loss
already weights behaviours by inverse frequency, so the most probable behaviour is the balanced decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from experiments.controls.windows import JITTER, ORDERS, Examples, interpolate, learn, probabilities, tracks
from experiments.dyads import protocol, tables
from experiments.dyads.protocol import Found, Task
from ssl_behavior.poses.poses import Poses

OFFSETS = range(-30, 30)


@dataclass(frozen=True)
class Training:
    """Settings of training."""

    steps: int = 4000
    batch: int = 64
    learning_rate: float = 5e-4
    gamma: float = 2.0
    noise: float = 0.02
    scale: float = 0.05
    mixup: float = 0.2


class CnnLstm(nn.Module):
    """Maps windows (batch, feature, window) to logits (batch, behaviour)."""

    def __init__(self, features: int, behaviours: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *(nn.Conv1d(features, 64, 5, padding=2), nn.BatchNorm1d(64), nn.ReLU(), nn.MaxPool1d(2)),
            *(nn.Conv1d(64, 128, 5, padding=2), nn.BatchNorm1d(128), nn.ReLU(), nn.MaxPool1d(2)),
            *(nn.Conv1d(128, 256, 3, padding=1), nn.BatchNorm1d(256), nn.ReLU()),
        )
        self.lstm = nn.LSTM(256, 128, num_layers=2, batch_first=True, bidirectional=True)
        self.attention = nn.Linear(256, 1)
        self.classifier = nn.Sequential(
            *(nn.Linear(256, 128), nn.ReLU(), nn.Dropout(dropout)),
            *(nn.Linear(128, 64), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(64, behaviours),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (batch, behaviour) of the middle frames."""
        states, _ = self.lstm(self.convolutions(windows).transpose(1, 2))
        weights = self.attention(states).softmax(1)
        logits: Tensor = self.classifier((weights * states).sum(1))
        return logits


def features(poses: Poses, pair: tuple[int, int]) -> np.ndarray:
    """Features (time, 4 * landmark + 20): coordinates, distances, velocities, accelerations, approach rates, angles."""
    positions = tracks(poses, pair)
    nose, body = positions[:, :, 0], positions.mean(2)
    heading = interpolate(poses.heading[:, list(pair)])
    heading = heading / np.maximum(np.linalg.norm(heading, axis=-1, keepdims=True), 1e-6)
    velocity = np.gradient(body, axis=0)
    acceleration = np.gradient(velocity, axis=0)
    distances = [
        np.linalg.norm(a - b, axis=-1)
        for a, b in (
            (body[:, 0], body[:, 1]),
            (nose[:, 0], nose[:, 1]),
            (nose[:, 0], body[:, 1]),
            (nose[:, 1], body[:, 0]),
        )
    ]
    to_other = body[:, ::-1] - body
    cosine = (heading * to_other).sum(-1) / np.maximum(np.linalg.norm(to_other, axis=-1), 1e-6)
    columns = [
        *(positions, np.stack(distances, 1)),
        *(velocity, np.linalg.norm(velocity, axis=-1), np.linalg.norm(acceleration, axis=-1)),
        *(-np.gradient(distances[0]), -np.gradient(distances[1])),
        *(heading, np.arccos(cosine.clip(-1, 1))),
    ]
    return np.concatenate([column.reshape(len(positions), -1) for column in columns], axis=1)


def focal_loss(logits: Tensor, labels: Tensor, weights: Tensor, gamma: float) -> Tensor:
    """Mean of ``-weight * (1 - p) ** gamma * log p`` of the true behaviours' probabilities p."""
    log_probability = logits.float().log_softmax(1).gather(1, labels[:, None])[:, 0]
    return -(weights[labels] * (1 - log_probability.exp()) ** gamma * log_probability).mean()


def fit_predict(task: Task, training: Training) -> Found:
    """Fit the network; returns probabilities (time, behaviour) of the test videos, the mean over both orders."""
    torch.manual_seed(task.seed)
    series = [features(video.poses, pair) for video in task.train for pair in ORDERS]
    mean, spread = np.concatenate(series).mean(0), np.concatenate(series).std(0) + 1e-6
    standardised = [(sequence - mean) / spread for sequence in series]
    examples = Examples(standardised, [video.labels for video in task.train for _ in ORDERS], OFFSETS)
    model = CnnLstm(series[0].shape[1], len(task.behaviours)).to(examples.frames.device)
    frequencies = task.frequencies
    weights = torch.tensor(np.where(frequencies > 0, 1 / np.maximum(frequencies, 1e-6), 0.0), dtype=torch.float32)
    weights = (weights / weights.mean()).to(examples.frames.device)
    mix = np.random.default_rng(task.seed)

    def loss(generator: torch.Generator) -> Tensor:
        windows, labels = examples.draw(training.batch, generator, JITTER)
        scale = 1 + training.scale * (torch.rand(len(windows), 1, 1, generator=generator) * 2 - 1)
        noise = training.noise * torch.randn(windows.shape, generator=generator)
        windows = windows * scale.to(windows) + noise.to(windows)
        share = float(mix.beta(training.mixup, training.mixup))
        # Windows are drawn at random, so reversing their order mixes random pairs.
        logits = model(share * windows + (1 - share) * windows.flip(0))
        terms = [focal_loss(logits, targets, weights, training.gamma) for targets in (labels, labels.flip(0))]
        return share * terms[0] + (1 - share) * terms[1]

    learn(model, loss, training.steps, training.learning_rate, task.seed)
    return {
        poses.id: probabilities(model, [(features(poses, pair) - mean) / spread for pair in ORDERS], OFFSETS)
        for poses in task.test
    }


def main() -> None:
    """Fit and score the missing draws, then write cnn_lstm.csv and .md beside this file."""
    names = ("CNN-LSTM",)
    arguments = protocol.arguments(__doc__, names)
    fit = partial(fit_predict, training=Training())
    protocol.run(*names, fit, protocol.load(arguments.data), arguments.sizes, arguments.draws, arguments.jobs)
    tables.write(protocol.done(names), Path(__file__))


if __name__ == "__main__":
    main()
