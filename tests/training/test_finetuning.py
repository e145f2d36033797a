from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from ssl_behavior.decoding import balancing_weights
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.labelled import LabelledPoses, frequencies
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.scoring.frames import macro_f1
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.cross_validation import fit_calibrated_decoder
from ssl_behavior.training.finetuning import FinetuneResult, finetune_encoder, fresh_encoder
from ssl_behavior.training.supervised import Supervision

LANDMARKS = shared_landmarks([SKELETON])
FEW = Supervision(steps=3, batch=4, clip_seconds=2.0, trees=3)
OTHER = BEHAVIOURS.index("other")


def make(seed: int = 5) -> Encoder:
    torch.manual_seed(seed)
    return Encoder(LANDMARKS, Preparation(), Architecture(8, 2)).eval()


def labelled(count: int, frames: int, seed: int) -> list[LabelledPoses]:
    recordings = simulate_recordings(count, seed=seed, frames=frames)
    poses = [prepare(recording, LANDMARKS, Preparation()) for recording in recordings]
    return [
        LabelledPoses(video, recording.labels[CHANNEL].values[video.native_frames], ((0, 1),))
        for video, recording in zip(poses, recordings, strict=True)
    ]


@pytest.fixture(scope="module")
def videos() -> list[LabelledPoses]:
    """Four videos that show two behaviours or more."""
    chosen = [video for video in labelled(8, 500, seed=3) if len(np.unique(video.labels)) > 1][:4]
    assert len(chosen) == 4
    return chosen


@pytest.fixture(scope="module")
def learned(videos: list[LabelledPoses]) -> FinetuneResult:
    return finetune_encoder(make(), videos, BEHAVIOURS, FEW, 0, "float32")


def weights(learned: FinetuneResult) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in learned.model.classifiers[0].parameters()])


def test_the_result_holds_a_model_a_decoder_and_held_out_videos(
    videos: list[LabelledPoses], learned: FinetuneResult
) -> None:
    assert [logits.shape for logits in learned.held_out_logits] == [(250, 4)] * 4
    assert learned.calibrated_decoder.frequencies == tuple(frequencies(videos, 4))
    assert [video.id for video in learned.held_out_videos] == [video.poses.id for video in videos]
    assert not learned.model.classifiers[0].training
    assert learned.model.encoder.precision == "float32"
    probabilities = learned.calibrated_decoder.probabilities(learned.model.logits(videos[0]))
    # Labels are at the recording's own rate, twice that of the poses.
    labels = learned.label(videos[0])
    assert len(labels) == videos[0].poses.frames == 500
    np.testing.assert_array_equal(labels[::2], learned.calibrated_decoder.decoder.decode(probabilities, 15.0))


def test_the_encoder_is_left_as_it_is(videos: list[LabelledPoses]) -> None:
    encoder = make()
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    result = finetune_encoder(encoder, videos[:2], BEHAVIOURS, FEW, 0, "float32")
    assert all(torch.equal(before[name], tensor) for name, tensor in encoder.state_dict().items())
    assert not torch.equal(result.model.encoder.temporal.enter.weight, encoder.temporal.enter.weight)


def test_a_single_video_is_neither_calibrated_nor_cross_validated(videos: list[LabelledPoses]) -> None:
    result = finetune_encoder(make(), videos[:1], BEHAVIOURS, FEW, 0, "float32")
    assert result.held_out_logits == result.held_out_videos == []
    assert result.calibrated_decoder.temperature == 1
    assert result.calibrated_decoder.decoder.behaviour_weights == balancing_weights(frequencies(videos[:1], 4))
    assert result.calibrated_decoder.decoder.smoothing_s > 0
    assert result.model.trees


@pytest.mark.parametrize("tune", ["linear", "temporal", "full"])
def test_the_model_has_trees_only_if_asked_and_the_same_network_either_way(
    tune: str, videos: list[LabelledPoses]
) -> None:
    settings = replace(FEW, tune=tune)  # type: ignore[arg-type]
    both, alone = (
        finetune_encoder(make(), videos[:2], BEHAVIOURS, replace(settings, trees=trees), 0, "float32")
        for trees in (3, 0)
    )
    assert both.model.trees
    assert not alone.model.trees
    assert torch.equal(weights(both), weights(alone))
    assert not np.array_equal(both.held_out_logits[0], alone.held_out_logits[0])


def test_same_seed_same_model(videos: list[LabelledPoses], learned: FinetuneResult) -> None:
    again, other = (finetune_encoder(make(), videos, BEHAVIOURS, FEW, seed, "float32") for seed in (0, 1))
    assert torch.equal(weights(again), weights(learned))
    assert np.array_equal(again.label(videos[0]), learned.label(videos[0]))
    assert all(np.array_equal(a, b) for a, b in zip(again.held_out_logits, learned.held_out_logits, strict=True))
    assert not torch.equal(weights(other), weights(learned))


def test_from_scratch_the_pretrained_weights_and_their_rate_do_not_matter(videos: list[LabelledPoses]) -> None:
    first, second = make(), make(6)
    second.mean += 3
    results = [
        finetune_encoder(
            encoder, videos[:2], BEHAVIOURS, replace(FEW, encoder_rate=rate), 0, "float32", from_scratch=True
        )
        for encoder, rate in ((first, 0.3), (second, 1.0))
    ]
    assert torch.equal(*(weights(result) for result in results))
    assert not torch.equal(
        weights(results[0]), weights(finetune_encoder(first, videos[:2], BEHAVIOURS, FEW, 0, "float32"))
    )


def test_a_fresh_encoder_depends_only_on_the_labelled_videos_means(videos: list[LabelledPoses]) -> None:
    usual = fresh_encoder(make(), videos, 0)
    assert (usual.landmarks, usual.preparation, usual.architecture) == (LANDMARKS, Preparation(), Architecture(8, 2))
    assert not torch.equal(usual.temporal.enter.weight, make().temporal.enter.weight)
    elsewhere = fresh_encoder(make(), videos[:1], 0)
    assert torch.equal(usual.temporal.enter.weight, elsewhere.temporal.enter.weight)
    assert not torch.equal(usual.mean, elsewhere.mean)
    assert not usual.training
    assert not torch.equal(fresh_encoder(make(), videos, 1).temporal.enter.weight, usual.temporal.enter.weight)


def test_a_video_is_decoded_with_what_was_fitted_to_others(
    videos: list[LabelledPoses], learned: FinetuneResult
) -> None:
    """Other labels of a video change how other videos are decoded, but not how it is itself."""
    other = [replace(videos[0], labels=np.full_like(videos[0].labels, OTHER)), *videos[1:]]
    (usual, decoded), (changed, decoded_again) = (
        fit_calibrated_decoder(learned.held_out_logits, labelled, BEHAVIOURS, 15.0) for labelled in (videos, other)
    )
    np.testing.assert_array_equal(decoded_again[0].probabilities, decoded[0].probabilities)
    np.testing.assert_array_equal(decoded_again[0].predicted, decoded[0].predicted)
    assert not np.array_equal(decoded_again[1].probabilities, decoded[1].probabilities)
    assert usual.frequencies != changed.frequencies


def held_out_score(videos: Sequence[LabelledPoses]) -> tuple[float, float]:
    """Macro F1 of held-out logits, and the best that these guesses reach against labels of other moments."""
    settings = replace(FEW, tune="linear", steps=40, learning_rate=0.02, trees=12)
    result = finetune_encoder(make(), videos, BEHAVIOURS, settings, 0, "float32")
    guesses = [logits.argmax(1) for logits in result.held_out_logits]
    truth = np.concatenate([video.labels for video in videos])
    rng = np.random.default_rng(0)
    chance = [
        macro_f1(truth, np.concatenate([np.roll(labels, rng.integers(len(labels))) for labels in guesses]), BEHAVIOURS)
        for _ in range(40)
    ]
    return macro_f1(truth, np.concatenate(guesses), BEHAVIOURS), max(chance)


def test_shuffled_labels_fall_to_chance() -> None:
    """Each video with the labels of the next: nothing is left to learn, and nothing leaks."""
    videos = labelled(6, 1200, seed=5)
    shuffled = [replace(video, labels=videos[i - 1].labels) for i, video in enumerate(videos)]
    score, chance = held_out_score(videos)
    assert score > 1.1 * chance
    score, chance = held_out_score(shuffled)
    assert score < 1.1 * chance
