from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from experiments.controls import kernels, minirocket
from experiments.controls.kernels import DILATIONS, WEIGHTS, Kernels
from experiments.controls.ridge import PENALTIES, fit_ridge
from experiments.dyads.protocol import Task, Video
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.encoder import Architecture, Encoder
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings

LANDMARKS = shared_landmarks([SKELETON])


def test_the_kernels_are_those_of_the_paper() -> None:
    assert WEIGHTS.shape == (84, 9)
    assert len(np.unique(WEIGHTS, axis=0)) == 84
    assert (WEIGHTS.sum(1) == 0).all()
    assert set(WEIGHTS.flatten()) == {-1, 2}


def test_a_feature_is_the_share_of_frames_where_a_convolution_is_above_its_bias() -> None:
    """Against the definition, computed frame by frame."""
    values = torch.randn(80, 5, generator=torch.Generator().manual_seed(0))
    transform = Kernels([values], frame_rate=4.0, seed=0)
    features = transform(values).reshape(80, len(DILATIONS), 2, 84, kernels.BIASES)
    for dilation, kernel, bias in ((0, 0, 0), (1, 40, 3), (3, 83, 5)):
        channels = np.flatnonzero(transform.mixes[dilation][:, kernel].numpy())
        padded = np.pad(values.numpy()[:, channels].sum(1), 4 * DILATIONS[dilation])
        taps = np.arange(9) * DILATIONS[dilation]
        output = np.array([padded[frame + taps] @ WEIGHTS[kernel] for frame in range(80)])
        above = output - float(transform.biases[dilation][kernel, bias])
        for number, reach in enumerate((2, 8)):
            windows = [above[max(0, frame - reach) : frame + reach + 1] for frame in range(80)]
            # The bias is the output at one of the frames, which rounding may put on either side.
            least, most = ([np.mean(window > margin) for window in windows] for margin in (1e-4, -1e-4))
            found = features[:, dilation, number, kernel, bias]
            assert (least - found).max() < 1e-6
            assert (found - most).max() < 1e-6


def test_each_kernel_takes_one_to_nine_channels_and_biases_lie_within_its_output() -> None:
    values = torch.randn(200, 30, generator=torch.Generator().manual_seed(0))
    transform = Kernels([values], frame_rate=15.0, seed=0)
    taken = torch.cat([mix.sum(0) for mix in transform.mixes])
    assert {int(number) for number in taken} == set(range(1, 10))
    means = transform(values).mean(0)
    assert 0 <= means.min() < 0.05
    assert 0.95 < means.max() <= 1


def test_the_regression_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 3, 300) for _ in range(4)]
    features = [
        (np.eye(3)[of_video] @ rng.normal(size=(3, 6)) + rng.normal(size=(300, 6)) * 3 + 5).astype(np.float32)
        for of_video in labels
    ]
    ridge = fit_ridge(features, labels, 3, [[0, 1], [2, 3]])
    assert ridge.penalty in PENALTIES
    x, y = np.concatenate(features), np.concatenate(labels)
    weights = (1 / (3 * np.bincount(y)))[y]
    mean = weights @ x
    scale = np.sqrt(weights @ (x - mean) ** 2)
    reference = Ridge(alpha=ridge.penalty).fit((x - mean) / scale, np.eye(3)[y] - 1 / 3, sample_weight=weights)
    np.testing.assert_allclose(ridge.scores(x), reference.predict((x - mean) / scale), atol=1e-4)


def test_more_noise_asks_for_a_larger_penalty() -> None:
    def penalty(signal: float) -> float:
        rng = np.random.default_rng(0)
        labels = [rng.integers(0, 2, 100) for _ in range(4)]
        features = []
        for of_video in labels:
            noise = rng.normal(size=(100, 300))
            noise[:, 0] += signal * (of_video - 0.5)
            features.append(noise.astype(np.float32))
        return fit_ridge(features, labels, 2, [[0], [1], [2], [3]]).penalty

    assert penalty(signal=30.0) < penalty(signal=1.5)


@pytest.fixture(scope="module")
def task() -> Task:
    recordings = simulate_recordings(4, 5, 900)
    *train, test = [Video(prepare(r, LANDMARKS, Preparation(30.0)), r.labels[CHANNEL].values) for r in recordings]
    return Task(tuple(train), (test.poses,), BEHAVIOURS, LANDMARKS, seed=0)


@pytest.mark.parametrize("name", minirocket.REPRESENTATIONS)
def test_every_representation_learns_and_predicts(
    name: str, task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    encoder = Encoder(LANDMARKS, Preparation(30.0), Architecture(channels=8, blocks=3)).eval()
    monkeypatch.setattr(minirocket, "load_encoder", lambda _: encoder)
    monkeypatch.setattr(kernels, "BIASES", 1)
    represent = minirocket.REPRESENTATIONS[name]
    poses = task.test[0]
    arrays = {name_: getattr(poses, name_)[:, ::-1] for name_ in ("positions", "seen", "centre", "heading")}
    swapped = replace(poses, id="swapped", **arrays)
    found = minirocket.fit_predict(replace(task, test=(poses, swapped)), tmp_path, represent)
    values = found[poses.id]
    assert values.shape == (900, 4)
    np.testing.assert_allclose(values.sum(1), 1, atol=1e-5)
    assert np.ptp(values, axis=0).max() > 0.01
    np.testing.assert_allclose(found["swapped"], values, atol=1e-4)  # the order of the animals does not matter
    again = minirocket.fit_predict(task, tmp_path, represent)
    np.testing.assert_array_equal(again[poses.id], values)
