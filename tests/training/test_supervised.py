from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import Model, network_logits, tree_logits
from ssl_behavior.models.inference import embed, embed_all
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.tree_examples import fit_tree_member, tree_examples
from ssl_behavior.poses.clips import ClipBatch, pair_clip
from ssl_behavior.poses.labelled import LabelledPoses, frequencies, labelled_pairs
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.scoring.frames import macro_f1
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.cross_validation import folds_by_video
from ssl_behavior.training.finetuning import cross_validate
from ssl_behavior.training.supervised import Supervision, class_weights, scored_minutes, train_classifier

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
FAST = Supervision(
    tune="linear", steps=40, batch=8, clip_seconds=2.0, learning_rate=0.05, average=0.0, dropout=0.0, drop_features=0.0
)


def make(channels: int = 16, outputs: int = 2, landmarks: tuple[str, ...] = MICE) -> Classifier:
    torch.manual_seed(0)
    encoder = Encoder(landmarks, Preparation(30.0), Architecture(channels=channels, blocks=3, dropout=0.0))
    return Classifier(encoder, "linear", outputs).eval()


def video(poses: Poses, labels: np.ndarray) -> LabelledPoses:
    return LabelledPoses(poses, labels.astype(np.int16), ((0, 1),))


@pytest.fixture(scope="module")
def videos(wander: Callable[..., Recording]) -> list[LabelledPoses]:
    """Three videos of 150 frames in bouts of two behaviours, the first 30 frames unscored."""
    rng = np.random.default_rng(0)
    labels = [np.repeat(rng.integers(0, 2, 15), 10) for _ in range(3)]
    for values in labels:
        values[:30] = -1
    poses = [prepare(wander(seed, frames=150), MICE, Preparation(30.0)) for seed in range(3)]
    return [video(tracks, values) for tracks, values in zip(poses, labels, strict=True)]


def test_frequencies_and_weights_on_paper(videos: list[LabelledPoses]) -> None:
    few = [replace(videos[0], labels=np.array(labels)) for labels in ([0, 0, 0, 1, -1, -1], [-1])]
    assert frequencies(few, 3).tolist() == [0.75, 0.25, 0]
    # Weight times share is the same for both behaviours and sums to 1. A behaviour that never occurs has weight 0.
    assert class_weights(np.array([0.75, 0.25])).tolist() == pytest.approx([2 / 3, 2])
    assert class_weights(np.array([0.75, 0.25, 0.0])).tolist() == pytest.approx([2 / 3, 2, 0])
    assert class_weights(np.array([0.25] * 4)).tolist() == pytest.approx([1] * 4)


@pytest.mark.parametrize(
    ("steps", "minutes", "expected"),
    [(200, 0.1, 200), (200, 20, 200), (200, 27.5, 300), (200, 80, 1000), (200, 9000, 4000), (1, 1, 1)],
)
def test_steps_on_paper(steps: int, minutes: float, expected: int) -> None:
    assert Supervision(steps=steps).steps_for(minutes) == expected


def test_training_takes_the_steps_for_its_scored_minutes(
    videos: list[LabelledPoses], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def count(logits: Tensor, *_: Any) -> Tensor:
        taken.append(1)
        return logits.sum()

    monkeypatch.setattr("ssl_behavior.training.supervised.classification_loss", count)
    assert scored_minutes(videos) == pytest.approx(3 * 120 / 30 / 60)  # 30 of the 150 frames of each are unscored
    for minutes, steps in ((0.2, 4), (35.0, 8)):
        taken.clear()
        monkeypatch.setattr("ssl_behavior.training.supervised.scored_minutes", lambda _, minutes=minutes: minutes)
        train_classifier(make(), videos, replace(FAST, steps=4), 0, "float32", own_codes(videos))
        assert len(taken) == steps


def test_all_behaviours_count_alike_however_rare(videos: list[LabelledPoses]) -> None:
    """With uninformative embeddings, a behaviour in 10 % of the frames is as probable as one in 90 %."""
    uneven = [replace(labelled, labels=(np.arange(150) % 10 == 0).astype(int)) for labelled in videos]
    same = {key: torch.ones_like(value) for key, value in own_codes(videos).items()}
    model = make()
    train_classifier(model, uneven, replace(FAST, average=0.9), 0, "float32", same)
    logits = network_logits(model, uneven[0], same)
    assert abs(logits[0, 1] - logits[0, 0]) < 0.3


def test_labels_describe_the_named_pair_or_all_pairs(wander: Callable[..., Recording]) -> None:
    trio = prepare(wander(individuals=3), MICE, Preparation(30.0))
    assert labelled_pairs(trio, None) == tuple(trio.pairs())
    assert labelled_pairs(trio, ("mouse2", "mouse0")) == ((2, 0),)
    assert labelled_pairs(trio, ("resident", "intruder")) == ((0, 1),)
    alone = prepare(wander(individuals=1), MICE, Preparation(30.0))
    assert labelled_pairs(alone, ("resident", "intruder")) == ((0, 0),)


def another_video(video: LabelledPoses, number: int, labels: np.ndarray) -> LabelledPoses:
    """Return a video with other tracks and these labels."""
    return replace(video, poses=replace(video.poses, positions=video.poses.positions + number), labels=labels)


def test_labelled_pairs_of_a_video_and_copies_of_it_stay_in_one_fold(videos: list[LabelledPoses]) -> None:
    labels = videos[0].labels
    different = [another_video(videos[0], i, labels) for i in range(4)]
    copy_of_first = replace(different[0], poses=replace(different[0].poses, id="annotated again"))
    held_out = folds_by_video([*different, copy_of_first, replace(different[1], pairs=((1, 0),))], 3, 4)
    assert sorted(map(sorted, held_out)) == [[0, 4], [1, 5], [2], [3]]


@pytest.mark.parametrize("folds", [2, 3, 5, 20])
def test_every_video_is_in_one_fold_and_folds_are_of_nearly_equal_size(folds: int, videos: list[LabelledPoses]) -> None:
    rng = np.random.default_rng(folds)
    many = [another_video(videos[0], i, rng.integers(-1, 3, 200)) for i in range(11)]
    held_out = folds_by_video(many, 3, folds)
    assert sorted(i for fold in held_out for i in fold) == list(range(11))
    sizes = [len(fold) for fold in held_out]
    assert len(held_out) == min(folds, 11)
    assert max(sizes) - min(sizes) <= 1
    assert folds_by_video(many, 3, folds) == held_out


def test_a_rare_behaviour_is_spread_over_the_folds(videos: list[LabelledPoses]) -> None:
    """Three of nine videos show it, so each of three folds holds out one of them."""
    labels = [np.repeat([0, 1], [90, 10] if i < 3 else [100, 0]) for i in range(9)]
    held_out = folds_by_video([another_video(videos[0], i, values) for i, values in enumerate(labels)], 2, 3)
    assert [sum(i < 3 for i in fold) for fold in held_out] == [1, 1, 1]


def own_codes(videos: list[LabelledPoses]) -> dict[tuple[str, tuple[int, int]], Tensor]:
    """Embeddings in which each video writes its labels into two channels that no other video uses."""
    embedded = {}
    for i, labelled in enumerate(videos):
        values = torch.zeros(len(labelled.labels), 16)
        values[torch.arange(len(labelled.labels)), 2 * i + torch.from_numpy(labelled.labels.clip(0).astype(int))] = 1
        embedded[labelled.poses.id, (0, 1)] = values
    return embedded


def code_features(poses: Poses, pair: tuple[int, int]) -> np.ndarray:
    """Replaces the expert features: the code of the video that ``with_codes`` hid in the poses."""
    return poses.centre


def with_codes(videos: list[LabelledPoses]) -> list[LabelledPoses]:
    """The videos with their codes in place of the animals' centres, for ``code_features``."""
    embedded = own_codes(videos)
    return [
        replace(labelled, poses=replace(labelled.poses, centre=embedded[labelled.poses.id, (0, 1)].numpy()[:, :6]))
        for labelled in videos
    ]


def test_neither_network_nor_trees_have_seen_the_video_that_they_are_scored_on(
    videos: list[LabelledPoses], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssl_behavior.models.tree_examples.expert_features", code_features)
    chunks = "ssl_behavior.models.ensemble.expert_feature_chunks"
    monkeypatch.setattr(chunks, lambda poses, pair: [code_features(poses, pair)])
    network = make()
    nn.init.zeros_(network.head.score.weight)  # type: ignore[union-attr, arg-type]
    coded, embedded = with_codes(videos), own_codes(videos)
    settings = replace(FAST, trees=20)
    examples = tree_examples(coded)
    checked, _ = cross_validate(network, coded, ("a", "b"), settings, 0, "float32", embedded, examples)
    for logits in checked:
        # Only a model that was trained on the video would know its channels, which are 0 in the other videos.
        assert np.ptp(logits, axis=0).max() == 0
    train_classifier(network, coded, settings, 0, "float32", embedded)
    trees = fit_tree_member(examples, 2, settings.trees, 0, None)
    truth = np.concatenate([labelled.labels for labelled in coded])
    for seen in (
        [network_logits(network, labelled, embedded) for labelled in coded],
        [tree_logits(trees, labelled) for labelled in coded],
    ):
        assert macro_f1(truth, np.concatenate(seen).argmax(1), ("a", "b")) > 0.95


def test_held_out_logits_are_those_of_a_model_of_the_other_videos(videos: list[LabelledPoses]) -> None:
    """The test fits network and trees of each fold by itself."""
    settings = replace(FAST, steps=4, trees=3)
    examples = tree_examples(videos)
    checked, _ = cross_validate(make(), videos, ("a", "b"), settings, 5, "float32", None, examples)
    for number, (out,) in enumerate(folds_by_video(videos, 2, 3), 1):
        others = [i for i in range(3) if i != out]
        network = make()
        train_classifier(network, [videos[i] for i in others], settings, 5 + number, "float32")
        trees = fit_tree_member([examples[i] for i in others], 2, settings.trees, 5 + number, None)
        assert np.array_equal(checked[out], Model((network,), (trees,) if trees else ()).logits(videos[out]))


def test_cross_validation_leaves_the_start_as_it_was(videos: list[LabelledPoses]) -> None:
    model = make()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    checked, _ = cross_validate(model, videos, ("a", "b"), replace(FAST, steps=4, tune="full"), 0, "float32")
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert [logits.shape for logits in checked] == [(150, 2)] * 3


def simulated() -> list[LabelledPoses]:
    recordings = simulate_recordings(6, seed=5, frames=1200)
    landmarks = shared_landmarks([SKELETON])
    return [
        video(prepare(recording, landmarks, Preparation(30.0)), recording.labels[CHANNEL].values)
        for recording in recordings
    ]


def test_cross_validation_beats_chance_on_simulated_recordings() -> None:
    videos = simulated()
    model = make(32, 4, shared_landmarks([SKELETON]))
    sampler = ClipSampler([labelled.poses for labelled in videos])
    model.encoder.standardise([sampler.draw(32, 60, torch.Generator().manual_seed(0))])
    settings = replace(FAST, steps=100, learning_rate=0.02)
    checked, _ = cross_validate(model, videos, BEHAVIOURS, settings, 0, "float32", embed_all(model.encoder, videos))
    truth = np.concatenate([labelled.labels for labelled in videos])
    rng = np.random.default_rng(0)
    chance = max(macro_f1(truth, rng.permutation(truth), BEHAVIOURS) for _ in range(5))
    assert macro_f1(truth, np.concatenate(checked).argmax(1), BEHAVIOURS) > 1.3 * chance


class Place(Encoder):
    """Returns the position of the agent as its embedding."""

    def forward(self, clip: ClipBatch, left: Tensor | None = None) -> Tensor:  # noqa: ARG002
        return clip.centre[:, :, 0]


class Remember(nn.Module):
    """A head that keeps its input."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(2, 2)
        self.inputs: list[Tensor] = []

    def forward(self, embeddings: Tensor) -> Tensor:
        self.inputs.append(embeddings.detach())
        return self.score(embeddings)


def test_labels_stay_with_their_frames_through_clips_and_warps(
    walk: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The angle at which the agent stands identifies the frame, and no augmentation changes it."""
    angle = np.linspace(0.1, 1.4, 300)
    centres = np.stack([np.stack([np.cos(angle), np.sin(angle)], 1) * 9, np.full((300, 2), 20.0)], 1)
    poses = prepare(walk(centres), MICE, Preparation(30.0))
    labels = np.arange(300) // 10 % 2
    model = make(2)
    model.encoder = Place(MICE, Preparation(30.0), Architecture(2, 1))
    head = Remember()
    model.head = head
    targets: list[Tensor] = []

    def remember(logits: Tensor, target: Tensor, *_: Any) -> Tensor:
        targets.append(target)
        return logits.sum()

    monkeypatch.setattr("ssl_behavior.training.supervised.classification_loss", remember)
    train_classifier(model, [video(poses, labels)], replace(FAST, tune="full", steps=6), 0, "float32")
    place = torch.cat(head.inputs).flatten(0, 1)
    frame = (torch.atan2(place[:, 1].abs(), place[:, 0]) - 0.1) / 1.3 * 299
    nearest = frame.round().clamp(0, 299).long()
    right = torch.cat(targets).flatten(0, 1).argmax(-1) == torch.from_numpy(labels)[nearest]
    halfway = (frame - frame.floor() - 0.5).abs() < 0.02
    assert len(frame) == 6 * 8 * 60
    assert right[~halfway].all()


def test_embeddings_of_unscored_frames_do_not_change_the_head(videos: list[LabelledPoses]) -> None:
    embedded = own_codes(videos)
    other = {key: value.clone() for key, value in embedded.items()}
    for labelled in videos:
        other[labelled.poses.id, (0, 1)][torch.from_numpy(labelled.labels == -1)] = 7.0
    heads = []
    for embeddings in (embedded, other):
        model = make()
        train_classifier(model, videos, replace(FAST, steps=12), 0, "float32", embeddings)
        heads.append(model.head.score.weight.detach().clone())  # type: ignore[union-attr, operator]
    assert torch.equal(*heads)


def test_logits_are_the_mean_over_pairs(videos: list[LabelledPoses]) -> None:
    model = make()
    both = replace(videos[0], pairs=((0, 1), (1, 0)))
    each = [network_logits(model, replace(both, pairs=(pair,))) for pair in both.pairs]
    np.testing.assert_allclose(network_logits(model, both), (each[0] + each[1]) / 2, atol=1e-6)
    np.testing.assert_allclose(
        network_logits(model, both, embed_all(model.encoder, [both])), network_logits(model, both), atol=1e-6
    )


def trained(videos: list[LabelledPoses], settings: Supervision) -> Tensor:
    model = make()
    settings = replace(settings, steps=4)
    train_classifier(
        model, videos, settings, 0, "float32", embed_all(model.encoder, videos) if settings.tune == "linear" else None
    )
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_frozen_is_frozen(videos: list[LabelledPoses]) -> None:
    fresh = torch.cat([p.detach().flatten() for p in make().parameters()])
    inside = sum(p.numel() for p in make().encoder.parameters())
    assert torch.equal(trained(videos, FAST)[:inside], fresh[:inside])
    assert not torch.equal(trained(videos, FAST)[inside:], fresh[inside:])
    assert not torch.equal(trained(videos, replace(FAST, tune="full"))[:inside], fresh[:inside])


class Watched(Encoder):
    """Keeps the masks of the features it was called with; None stands for all features."""

    def forward(self, clip: ClipBatch, left: Tensor | None = None) -> Tensor:
        self.__dict__.setdefault("masks", []).append(left)
        return super().forward(clip, left)


def test_features_are_dropped_clip_by_clip_in_training_and_never_in_prediction(videos: list[LabelledPoses]) -> None:
    torch.manual_seed(0)
    encoder = Watched(MICE, Preparation(30.0), Architecture(channels=16, blocks=3))
    model = Classifier(encoder, "linear", 2)
    train_classifier(model, videos, replace(FAST, tune="full", steps=4, drop_features=0.25), 0, "float32")
    masks = torch.stack(encoder.__dict__.pop("masks"))
    assert masks.shape == (4, 8, 1, encoder.features)
    assert float(masks.float().mean()) == pytest.approx(0.75, abs=0.03)
    assert not torch.equal(masks[0, 0], masks[0, 1])
    encoder.precision = "float32"
    logits = network_logits(model, videos[0])
    assert "masks" not in encoder.__dict__  # prediction does not go through forward, so it cannot hide features
    whole = encoder(pair_clip(videos[0].poses, 0, len(videos[0].labels), (0, 1)))
    assert encoder.__dict__.pop("masks") == [None]
    embeddings = embed(encoder, videos[0].poses, (0, 1))
    torch.testing.assert_close(embeddings, whole[0], atol=1e-5, rtol=1e-5)
    # Dropout is off in prediction too.
    encoder.set_dropout(0.9)
    assert np.array_equal(network_logits(model, videos[0]), logits)


def test_hidden_features_do_not_change_the_embeddings(videos: list[LabelledPoses]) -> None:
    encoder = make().encoder
    clip = pair_clip(videos[0].poses, 0, 60, (0, 1))
    left = torch.ones(1, 1, encoder.features)
    assert torch.equal(encoder(clip, left), encoder(clip))
    left[..., 5:] = 0
    embeddings = encoder(clip, left)
    assert not torch.equal(embeddings, encoder(clip))
    encoder.mean[5:] += 1.0
    assert torch.equal(encoder(clip, left), embeddings)


USUAL = replace(FAST, tune="full")
CHANGES: dict[str, Any] = {
    "tune": "linear",
    "batch": 3,
    "clip_seconds": 1.0,
    "learning_rate": 0.01,
    "encoder_rate": 1.0,
    "weight_decay": 0.9,
    "average": 0.5,
    "dropout": 0.5,
    "drop_features": 0.5,
    "focal": 2.0,
    "label_smoothing": 0.3,
    "mixup": 0.5,
}
OF_CROSS_VALIDATION: dict[str, Any] = {"steps": 8, "folds": 2, "trees": 5}


def test_every_setting_is_tried() -> None:
    assert {field.name for field in fields(Supervision)} == {*CHANGES, *OF_CROSS_VALIDATION, "drop_labs"}


def test_hidden_laboratories_matter_where_laboratories_are_told_apart(videos: list[LabelledPoses]) -> None:
    of_labs = [replace(video, lab=lab) for video, lab in zip(videos, "aabb", strict=False)]

    def outcome(share: float) -> torch.Tensor:
        torch.manual_seed(0)
        model = Classifier(make().encoder, "linear", 2, ("a", "b"))
        train_classifier(model, of_labs, replace(USUAL, drop_labs=share), 0, "float32")
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    assert not torch.equal(outcome(0.0), outcome(1.0))


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_matters(name: str, videos: list[LabelledPoses]) -> None:
    uneven = [replace(labelled, labels=np.where(np.arange(150) < 120, labelled.labels, 0)) for labelled in videos]
    assert not torch.equal(trained(uneven, USUAL), trained(uneven, replace(USUAL, **{name: CHANGES[name]})))


@pytest.mark.parametrize("name", OF_CROSS_VALIDATION)
def test_every_setting_of_cross_validation_matters(name: str, videos: list[LabelledPoses]) -> None:
    few = replace(FAST, steps=4, trees=2)
    examples, embedded = tree_examples(videos), embed_all(make().encoder, videos)
    usual, other = (
        cross_validate(make(), videos, ("a", "b"), settings, 0, "float32", embedded, examples)
        for settings in (few, replace(few, **{name: OF_CROSS_VALIDATION[name]}))
    )
    assert any(not np.array_equal(a, b) for a, b in zip(usual, other, strict=True))
