from collections.abc import Callable

import numpy as np
import pytest
import torch

from ssl_behavior.poses.clips import clips_at
from ssl_behavior.poses.gpu_tracks import ResidentTracks, resident_bytes
from ssl_behavior.poses.prepare import Poses, Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")


@pytest.fixture(scope="module")
def poses(wander: Callable[..., Recording]) -> list[Poses]:
    shapes = [(40, 2), (90, 3), (60, 1)]
    return [
        prepare(wander(seed, frames=frames, individuals=individuals, gaps=0.2), MICE, Preparation(30.0))
        for seed, (frames, individuals) in enumerate(shapes)
    ]


def test_clips_are_those_that_are_read_from_the_recordings(poses: list[Poses]) -> None:
    # The second-last goes past its recording's end, and into nobody's tracks; the last is of a lone animal.
    places = [(0, 0, (1, 0)), (1, 30, (2, 0)), (1, 5, (0, 1)), (0, 25, (0, 1)), (1, 80, (1, 2)), (2, 10, (0, 0))]
    found = ResidentTracks(poses, torch.device("cpu")).clips(places, 50)
    expected = clips_at([(poses[recording], start, pair) for recording, start, pair in places], 50)
    for name, one, other in zip(found._fields, found, expected, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other), name


def test_the_size_is_told_before(poses: list[Poses]) -> None:
    tracks = ResidentTracks(poses, torch.device("cpu"))
    kept = sum(one.nbytes for one in tracks._tracks)
    row = kept / (1 + sum(np.prod(one.positions.shape[:2]) for one in poses))
    assert kept - row == pytest.approx(resident_bytes(poses))
