import math
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from ssl_behavior.poses.augment import Augmentation, augment, hide, hide_animals, reflect, rotate, scale, spans, warp
from ssl_behavior.poses.clips import ClipBatch, pair_clip
from ssl_behavior.poses.features import features
from ssl_behavior.poses.landmarks import mirror
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
RATE = 30.0
TRUNK = range(len(MICE))
OFF = Augmentation(**{field.name: 0.0 for field in fields(Augmentation)})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def clip(wander: Callable[..., Recording]) -> ClipBatch:
    poses = [prepare(wander(seed, frames=80, gaps=0.3), MICE, Preparation(30.0, max_gap=0.05)) for seed in range(6)]
    return ClipBatch(
        *(torch.cat(parts) for parts in zip(*(pair_clip(recording, 0, 80, (0, 1)) for recording in poses), strict=True))
    )


def equal(one: ClipBatch, other: ClipBatch) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def close(one: ClipBatch, other: ClipBatch) -> None:
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b)


def test_reflecting_twice_gives_the_clip_back(clip: ClipBatch) -> None:
    everything = torch.ones(6, dtype=torch.bool)
    once = reflect(clip, everything, mirror(MICE))
    assert not equal(once, clip)
    close(reflect(once, everything, mirror(MICE)), clip)


def test_reflection_on_paper(clip: ClipBatch) -> None:
    chosen = torch.tensor([True, False] * 3)
    mirrored = reflect(clip, chosen, mirror(MICE))
    torch.testing.assert_close(mirrored.positions[0, :, :, 1], clip.positions[0, :, :, 2] * torch.tensor([1.0, -1.0]))
    torch.testing.assert_close(mirrored.heading[0, ..., 1], -clip.heading[0, ..., 1])
    assert torch.equal(mirrored.known[0, :, :, 2], clip.known[0, :, :, 1])
    assert equal(mirrored.map(lambda t: t[1::2]), clip.map(lambda t: t[1::2]))


def test_rotation_on_paper(clip: ClipBatch) -> None:
    turned = rotate(clip, torch.full((6,), math.pi / 2))
    x, y = clip.positions.unbind(-1)
    torch.testing.assert_close(turned.positions, torch.stack([-y, x], -1))


def test_rotation_changes_the_poses_and_no_feature(clip: ClipBatch) -> None:
    turned = augment(clip, mirror(MICE), replace(OFF, rotate=180.0), generator())
    assert (turned.positions - clip.positions).abs().max() > 0.5
    for one, other in zip(features(turned, RATE, TRUNK), features(clip, RATE, TRUNK), strict=True):
        torch.testing.assert_close(one, other, atol=2e-4, rtol=0)


def test_scale_on_paper(clip: ClipBatch) -> None:
    bigger = scale(clip, torch.tensor([2.0, 1.0, 1.0, 1.0, 1.0, 1.0]))
    torch.testing.assert_close(bigger.positions[0], 2 * clip.positions[0])
    torch.testing.assert_close(bigger.centre[0], 2 * clip.centre[0])
    assert torch.equal(bigger.heading, clip.heading)
    assert torch.equal(bigger.positions[1:], clip.positions[1:])


def test_hidden_landmarks_are_unknown_and_the_rest_is_as_it_was(clip: ClipBatch) -> None:
    hidden = torch.rand(clip.known.shape, generator=generator()) < 0.3
    hidden_clip = hide(clip, hidden)
    assert torch.equal(hidden_clip.known, clip.known & ~hidden)
    assert torch.equal(hidden_clip.seen, clip.seen & ~hidden)
    assert not hidden_clip.positions[hidden].any()
    assert torch.equal(hidden_clip.positions[hidden_clip.known], clip.positions[hidden_clip.known])
    assert torch.equal(hidden_clip.centre, clip.centre)


def test_hidden_animals_are_unknown_in_every_array(clip: ClipBatch) -> None:
    hidden = torch.rand(clip.anchored.shape, generator=generator()) < 0.3
    hidden_clip = hide_animals(clip, hidden)
    for tensor in hidden_clip:
        assert not tensor[hidden].any()
    assert equal(hidden_clip.map(lambda t: t[~hidden]), clip.map(lambda t: t[~hidden]))


def test_spans_are_one_run_each_at_most() -> None:
    hidden = spans(500, 40, 1.0, generator())
    starts = (hidden[:, 1:] & ~hidden[:, :-1]).sum(1) + hidden[:, 0]
    assert starts.max() == 1
    assert hidden.any(1).float().mean() > 0.9
    assert not spans(500, 40, 0.0, generator()).any()
    assert spans(2000, 40, 0.25, generator()).any(1).float().mean() == pytest.approx(0.25, abs=0.05)


def steady(batch: int, frames: int) -> ClipBatch:
    """The agent is at x = frame / 10; every fifth frame of the target is unknown."""
    known = torch.ones(batch, frames, 2, 1, dtype=torch.bool)
    known[:, ::5, 1] = False
    positions = (torch.arange(frames) / 10)[None, :, None, None, None].expand(batch, frames, 2, 1, 2) * known[..., None]
    heading = torch.tensor([1.0, 0.0]).expand(batch, frames, 2, 2)
    return ClipBatch(
        positions, known, known, positions[:, :, :, 0], heading, torch.ones(batch, frames, 2, dtype=torch.bool)
    )


def test_a_warp_keeps_steady_motion_steady_and_labels_in_place() -> None:
    warped, at = warp(steady(50, 60), 40, 0.3, generator())
    x = warped.positions[:, :, 0, 0, 0]
    speed = x.diff(dim=1)
    torch.testing.assert_close(speed, speed[:, :1].expand_as(speed), atol=1e-4, rtol=0)
    assert 0.069 < speed.min() < 0.08
    assert 0.12 < speed.max() < 0.131
    # Labels are those of the frame the animal is nearest to.
    assert (x * 10 - at).abs().max() <= 0.501
    assert at.min() >= 0
    assert at.max() <= 59
    assert len({int(start) for start in at[:, 0]}) > 5


def test_a_warped_point_is_known_if_both_its_neighbours_are() -> None:
    warped, _ = warp(steady(50, 60), 40, 0.3, generator())
    at = warped.positions[:, :, 0, 0, 0] * 10
    low, high = (at + 1e-3).floor(), (at - 1e-3).ceil()
    gone = (low % 5 == 0) | (high % 5 == 0)
    sure = (at - at.round()).abs() > 2e-3
    assert torch.equal(~warped.known[:, :, 1, 0][sure], gone[sure])
    assert not warped.positions[:, :, 1][~warped.known[:, :, 1]].any()


def test_no_warp_takes_the_frames_as_they_are(clip: ClipBatch) -> None:
    warped, at = warp(clip, 50, 0.0, generator())
    for row in range(6):
        start = int(at[row, 0])
        assert at[row].tolist() == list(range(start, start + 50))
        torch.testing.assert_close(warped.positions[row], clip.positions[row, start : start + 50])
        assert torch.equal(warped.known[row], clip.known[row, start : start + 50])


def test_warped_headings_are_unit_vectors(clip: ClipBatch) -> None:
    warped, _ = warp(clip, 60, 0.2, generator())
    torch.testing.assert_close(warped.heading.norm(dim=-1), warped.anchored.float())


@pytest.mark.parametrize("strength", [0.0, 0.15, 0.5])
@pytest.mark.parametrize("frames", [1, 30, 256])
def test_enough_frames_are_drawn_for_a_warp(strength: float, frames: int) -> None:
    drawn = Augmentation(warp=strength).frames_needed(frames)
    warped, _ = warp(steady(200, drawn), frames, strength, generator())
    speed = warped.positions[:, :, 0, 0, 0].diff(dim=1)
    # The last frame is not repeated.
    torch.testing.assert_close(speed, speed[:, :1].expand_as(speed), atol=1e-3, rtol=0)
    assert drawn <= frames * (1 + strength) + 2


def test_same_generator_same_views(clip: ClipBatch) -> None:
    views = [augment(clip, mirror(MICE), Augmentation(), generator(seed)) for seed in (1, 1, 2)]
    assert equal(views[0], views[1])
    assert not equal(views[0], views[2])


def test_without_variations_nothing_changes(clip: ClipBatch) -> None:
    assert equal(augment(clip, mirror(MICE), OFF, generator()), clip)


def test_nothing_unknown_becomes_known_and_unknown_is_zero(clip: ClipBatch) -> None:
    strong = Augmentation(0.0, 90, 0.5, 0.1, 0.5, 0.5, 0.5, 0.0)
    view = augment(clip, mirror(MICE), strong, generator())
    assert not (view.known & ~clip.known).any()
    assert not view.positions[~view.known].any()
    assert not view.centre[~view.anchored].any()
    assert not (view.seen & ~view.known).any()


def test_swapped_identities_are_the_same_two_animals(clip: ClipBatch) -> None:
    view = augment(clip, mirror(MICE), replace(OFF, swap_identities=1.0), generator())
    kept = (view.positions == clip.positions).flatten(2).all(-1)
    swapped = (view.positions == clip.positions.flip(2)).flatten(2).all(-1)
    assert (kept | swapped).all()
    assert 0.1 < swapped.float().mean() < 0.9


@pytest.mark.parametrize("name", [field.name for field in fields(Augmentation) if field.name != "rotate"])
def test_every_setting_changes_features(name: str, clip: ClipBatch) -> None:
    def view(settings: Augmentation) -> torch.Tensor:
        warped, _ = warp(clip, 40, settings.warp, generator(3))
        return features(augment(warped, mirror(MICE), settings, generator(4)), RATE, TRUNK)[0]

    assert not torch.equal(view(OFF), view(replace(OFF, **{name: 0.9})))


def test_jitter_has_the_size_of_its_setting(clip: ClipBatch) -> None:
    view = augment(clip, mirror(MICE), replace(OFF, jitter=0.03), generator())
    moved = (view.positions - clip.positions)[clip.known]
    assert float(moved.std()) == pytest.approx(0.03, rel=0.1)
    assert np.isclose(float(moved.mean()), 0, atol=0.005)
