from collections.abc import Callable

import numpy as np
import pytest
import torch

from ssl_behavior.poses.clips import clips_at
from ssl_behavior.poses.gpu_tracks import ResidentTracks, resident_bytes
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")


@pytest.fixture(scope="module")
def poses(wander: Callable[..., Recording]) -> list[Poses]:
    shapes = [(40, 2), (90, 3), (60, 1)]
    return [
        prepare(wander(seed, frames=frames, individuals=individuals, gaps=0.2), MICE, Preparation(30.0))
        for seed, (frames, individuals) in enumerate(shapes)
    ]


def test_clips_equal_those_cut_from_the_recordings(poses: list[Poses]) -> None:
    # The last but one passes the end of its recording, and enters no other tracks; the last is of a lone animal.
    places = [(0, 0, (1, 0)), (1, 30, (2, 0)), (1, 5, (0, 1)), (0, 25, (0, 1)), (1, 80, (1, 2)), (2, 10, (0, 0))]
    clips = ResidentTracks(poses, torch.device("cpu")).clips(places, 50)
    expected = clips_at([(poses[recording], start, pair) for recording, start, pair in places], 50)
    for name, values, expected_values in zip(clips._fields, clips, expected, strict=True):
        assert values.dtype == expected_values.dtype
        assert torch.equal(values, expected_values), name


def test_the_size_is_known_before_loading(poses: list[Poses]) -> None:
    tracks = ResidentTracks(poses, torch.device("cpu"))
    resident = sum(track.nbytes for track in tracks._tracks)
    row = resident / (1 + sum(np.prod(recording.positions.shape[:2]) for recording in poses))
    assert resident - row == pytest.approx(resident_bytes(poses))
