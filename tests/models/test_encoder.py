from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.models.checkpoints import load_encoder, save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.inference import embed
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.augment import rotate
from ssl_behavior.poses.clips import ClipBatch, pair_clip
from ssl_behavior.poses.features import features
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.objectives.masking import Masking, mask

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
SMALL = Architecture(channels=16, blocks=3)
ATTENDING = Architecture(channels=16, blocks=2, kind="transformer", heads=2, window=7)
PLAIN = Preparation(frame_rate=30.0)
Make = Callable[..., Encoder]


def build(architecture: Architecture, landmarks: tuple[str, ...] = MICE) -> Encoder:
    torch.manual_seed(0)
    encoder = Encoder(landmarks, PLAIN, architecture).eval()
    encoder.precision = "float32"
    return encoder


@pytest.fixture(params=[SMALL, ATTENDING], ids=["tcn", "transformer"])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a small encoder, always with the same weights; a test that uses it runs for both architectures."""
    return lambda landmarks=MICE, **changed: build(replace(request.param, **changed), landmarks)


@pytest.fixture(scope="module")
def poses(wander: Callable[..., Recording]) -> Poses:
    return prepare(wander(3, frames=150), MICE, PLAIN)


def test_one_vector_per_frame(make: Make, poses: Poses) -> None:
    embeddings = embed(make(), poses, (1, 0))
    assert embeddings.shape == (150, 16)
    assert embeddings.dtype == torch.float32
    assert embeddings.isfinite().all()
    assert embeddings.std(0).min() > 1e-3


@pytest.mark.parametrize("chunk", [37, 8192])
def test_bfloat16_is_near_float32(make: Make, chunk: int, poses: Poses) -> None:
    encoder = make()
    exact = embed(encoder, poses, (0, 1))
    encoder.precision = "bfloat16"
    near = embed(encoder, poses, (0, 1), chunk)
    assert near.dtype == torch.float32
    assert torch.equal(near, embed(encoder, poses, (0, 1), chunk))
    assert 0 < (near - exact).square().mean().sqrt() < 0.02 * exact.std()


@pytest.mark.parametrize("chunk", [1, 7, 40, 149, 150])
def test_chunks_equal_one_piece(make: Make, chunk: int, poses: Poses) -> None:
    torch.testing.assert_close(embed(make(), poses, (0, 1), chunk), embed(make(), poses, (0, 1)), atol=1e-5, rtol=1e-5)


def test_batch_size_does_not_change_an_embedding(make: Make, poses: Poses) -> None:
    encoder = make()
    clips = ClipSampler([poses]).draw(8, 60, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = encoder(clips)
        alone = torch.cat([encoder(clips.map(lambda t, i=i: t[i : i + 1])) for i in range(8)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_moving_and_turning_the_arena_changes_no_embedding(make: Make, wander: Callable[..., Recording]) -> None:
    recording = wander(4)
    c, s = np.cos(2.0), np.sin(2.0)
    moved = replace(recording, positions=recording.positions @ np.array([[c, s], [-s, c]], np.float32) + np.float32(5))
    encoder = make()
    here, there = (embed(encoder, prepare(arena, MICE, PLAIN), (0, 1)) for arena in (recording, moved))
    torch.testing.assert_close(there, here, atol=2e-3, rtol=0)


def test_with_mirror_left_and_right_make_no_difference(make: Make, wander: Callable[..., Recording]) -> None:
    recording = wander(0)
    # Seen from below: y changes sign, and left and right ear are exchanged.
    other_side = {"left ear": "right ear", "right ear": "left ear"}
    names = recording.skeleton.keypoints
    order = [names.index(other_side.get(name, name)) for name in names]
    mirrored = replace(recording, positions=recording.positions[:, :, order] * np.array([1, -1], np.float32))
    encoder = make()
    one, other = (prepare(view, MICE, PLAIN) for view in (recording, mirrored))
    assert (embed(encoder, one, (0, 1)) - embed(encoder, other, (0, 1))).abs().mean() > 0.01
    both = [embed(encoder, poses, (0, 1), chunk, with_mirror=True) for poses in (one, other) for chunk in (37, 8192)]
    for embeddings in both[1:]:
        torch.testing.assert_close(embeddings, both[0], atol=1e-5, rtol=1e-5)


def test_each_animal_has_its_own_view(make: Make, poses: Poses) -> None:
    assert (embed(make(), poses, (0, 1)) - embed(make(), poses, (1, 0))).abs().mean() > 0.01


def test_animals_outside_the_pair_do_not_matter(make: Make, wander: Callable[..., Recording]) -> None:
    poses = prepare(wander(5, individuals=3), MICE, PLAIN)
    positions = poses.positions.copy()
    positions[:, 2] += 1
    other = replace(poses, positions=positions)
    assert torch.equal(embed(make(), poses, (0, 1)), embed(make(), other, (0, 1)))
    assert not torch.equal(embed(make(), poses, (0, 2)), embed(make(), other, (0, 2)))


@pytest.mark.parametrize("value", [0.0, 1e5, np.nan])
def test_values_at_unseen_keypoints_change_no_embedding(
    make: Make, value: float, wander: Callable[..., Recording]
) -> None:
    recording = wander(6, gaps=0.0)
    unsure = np.random.default_rng(0).random(recording.positions.shape[:3]) < 0.3
    confidence = np.where(unsure, 0.0, 1.0).astype(np.float32)
    dirty = np.where(unsure[..., None], np.float32(value), recording.positions)
    here, there = (
        embed(make(), prepare(replace(recording, positions=positions, confidence=confidence), MICE, PLAIN), (0, 1))
        for positions in (recording.positions, dirty)
    )
    assert torch.equal(here, there)


def test_the_reach_is_exact(make: Make, poses: Poses) -> None:
    encoder = make()
    clip = pair_clip(poses, 0, 150, (0, 1))
    values, _ = encoder.kinematics(clip)
    other = values.clone()
    other[:, 75] += 1
    with torch.inference_mode():
        changed = (encoder.temporal(values) - encoder.temporal(other)).abs().amax((0, 2)).nonzero().flatten()
    reach = encoder.architecture.reach
    assert (changed.min(), changed.max()) == (75 - reach, 75 + reach)


def test_masked_kinematics_are_those_of_the_hidden_clip(make: Make, poses: Poses) -> None:
    encoder, generator = make(), torch.Generator().manual_seed(0)
    clip = ClipSampler([poses]).draw(4, 60, generator)
    hidden = mask(clip, Masking(), 30.0, generator)
    (values, known), (expected, expected_known) = (
        encoder.mask_kinematics(encoder.kinematics(clip)[0], hidden), encoder.kinematics(hidden)
    )  # fmt: skip
    assert torch.equal(known, expected_known)
    torch.testing.assert_close(values, expected)


def test_standardised_features(make: Make, poses: Poses) -> None:
    encoder = make()
    clips = [ClipSampler([poses]).draw(16, 60, torch.Generator().manual_seed(i)) for i in range(4)]
    encoder.standardise(clips)
    computed = [features(clip, 30.0, encoder.trunk) for clip in clips]
    raw, known = (torch.cat(parts).flatten(0, 1) for parts in zip(*computed, strict=True))
    for feature in range(0, encoder.features, 7):
        values = raw[known[:, feature], feature]
        deviation = values.std(correction=0)
        torch.testing.assert_close(encoder.mean[feature], values.mean(), atol=1e-4, rtol=1e-4)
        expected = deviation if deviation > 1e-3 else torch.tensor(1.0)
        torch.testing.assert_close(encoder.deviation[feature], expected, atol=1e-3, rtol=1e-3)
    values, where = encoder.kinematics(clips[0])
    assert values.abs().max() <= 5
    assert not values[~where].any()


def test_a_feature_never_seen_keeps_its_scale(make: Make, wander: Callable[..., Recording]) -> None:
    encoder = make()
    encoder.standardise([pair_clip(prepare(wander(individuals=1), MICE, PLAIN), 0, 100, (0, 0))])
    assert encoder.mean.isfinite().all()
    assert (encoder.deviation > 0).all()


PLAIN_ATTENDING = replace(ATTENDING, heads=Architecture.heads, window=Architecture.window)
CHANGES: dict[str, tuple[Architecture, dict[str, Any]]] = {
    "channels": (SMALL, {"channels": 24}),
    "blocks": (SMALL, {"blocks": 2}),
    "dropout": (SMALL, {"dropout": 0.5}),
    "kind": (PLAIN_ATTENDING, {"kind": "tcn"}),
    "heads": (ATTENDING, {"heads": 4}),
    "window": (ATTENDING, {"window": 5}),
    "channels of a transformer": (ATTENDING, {"channels": 24}),
    "blocks of a transformer": (ATTENDING, {"blocks": 1}),
    "dropout of a transformer": (ATTENDING, {"dropout": 0.5}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_matters(name: str, poses: Poses) -> None:
    usual, changed = CHANGES[name]
    clip = pair_clip(poses, 0, 60, (0, 1))
    embeddings = []
    for architecture in (usual, replace(usual, **changed)):
        encoder = build(architecture).train()
        torch.manual_seed(1)
        embeddings.append(encoder(clip))
    assert not torch.equal(*embeddings)


def test_every_setting_is_among_those_that_matter() -> None:
    assert {field.name for field in fields(Architecture)} <= set(CHANGES)


@pytest.mark.parametrize("changed", [{"heads": 2}, {"window": 5}])
def test_settings_of_a_transformer_are_refused_for_a_tcn(changed: dict[str, int]) -> None:
    with pytest.raises(InputError, match=r"add --architecture\.kind transformer"):
        replace(SMALL, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"heads": 3}, {"heads": 0}, {"heads": 16}, {"window": 0}, {"kind": "gru"}, {"channels": 15}]
)
def test_impossible_sizes_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--architecture"):
        replace(ATTENDING, **wrong)


def test_dropout_acts_in_training_only(make: Make, poses: Poses) -> None:
    clip = pair_clip(poses, 0, 60, (0, 1))
    without, with_it = (make(dropout=share) for share in (0.0, 0.5))
    assert torch.equal(without(clip), with_it(clip))
    assert torch.equal(without.train()(clip), without(clip))
    assert not torch.equal(with_it.train()(clip), with_it(clip))


def test_a_loaded_encoder_is_equal_to_the_bit(make: Make, poses: Poses, tmp_path: Path) -> None:
    saved = make()
    save_encoder(tmp_path / "encoder", saved)
    loaded = load_encoder(tmp_path / "encoder")
    loaded.precision = saved.precision
    assert loaded.architecture == saved.architecture
    assert torch.equal(embed(loaded, poses, (0, 1)), embed(saved, poses, (0, 1)))


def test_the_names_of_weights_never_change() -> None:
    """Checkpoints written before there was a transformer still load."""
    encoder = build(Architecture(channels=16, blocks=1))
    block = [
        f"temporal.blocks.0.{layer}.{part}" for layer in ("norm", "convolve", "mix") for part in ("weight", "bias")
    ]
    ends = [f"temporal.{layer}.{part}" for layer in ("enter", "norm") for part in ("weight", "bias")]
    assert set(encoder.state_dict()) == {"mean", "deviation", *block, *ends}


@pytest.mark.parametrize("frames", [1, 6, 7, 15])
def test_clips_of_any_length(make: Make, frames: int, poses: Poses) -> None:
    embeddings = make()(pair_clip(poses, 0, frames, (0, 1)))
    assert embeddings.shape == (1, frames, 16)
    assert embeddings.isfinite().all()


def test_other_skeletons_embed(make: Make, walk: Callable[..., Recording], wander: Callable[..., Recording]) -> None:
    """An encoder of the dyads' landmarks takes mice with ears and without a tail."""
    encoder = make(("head", "centre", "tail base", "tail middle", "tail tip"))
    poses = prepare(wander(7, gaps=0.0), encoder.landmarks, PLAIN)
    assert poses.seen[:, :, :3].all()
    assert not poses.seen[:, :, 3:].any()
    embeddings = embed(encoder, poses, (0, 1))
    assert embeddings.isfinite().all()
    assert embeddings.std(0).mean() > 0.01


@pytest.mark.real
def test_calms21_embeds_with_the_landmarks_of_the_dyads(make: Make, shared_data: Callable[[str], Path]) -> None:
    encoder = make(("head", "centre", "tail base", "tail middle", "tail tip"))
    recording = read_recordings(shared_data("calms21/mouse083_task1_annotator1_alt.csv.gz"), notify=str)[0]
    embeddings = embed(encoder, prepare(recording, encoder.landmarks, PLAIN), (0, 1))
    assert embeddings.shape == (4881, 16)
    assert embeddings.isfinite().all()
    assert embeddings.std(0).mean() > 0.1


def test_rotation_is_invisible(make: Make, poses: Poses) -> None:
    clip = pair_clip(poses, 0, 60, (0, 1))
    turned: ClipBatch = rotate(clip, torch.tensor([1.0]))
    torch.testing.assert_close(make()(turned), make()(clip), atol=1e-4, rtol=0)
