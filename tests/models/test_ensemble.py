from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model, average, network_logits, tree_logits
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.tree_examples import fit_tree_member, tree_examples
from ssl_behavior.models.trees import Trees
from ssl_behavior.poses.expert_features import expert_features
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.supervised import Supervision

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
FEW = Supervision(trees=4)


@pytest.fixture(scope="module")
def videos(wander: Callable[..., Recording]) -> list[LabelledPoses]:
    """Three videos of 5 s of three animals, whose labels hold for the group."""
    rng = np.random.default_rng(0)
    poses = [prepare(wander(seed, frames=150, individuals=3), MICE, Preparation(30.0)) for seed in range(3)]
    return [LabelledPoses(one, np.repeat(rng.integers(0, 3, 15), 10), tuple(one.pairs())) for one in poses]


@pytest.fixture(scope="module")
def network() -> Classifier:
    torch.manual_seed(0)
    return Classifier(Encoder(MICE, Preparation(30.0), Architecture(16, 2)), "linear", 3).eval()


@pytest.fixture(scope="module")
def trees(videos: list[LabelledPoses]) -> Trees:
    return fit_tree_member(tree_examples(videos), 3, FEW.trees, 0, None)


def test_the_average_on_paper() -> None:
    logits, trees = np.log([[8.0, 2.0]]), np.log([[0.2, 0.8]])
    np.testing.assert_allclose(average(logits, trees), np.log([[0.4, 0.4]]), rtol=1e-6)
    # Logits become log probabilities first: a constant that is added to all of them changes nothing.
    np.testing.assert_allclose(average(logits + 9, trees), average(logits, trees), rtol=1e-5)
    np.testing.assert_allclose(average(logits, None), np.log([[0.8, 0.2]]), rtol=1e-6)


def test_a_model_averages_the_network_and_the_trees(
    videos: list[LabelledPoses], network: Classifier, trees: Trees
) -> None:
    network_log = log_softmax(network_logits(network, videos[0]).astype(float), axis=1)
    logits = Model((network,), (trees,)).logits(videos[0])
    np.testing.assert_allclose(logits, (network_log + tree_logits(trees, videos[0])) / 2, rtol=1e-5)
    assert logits.shape == (150, 3)
    np.testing.assert_allclose(Model((network,)).logits(videos[0]), network_log, rtol=1e-5)


def test_tree_logits_are_as_if_all_behaviours_were_equally_frequent(videos: list[LabelledPoses], trees: Trees) -> None:
    """The mean over pairs, each behaviour divided by its frequency, and never quite 0."""
    each = np.mean([trees.predict(expert_features(videos[0].poses, pair)) for pair in videos[0].pairs], axis=0)
    expected = each / trees.frequencies
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(np.exp(tree_logits(trees, videos[0])), expected, rtol=1e-4)
    never = replace(trees, frequencies=np.array([0.0, 0.5, 0.5]), booster=_Certain())
    assert np.isfinite(tree_logits(never, videos[0])).all()


class _Certain:
    """A booster that always predicts the first of two classes."""

    def inplace_predict(self, features: np.ndarray) -> np.ndarray:
        return np.tile([1.0, 0.0], (len(features), 1))


@pytest.mark.parametrize(("rate", "every"), [(30.0, 6), (15.0, 3), (2.0, 1)])
def test_examples_are_every_few_frames_and_each_pair_starts_at_another(
    rate: float, every: int, wander: Callable[..., Recording]
) -> None:
    poses = prepare(wander(frames=150, individuals=3), MICE, Preparation(rate))
    labels = np.arange(len(poses.positions)) % 7
    (examples,) = tree_examples([LabelledPoses(poses, labels, tuple(poses.pairs()))])
    assert len(examples.features) == len(examples.labels) == 6
    for number, pair in enumerate(poses.pairs()):
        step = slice(number % every, None, every)
        assert np.array_equal(examples.labels[number], labels[step])
        np.testing.assert_array_equal(examples.features[number], expert_features(poses, pair)[step])
    starts = {int(labels[0]) for labels in examples.labels}
    assert len(starts) == min(6, every)


def test_all_videos_that_show_a_behaviour_count_alike(
    videos: list[LabelledPoses], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long fight, a short one and none; part of a video unscored."""
    labels = [np.repeat([0, 1], [120, 30]), np.repeat([0, 1, -1], [12, 36, 102]), np.repeat([1, 2], [90, 60])]
    examples = tree_examples([replace(video, labels=row) for video, row in zip(videos, labels, strict=True)])
    arguments: dict[str, Any] = {}

    def record(features: Any, labels: Any, *rest: Any) -> None:
        arguments.update(labels=labels, settings=rest[1], weights=rest[3])

    monkeypatch.setattr("ssl_behavior.models.tree_examples.fit_trees", record)
    fit_tree_member(examples, 3, FEW.trees, 0)
    assert arguments["settings"].trees == FEW.trees
    # Six pairs make six parts of each video.
    truth, weights = np.array(arguments["labels"]).reshape(3, -1), np.array(arguments["weights"]).reshape(3, -1)
    for behaviour, shown in enumerate(([0, 1], [0, 1, 2], [2])):
        frames = truth == behaviour
        totals = (weights * frames).sum(1)
        assert np.flatnonzero(frames.any(1)).tolist() == shown
        np.testing.assert_allclose(totals[shown], frames.sum() / len(shown), rtol=1e-5)


def test_the_seed_and_the_rounds_change_the_trees(videos: list[LabelledPoses], trees: Trees) -> None:
    examples = tree_examples(videos)
    again, other, more = (
        tree_logits(fit_tree_member(examples, 3, trees, seed, None), videos[0])
        for trees, seed in ((FEW.trees, 0), (FEW.trees, 1), (8, 0))
    )
    assert np.array_equal(again, tree_logits(trees, videos[0]))
    assert not np.array_equal(again, other)
    assert not np.array_equal(again, more)


def test_many_videos_give_fewer_examples_each(videos: list[LabelledPoses], monkeypatch: pytest.MonkeyPatch) -> None:
    frames = sum(len(video.labels) * len(video.pairs) for video in videos)
    monkeypatch.setattr("ssl_behavior.models.tree_examples._MAX_EXAMPLES", 100)
    examples = tree_examples(videos)
    count = sum(len(labels) for video in examples for labels in video.labels)
    assert frames > 500
    assert 60 < count <= 100 + 2 * len(videos) * 6
    assert all(len(a) == len(b) for video in examples for a, b in zip(video.features, video.labels, strict=True))


def test_one_behaviour_alone_needs_no_trees(videos: list[LabelledPoses]) -> None:
    """A fold whose videos show nothing else must not stop the cross-validation."""
    alone = [replace(video, labels=np.zeros_like(video.labels)) for video in videos]
    assert fit_tree_member(tree_examples(alone), 3, FEW.trees, 0, None) is None
