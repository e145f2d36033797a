"""A real Ray cluster of two workers, once per process of tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.models.checkpoints import save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.simulation.simulator import simulate_recordings


@pytest.hookimpl(tryfirst=True)  # before the common hook, which leaves tests with a group alone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Send all tests that need Ray to one xdist worker, because each worker would start its own cluster."""
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("ray"))


@pytest.fixture(scope="session")
def cluster(s3: str) -> Iterator[None]:
    """Two workers, started after the endpoint is set, because they inherit the environment."""
    ray = pytest.importorskip("ray", reason="ray is not installed")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    yield
    ray.shutdown()


@pytest.fixture
def folder(s3: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    """``folder("name")`` is the address of a folder in the bucket that belongs to this test."""
    return lambda name: f"{s3}/{tmp_path.name}/{name}"


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """Four recordings of eight seconds, one per file."""
    native.write(tmp_path / "tracks", simulate_recordings(4, seed=1, frames=240))
    return tmp_path / "tracks"


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A small encoder with random weights."""
    torch.manual_seed(0)
    save_encoder(tmp_path / "encoder", Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)))
    return tmp_path / "encoder"
