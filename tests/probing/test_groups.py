"""Vectors of groups: independent of the order of the animals, and reduced without loss if possible."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.clips import pair_clip
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.probing.groups import embed_groups, fit_reduction, kinematics, pool_pairs
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(MICE, Preparation(frame_rate=30.0), Architecture(8, 2)).eval()


def poses_of(recording: Recording) -> Poses:
    return prepare(recording, MICE, Preparation(frame_rate=30.0))


def by_pair(poses: Poses, pair: tuple[int, int]) -> torch.Tensor:
    """Vectors of the pair's two numbers and the frame."""
    frames = torch.arange(len(poses.positions), dtype=torch.float32)
    return torch.stack([torch.full_like(frames, pair[0]), torch.full_like(frames, 10.0 * pair[1]), frames], 1)


def test_mean_and_maximum_over_ordered_pairs(wander: Callable[..., Recording]) -> None:
    poses = poses_of(wander(individuals=3, frames=50))
    vectors = pool_pairs(by_pair, (poses, poses.pairs()))
    assert vectors.shape == (50, 6)
    np.testing.assert_allclose(vectors[:, [0, 1, 3, 4]], np.tile([1, 10, 2, 20], (50, 1)), rtol=1e-6)
    np.testing.assert_allclose(vectors[:, 2], np.arange(50), rtol=1e-6)


def test_the_order_of_the_animals_does_not_matter(wander: Callable[..., Recording], encoder: Encoder) -> None:
    recording = wander(individuals=3, frames=60)
    turned = replace(recording, positions=recording.positions[:, [2, 0, 1]])
    first, second = (
        pool_pairs(lambda poses, pair: kinematics(encoder, poses, pair), (poses, poses.pairs()))
        for poses in map(poses_of, (recording, turned))
    )
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_a_row_per_frame_of_the_recording(wander: Callable[..., Recording]) -> None:
    poses = poses_of(replace(wander(frames=100), frame_rate=50.0))
    assert len(poses.positions) == 60
    vectors = pool_pairs(by_pair, (poses, poses.pairs()))
    assert len(vectors) == 100
    np.testing.assert_allclose(vectors[:90, 2], np.arange(90) * 0.6, atol=1e-4)


def test_kinematics_in_chunks_are_those_in_one_piece(wander: Callable[..., Recording], encoder: Encoder) -> None:
    poses = poses_of(wander(frames=150))
    whole, _ = encoder.kinematics(pair_clip(poses, 0, 150, (1, 0)))
    torch.testing.assert_close(kinematics(encoder, poses, (1, 0), chunk=40), whole[0], atol=1e-6, rtol=0)


def test_reduction_is_a_principal_component_analysis() -> None:
    rng = np.random.default_rng(0)
    parts = [(rng.normal(size=(n, 6)) @ rng.normal(size=(6, 6)) + 5).astype(np.float32) for n in (80, 120)]
    reduction = fit_reduction(iter(parts), 3)
    whole = np.concatenate(parts)
    expected = PCA(3).fit(whole).transform(whole)
    vectors = reduction(whole)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.abs(vectors), np.abs(expected), atol=1e-3)
    # The largest entry of each direction is positive.
    assert (np.take_along_axis(reduction.directions, np.abs(reduction.directions).argmax(0)[None], 0) > 0).all()


def test_enough_dimensions_lose_nothing() -> None:
    """The reduction is then a rotation, which keeps distances between frames."""
    values = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    vectors = fit_reduction([values], 128)(values)
    assert vectors.shape == (50, 4)
    np.testing.assert_allclose(
        np.linalg.norm(vectors[1:] - vectors[:-1], axis=1), np.linalg.norm(np.diff(values, axis=0), axis=1), rtol=1e-4
    )


def test_every_group_lands_in_its_place(wander: Callable[..., Recording]) -> None:
    all_poses = [poses_of(wander(seed, frames=40)) for seed in (1, 2)]
    places = {"wander2": (0, 40), "unusable": (40, 50), "wander1": (50, 90)}
    groups = [(poses, poses.pairs()) for poses in all_poses]
    whole = embed_groups(by_pair, groups, places, 2, "test")
    assert whole.shape == (90, 2)
    assert whole.dtype == np.float32
    assert not whole[40:50].any()
    np.testing.assert_array_equal(whole[:40], whole[50:])
    assert whole[:40].any()
