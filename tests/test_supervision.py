from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssl_behavior.encoders import Architecture, Encoder
from ssl_behavior.heads import Classifier
from ssl_behavior.poses.features import Clip
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Poses, Preparation, prepare
from ssl_behavior.recordings import Recording
from ssl_behavior.scoring.frames import macro_f1
from ssl_behavior.simulation import BEHAVIOURS, CHANNEL, SKELETON, simulate_recordings
from ssl_behavior.supervision import (
    LabelledPoses,
    Supervision,
    class_weights,
    embed_all,
    labelled_pairs,
    train,
    video_logits,
)
from ssl_behavior.validation import cross_validate, folds_by_video
from ssl_behavior.windows import ClipSampler

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
FAST = Supervision(tune="linear", steps=60, batch=8, clip_seconds=2.0, learning_rate=0.05, average=0.0, mixup=0.0)


def make(channels: int = 16, outputs: int = 2, landmarks: tuple[str, ...] = MICE) -> Classifier:
    torch.manual_seed(0)
    encoder = Encoder(landmarks, Preparation(), Architecture(channels=channels, blocks=3, dropout=0.0))
    return Classifier(encoder, "linear", outputs).eval()


def video(poses: Poses, labels: np.ndarray) -> LabelledPoses:
    return LabelledPoses(poses, labels.astype(np.int16), ((0, 1),))


@pytest.fixture(scope="module")
def videos(wander: Callable[..., Recording]) -> list[LabelledPoses]:
    """Three videos of 150 frames in bouts of two behaviours, the first 30 frames unscored."""
    rng = np.random.default_rng(0)
    labels = [np.repeat(rng.integers(0, 2, 15), 10) for _ in range(3)]
    for one in labels:
        one[:30] = -1
    poses = [prepare(wander(seed, frames=150), MICE, Preparation()) for seed in range(3)]
    return [video(p, one) for p, one in zip(poses, labels, strict=True)]


def test_class_weights_on_paper() -> None:
    labels = [np.array([0, 0, 0, 1, -1, -1]), np.array([-1])]
    assert class_weights(labels, 2, 0.0).tolist() == [1, 1]
    assert class_weights(labels, 2, 1.0).tolist() == pytest.approx([2 / 3, 2])
    root = class_weights(labels, 2, 0.5)
    assert float(root[1] / root[0]) == pytest.approx(3**0.5)
    assert float((3 * root[0] + root[1]) / 4) == pytest.approx(1)
    # What never occurs has no weight, and no division by zero.
    assert class_weights(labels, 3, 1.0).tolist() == pytest.approx([2 / 3, 2, 0])


def test_pairs_that_labels_speak_of(wander: Callable[..., Recording]) -> None:
    trio = prepare(wander(individuals=3), MICE, Preparation())
    assert labelled_pairs(trio, None) == tuple(trio.pairs())
    assert labelled_pairs(trio, ("mouse2", "mouse0")) == ((2, 0),)
    assert labelled_pairs(trio, ("resident", "intruder")) == ((0, 1),)
    alone = prepare(wander(individuals=1), MICE, Preparation())
    assert labelled_pairs(alone, ("resident", "intruder")) == ((0, 0),)


@pytest.mark.parametrize("folds", [2, 3, 5, 20])
def test_folds_part_the_videos(folds: int, videos: list[LabelledPoses]) -> None:
    rng = np.random.default_rng(folds)
    many = [replace(videos[0], labels=rng.integers(-1, 3, 200)) for _ in range(11)]
    held_out = folds_by_video(many, 3, folds)
    assert sorted(i for fold in held_out for i in fold) == list(range(11))
    sizes = [len(fold) for fold in held_out]
    assert len(held_out) == min(folds, 11)
    assert max(sizes) - min(sizes) <= 1
    assert folds_by_video(many, 3, folds) == held_out


def test_a_rare_behaviour_is_spread_over_the_folds(videos: list[LabelledPoses]) -> None:
    """Three of nine videos show it: each of three folds holds one of them out."""
    labels = [np.repeat([0, 1], [90, 10] if i < 3 else [100, 0]) for i in range(9)]
    held_out = folds_by_video([replace(videos[0], labels=one) for one in labels], 2, 3)
    assert [sum(i < 3 for i in fold) for fold in held_out] == [1, 1, 1]


def own_codes(videos: list[LabelledPoses]) -> dict[tuple[str, tuple[int, int]], Tensor]:
    """Embeddings in which each video writes its labels in two channels of its own, and 0 in the others'."""
    embedded = {}
    for i, one in enumerate(videos):
        values = torch.zeros(len(one.labels), 16)
        values[torch.arange(len(one.labels)), 2 * i + torch.from_numpy(one.labels.clip(0).astype(int))] = 1
        embedded[one.poses.id, (0, 1)] = values
    return embedded


def test_no_model_has_seen_the_video_it_is_judged_by(videos: list[LabelledPoses]) -> None:
    model = make()
    nn.init.zeros_(model.head.score.weight)  # type: ignore[union-attr, arg-type]
    embedded = own_codes(videos)
    checked = cross_validate(model, videos, ("a", "b"), FAST, 0, "float32", embedded)
    for logits in checked.logits:
        # A model that had trained on the video would know its channels; the others' weights never moved from 0.
        assert np.ptp(logits, axis=0).max() == 0
    train(model, videos, FAST, FAST.steps, 0, "float32", embedded)
    truth = np.concatenate([one.labels for one in videos])
    found = np.concatenate([video_logits(model, one, embedded).argmax(1) for one in videos])
    assert macro_f1(truth, found, ("a", "b")) > 0.95


def test_cross_validation_leaves_the_start_as_it_was(videos: list[LabelledPoses]) -> None:
    model = make()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    checked = cross_validate(model, videos, ("a", "b"), replace(FAST, steps=4, tune="full"), 0, "float32")
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert set(checked.macro_f1) == {1, 2, 3, 4}
    assert checked.macro_f1[checked.steps] == max(checked.macro_f1.values())
    assert [len(one) for one in checked.logits] == [150, 150, 150]


def simulated() -> list[LabelledPoses]:
    recordings = simulate_recordings(6, seed=5, frames=1200)
    landmarks = shared_landmarks([SKELETON])
    return [video(prepare(one, landmarks, Preparation()), one.labels[CHANNEL].values) for one in recordings]


def test_cross_validation_beats_chance_on_simulated_recordings() -> None:
    videos = simulated()
    model = make(32, 4, shared_landmarks([SKELETON]))
    sampler = ClipSampler([one.poses for one in videos])
    model.encoder.standardise([sampler.draw(32, 60, torch.Generator().manual_seed(0))])
    settings = replace(FAST, steps=200, learning_rate=0.02)
    checked = cross_validate(model, videos, BEHAVIOURS, settings, 0, "float32", embed_all(model, videos))
    truth = np.concatenate([one.labels for one in videos])
    rng = np.random.default_rng(0)
    chance = max(macro_f1(truth, rng.permutation(truth), BEHAVIOURS) for _ in range(5))
    assert checked.macro_f1[checked.steps] > 1.3 * chance


class Place(Encoder):
    """Says where the agent is."""

    def forward(self, clip: Clip) -> Tensor:
        return clip.centre[:, :, 0]


class Remember(nn.Module):
    """A head that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(2, 2)
        self.given: list[Tensor] = []

    def forward(self, embeddings: Tensor) -> Tensor:
        self.given.append(embeddings.detach())
        return self.score(embeddings)


def test_labels_stay_with_their_frames_through_clips_and_warps(
    walk: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The angle at which the agent stands tells the frame, and no augmentation of ours changes it."""
    angle = np.linspace(0.1, 1.4, 300)
    centres = np.stack([np.stack([np.cos(angle), np.sin(angle)], 1) * 9, np.full((300, 2), 20.0)], 1)
    poses = prepare(walk(centres), MICE, Preparation())
    labels = np.arange(300) // 10 % 2
    model = make(2)
    model.encoder = Place(MICE, Preparation(), Architecture(2, 1))
    head = Remember()
    model.head = head
    targets: list[Tensor] = []

    def remember(logits: Tensor, target: Tensor, *_: Any) -> Tensor:
        targets.append(target)
        return logits.sum()

    monkeypatch.setattr("ssl_behavior.supervision.classification_loss", remember)
    train(model, [video(poses, labels)], replace(FAST, tune="full"), 6, 0, "float32")
    place = torch.cat(head.given).flatten(0, 1)
    frame = (torch.atan2(place[:, 1].abs(), place[:, 0]) - 0.1) / 1.3 * 299
    nearest = frame.round().clamp(0, 299).long()
    right = torch.cat(targets).flatten(0, 1).argmax(-1) == torch.from_numpy(labels)[nearest]
    halfway = (frame - frame.floor() - 0.5).abs() < 0.02
    assert len(frame) == 6 * 8 * 60
    assert right[~halfway].all()


def test_unscored_frames_teach_nothing(videos: list[LabelledPoses]) -> None:
    """Whatever the embeddings of unscored frames are, the head becomes the same."""
    embedded = own_codes(videos)
    other = {key: value.clone() for key, value in embedded.items()}
    for one in videos:
        other[one.poses.id, (0, 1)][torch.from_numpy(one.labels == -1)] = 7.0
    heads = []
    for given in (embedded, other):
        model = make()
        train(model, videos, FAST, 20, 0, "float32", given)
        heads.append(model.head.score.weight.detach().clone())  # type: ignore[union-attr, operator]
    assert torch.equal(*heads)


def test_logits_are_the_mean_over_pairs(videos: list[LabelledPoses]) -> None:
    model = make()
    both = replace(videos[0], pairs=((0, 1), (1, 0)))
    each = [video_logits(model, replace(both, pairs=(pair,))) for pair in both.pairs]
    np.testing.assert_allclose(video_logits(model, both), (each[0] + each[1]) / 2, atol=1e-6)
    np.testing.assert_allclose(
        video_logits(model, both, embed_all(model, [both])), video_logits(model, both), atol=1e-6
    )


def trained(videos: list[LabelledPoses], settings: Supervision, steps: int = 6) -> Tensor:
    model = make()
    train(model, videos, settings, steps, 0, "float32", embed_all(model, videos) if settings.tune == "linear" else None)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_frozen_is_frozen(videos: list[LabelledPoses]) -> None:
    fresh = torch.cat([p.detach().flatten() for p in make().parameters()])
    inside = sum(p.numel() for p in make().encoder.parameters())
    assert torch.equal(trained(videos, FAST)[:inside], fresh[:inside])
    assert not torch.equal(trained(videos, FAST)[inside:], fresh[inside:])
    assert not torch.equal(trained(videos, replace(FAST, tune="full"))[:inside], fresh[:inside])


USUAL = replace(FAST, tune="full", label_smoothing=0.0, focal=0.0, class_weight=0.0, encoder_rate=0.3)
CHANGES: dict[str, Any] = {
    "tune": "linear",
    "batch": 3,
    "clip_seconds": 1.0,
    "learning_rate": 0.01,
    "encoder_rate": 1.0,
    "weight_decay": 0.9,
    "average": 0.5,
    "class_weight": 1.0,
    "focal": 2.0,
    "label_smoothing": 0.3,
    "mixup": 0.5,
}


def test_every_setting_is_tried() -> None:
    assert {field.name for field in fields(Supervision)} == {*CHANGES, "steps", "folds"}


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_matters(name: str, videos: list[LabelledPoses]) -> None:
    uneven = [replace(one, labels=np.where(np.arange(150) < 120, one.labels, 0)) for one in videos]
    assert not torch.equal(trained(uneven, USUAL), trained(uneven, replace(USUAL, **{name: CHANGES[name]})))


def test_steps_and_folds_matter(videos: list[LabelledPoses]) -> None:
    few = replace(FAST, steps=4)
    checked = [
        cross_validate(make(), videos, ("a", "b"), settings, 0, "float32", embed_all(make(), videos))
        for settings in (few, replace(few, steps=8), replace(few, folds=2))
    ]
    assert set(checked[1].macro_f1) == {2, 4, 6, 8}
    assert not np.array_equal(checked[0].logits[0], checked[1].logits[0])
    assert any(not np.array_equal(a, b) for a, b in zip(checked[0].logits, checked[2].logits, strict=True))
