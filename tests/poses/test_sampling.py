from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from ssl_behavior.errors import InputError
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.poses.sampling import ClipSampler, require_length
from ssl_behavior.recordings.recording import Recording


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def poses(walk: Callable[..., Recording]) -> list[Poses]:
    """Recordings of 30, 200 and 75 frames; every animal of recording r stands at x = r + 1."""

    def still(r: int, frames: int, individuals: int) -> Poses:
        poses = prepare(walk(np.zeros((frames, individuals, 2)), id=f"video{r}"), ("centre", "nose"), Preparation(30.0))
        return replace(poses, centre=np.full_like(poses.centre, r + 1))

    return [still(0, 30, 2), still(1, 200, 3), still(2, 75, 1)]


def test_no_clip_crosses_recordings(poses: list[Poses]) -> None:
    sampler = ClipSampler(poses)
    clip = sampler.draw(400, 40, generator())
    x = clip.centre[:, :, 0, 0]
    for row in range(400):
        assert len(set(x[row][clip.anchored[row, :, 0]].tolist())) == 1
    # The first recording is shorter than a clip: frames past its end are unknown, not those of another recording.
    first = x[:, 0] == 1
    assert first.any()
    assert (clip.anchored[first].sum(1)[:, 0] == 30).all()
    assert not clip.known[first][:, 30:].any()
    assert clip.anchored[~first][:, :, 0].all()


def test_clips_lie_inside_their_recording(poses: list[Poses]) -> None:
    for r, start, pair in ClipSampler(poses).places(500, 40, generator()):
        assert 0 <= start <= max(0, len(poses[r].positions) - 40)
        assert pair in poses[r].pairs()


def test_every_frame_and_pair_is_drawn(poses: list[Poses]) -> None:
    places = ClipSampler(poses).places(6000, 10, generator())
    drawn = np.array([r for r, _, _ in places])
    np.testing.assert_allclose(np.bincount(drawn) / 6000, np.array([30, 200, 75]) / 305, atol=0.03)
    covered = np.zeros(200)
    for r, start, _ in places:
        if r == 1:
            covered[start : start + 10] += 1
    assert covered.min() > 0
    inner = covered[20:180]
    assert inner.min() > 0.6 * inner.mean()
    pairs = [pair for r, _, pair in places if r == 1]
    assert min(pairs.count(pair) for pair in poses[1].pairs()) > 0.12 * len(pairs)


def test_same_generator_same_clips(poses: list[Poses]) -> None:
    sampler = ClipSampler(poses)
    assert sampler.places(50, 20, generator(1)) == sampler.places(50, 20, generator(1))
    assert sampler.places(50, 20, generator(1)) != sampler.places(50, 20, generator(2))


def test_only_the_given_pairs_and_frames_with_weight(poses: list[Poses]) -> None:
    weights = [np.zeros(len(recording.positions)) for recording in poses]
    weights[1][100:110] = 1
    sampler = ClipSampler(poses, [[(1, 0)], [(2, 1)], [(0, 0)]], weights)
    places = sampler.places(300, 20, generator())
    assert {(r, pair) for r, _, pair in places} == {(1, (2, 1))}
    assert all(start < 110 and start + 20 > 100 for _, start, _ in places)
    assert {start for _, start, _ in places} == set(range(81, 110))


def test_a_recording_shorter_than_a_clip(poses: list[Poses], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match=r"'video0' has 30 frames.*a clip takes 60.*--skip-bad-files"):
        require_length(poses, 60)
    assert [recording.id for recording in require_length(poses, 60, skip_short=True)] == ["video1", "video2"]
    assert capsys.readouterr().out.startswith("skipped: recording 'video0'")
    with pytest.raises(InputError, match="none of 3"):
        require_length(poses, 300, skip_short=True)
    assert require_length(poses, 30) == poses
