from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.clips import ClipBatch
from ssl_behavior.poses.features import feature_names
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.objectives.masking import MaskedModelling, Masking, mask, random_spans

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
RATE = 30.0
SOME = Masking(landmarks=0.3, animals=0.3, everything=0.0, seconds=0.3)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def clip(wander: Callable[..., Recording]) -> ClipBatch:
    poses = [prepare(wander(seed, frames=90), MICE, Preparation(30.0)) for seed in range(3)]
    return ClipSampler(poses).draw(8, 60, generator())


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    torch.manual_seed(0)
    return Encoder(MICE, Preparation(30.0), Architecture(channels=16, blocks=2))


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5, 1.0])
def test_the_hidden_share_is_about_as_set(share: float) -> None:
    hidden = random_spans(400, 300, share, 12.0, generator())
    assert hidden.shape == (400, 300)
    assert float(hidden.float().mean()) == pytest.approx(share, abs=0.02)
    # Every frame is equally likely.
    assert float((hidden[:, :20].float().mean() - hidden[:, -20:].float().mean()).abs()) < 0.05


@pytest.mark.parametrize("length", [1.0, 6.0, 20.0])
def test_spans_are_about_as_long_as_set(length: float) -> None:
    hidden = random_spans(400, 400, 0.1, length, generator())
    starts = hidden[:, 1:] & ~hidden[:, :-1]
    # A tenth of the spans touch another one, and count as one span with it.
    assert float(hidden[:, 1:].sum() / starts.sum()) == pytest.approx(length / 0.9, rel=0.15)


def test_masking_hides_and_never_shows(clip: ClipBatch) -> None:
    masked = mask(clip, SOME, RATE, generator())
    assert not (masked.known & ~clip.known).any()
    assert not masked.positions[~masked.known].any()
    assert torch.equal(masked.positions[masked.known], clip.positions[masked.known])
    left = float(masked.known.sum() / clip.known.sum())
    assert left == pytest.approx(0.7 * 0.7, abs=0.06)
    assert float(masked.anchored.sum() / clip.anchored.sum()) == pytest.approx(0.7, abs=0.1)


def test_hidden_positions_do_not_leak_into_the_kinematics(clip: ClipBatch, encoder: Encoder) -> None:
    masked = mask(clip, SOME, RATE, generator())
    gone, lost = clip.known & ~masked.known, clip.anchored & ~masked.anchored
    elsewhere = clip._replace(
        positions=clip.positions + 3 * gone[..., None],
        centre=clip.centre + 3 * lost[..., None],
        heading=clip.heading.where(~lost[..., None], clip.heading.flip(-1)),
    )
    values, known = encoder.kinematics(masked)
    other, other_known = encoder.kinematics(mask(elsewhere, SOME, RATE, generator()))
    assert gone.any()
    assert lost.any()
    assert torch.equal(values, other)
    assert torch.equal(known, other_known)
    assert not torch.equal(encoder.kinematics(clip)[0], encoder.kinematics(elsewhere)[0])


def test_a_hidden_animal_leaves_nothing_of_itself(clip: ClipBatch, encoder: Encoder) -> None:
    masked = mask(clip, Masking(landmarks=0.0, animals=1.0, everything=0.0), RATE, generator())
    values, known = encoder.kinematics(masked)
    seen = torch.tensor([name.endswith("seen") for name in feature_names(MICE)])
    assert not known[..., ~seen].any()
    assert not values.any()


def test_a_perfect_decoder_loses_nothing() -> None:
    model = MaskedModelling(4, 3)
    target = torch.randn(2, 5, 3, generator=generator())
    hidden = torch.rand(2, 5, 3, generator=generator()) < 0.5
    model.decoder = torch.nn.Identity()  # type: ignore[assignment]
    assert model(target, target, hidden) == 0
    assert float(model(target + 1, target, hidden)) == pytest.approx(0.5)
    assert float(model(target + 3, target, hidden)) == pytest.approx(2.5)


def test_only_hidden_values_count() -> None:
    model = MaskedModelling(4, 3)
    embeddings, target = torch.randn(2, 5, 4, generator=generator()), torch.zeros(2, 5, 3)
    hidden = torch.rand(2, 5, 3, generator=generator(1)) < 0.5
    loss = model(embeddings, target, hidden)
    assert torch.equal(model(embeddings, target.where(hidden, 1e6), hidden), loss)
    assert not torch.equal(model(embeddings, target.where(~hidden, 1.0), hidden), loss)
    assert model(embeddings, target, torch.zeros_like(hidden)) == 0


CHANGES = {"landmarks": 0.6, "animals": 0.6, "everything": 0.6, "seconds": 1.0}


@pytest.mark.parametrize("name", [field.name for field in fields(Masking)])
def test_every_setting_matters(name: str, clip: ClipBatch) -> None:
    usual, other = (
        mask(clip, settings, RATE, generator()) for settings in (SOME, replace(SOME, **{name: CHANGES[name]}))
    )
    assert not torch.equal(usual.known, other.known)


def whole(rows: int, frames: int) -> ClipBatch:
    """Clips in which everything is known."""
    known = torch.ones(rows, frames, 2, 1, dtype=torch.bool)
    return ClipBatch(
        torch.zeros(rows, frames, 2, 1, 2), known, known, *torch.zeros(2, rows, frames, 2, 2), known[..., 0]
    )


def test_everything_is_both_animals_in_the_same_frames() -> None:
    only = Masking(landmarks=0.0, animals=0.0, everything=0.3, seconds=0.5)
    anchored = mask(whole(200, 300), only, RATE, generator()).anchored
    assert torch.equal(anchored[..., 0], anchored[..., 1])
    assert float(anchored.float().mean()) == pytest.approx(0.7, abs=0.03)
    # Single animals are still hidden besides.
    each = mask(whole(200, 300), replace(only, animals=0.2), RATE, generator()).anchored
    assert float(each.float().mean()) == pytest.approx(0.7 * 0.8, abs=0.03)
    assert float((each[..., 0] & each[..., 1]).float().mean()) == pytest.approx(0.7 * 0.8**2, abs=0.03)


def test_spans_are_seconds_and_not_frames() -> None:
    clip = whole(40, 400)
    runs = []
    for rate in (10.0, 40.0):
        settings = Masking(landmarks=0.0, animals=0.3, everything=0.0, seconds=0.5)
        known = mask(clip, settings, rate, generator()).known[..., 0]
        runs.append(float((~known).sum() / (known[:, :-1] & ~known[:, 1:]).sum()))
    assert runs[1] / runs[0] == pytest.approx(4, rel=0.25)
