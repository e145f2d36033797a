from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import torch

from ssl_behavior.errors import InputError
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import TCN, Architecture
from ssl_behavior.poses.augment import Augmentation
from ssl_behavior.poses.clips import ClipBatch
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.poses.sampling import ClipSampler
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.loop import fit
from ssl_behavior.training.objectives.masking import Masking
from ssl_behavior.training.objectives.pretraining import Objective, Pretraining, effective_rank
from ssl_behavior.training.schedule import Schedule

MICE = ("nose", "left ear", "right ear", "centre", "tail base")
FRAMES = 40


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def sampler(wander: Callable[..., Recording]) -> ClipSampler:
    return ClipSampler([prepare(wander(seed, frames=150, gaps=0.2), MICE, Preparation(30.0)) for seed in range(4)])


def make(objective: Objective, sampler: ClipSampler) -> Pretraining:
    torch.manual_seed(0)
    encoder = Encoder(MICE, Preparation(30.0), Architecture(channels=16, blocks=2, dropout=0.0))
    encoder.standardise([sampler.draw(16, FRAMES, generator())])
    return Pretraining(encoder, objective)


def draw(sampler: ClipSampler, objective: Objective, seed: int = 0, batch: int = 8) -> ClipBatch:
    return sampler.draw(batch, objective.augmentation.frames_needed(FRAMES), generator(seed))


@pytest.mark.parametrize("contrast", ["ntxent", "vicreg", "barlow_twins", "lejepa", "none"])
def test_loss_is_the_weighted_sum(contrast: Any, sampler: ClipSampler) -> None:
    objective = Objective(masked_weight=0.7, summaries_weight=0.4, contrast=contrast, contrast_weight=0.3)
    terms = make(objective, sampler)(draw(sampler, objective), FRAMES, generator())
    expected = 0.7 * terms["masked"] + 0.4 * terms["summaries"]
    if contrast != "none":
        expected = expected + 0.3 * terms["contrast"]
    torch.testing.assert_close(terms["loss"], expected)
    assert ("contrast" in terms) == (contrast != "none")
    assert all(term.isfinite() for term in terms.values())
    terms["loss"].backward()


@pytest.mark.parametrize("asked", ["masked", "summaries", "contrast"])
def test_a_loss_without_weight_has_no_module(asked: str, sampler: ClipSampler) -> None:
    weights = {f"{name}_weight": float(name == asked) for name in ("masked", "summaries", "contrast")}
    objective = Objective(contrast="ntxent", **weights)
    model = make(objective, sampler)
    terms = model(draw(sampler, objective), FRAMES, generator())
    assert set(terms) == {"loss", "rank", asked}
    assert torch.equal(terms["loss"], terms[asked])
    terms["loss"].backward()
    assert [name for name, parameter in model.named_parameters() if parameter.grad is None] == []


def test_same_generator_same_losses(sampler: ClipSampler) -> None:
    objective = Objective()
    model, clip = make(objective, sampler), draw(sampler, objective)
    losses = [float(model(clip, FRAMES, generator(seed))["loss"].detach()) for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("garbage", [7.0, 1e4])
def test_positions_of_unseen_keypoints_change_no_loss(garbage: float, sampler: ClipSampler) -> None:
    objective = Objective(contrast="ntxent")
    model, clip = make(objective, sampler), draw(sampler, objective)
    dirty = clip._replace(
        positions=clip.positions.where(clip.known[..., None], garbage),
        centre=clip.centre.where(clip.anchored[..., None], garbage),
    )
    clean, same = (model(batch, FRAMES, generator(1)) for batch in (clip, dirty))
    assert (~clip.known).any()
    assert {name: float(term.detach()) for name, term in clean.items()} == {
        name: float(term.detach()) for name, term in same.items()
    }


def test_two_views_for_contrast_and_one_without(sampler: ClipSampler, monkeypatch: pytest.MonkeyPatch) -> None:
    clips: list[int] = []
    usual = TCN.forward

    def count(self: TCN, values: torch.Tensor) -> torch.Tensor:
        clips.append(len(values))
        return usual(self, values)

    monkeypatch.setattr(TCN, "forward", count)
    for objective in (Objective(), Objective(contrast="vicreg"), Objective(contrast="vicreg", contrast_weight=0.0)):
        make(objective, sampler)(draw(sampler, objective, batch=5), FRAMES, generator())
    assert clips == [5, 10, 5]


USUAL = Objective(contrast="ntxent", masking=Masking(0.2, 0.2, 0.1, 0.3))
CHANGES: dict[str, Any] = {
    "masked_weight": 0.5,
    "summaries_weight": 0.5,
    "contrast": "vicreg",
    "contrast_weight": 0.9,
    "neighbourhood": 1.0,
    "masking": Masking(0.5, 0.2, 0.1, 0.3),
    "augmentation": Augmentation(jitter=0.3),
}


@pytest.mark.parametrize("name", [field.name for field in fields(Objective)])
def test_every_setting_matters(name: str, sampler: ClipSampler) -> None:
    clip = sampler.draw(8, 80, generator())
    losses = [
        float(make(objective, sampler)(clip, FRAMES, generator(1))["loss"].detach())
        for objective in (USUAL, replace(USUAL, **{name: CHANGES[name]}))
    ]
    assert losses[0] != losses[1]


def test_effective_rank_on_paper() -> None:
    rows = torch.randn(2, 2000, 1, generator=generator())
    assert float(effective_rank(rows * torch.ones(12))) == pytest.approx(1, abs=0.01)
    assert float(effective_rank(torch.randn(2, 2000, 12, generator=generator()))) == pytest.approx(12, abs=0.3)
    flat = torch.randn(2, 2000, 12, generator=generator()) * (torch.arange(12) < 3)
    assert float(effective_rank(flat)) == pytest.approx(3, abs=0.1)


def test_collapsed_embeddings_have_rank_1() -> None:
    """Also if the embeddings differ by rounding errors."""
    same = torch.randn(12, generator=generator()).expand(2, 500, 12)
    assert float(effective_rank(same)) == pytest.approx(1, abs=0.01)
    rounded = same + 1e-6 * torch.randn(2, 500, 12, generator=generator())
    assert float(effective_rank(rounded)) == pytest.approx(1, abs=0.01)


def test_weights_that_are_not_finite_are_reported_with_the_step(sampler: ClipSampler) -> None:
    objective = Objective()
    model = make(objective, sampler)
    with torch.no_grad():
        model.encoder.temporal.enter.weight.fill_(float("nan"))
    clip = draw(sampler, objective)
    with pytest.raises(InputError, match="at step 0"):
        fit(model, lambda g: model(clip, FRAMES, g), Schedule(3), seed=0, precision="float32")


def test_training_lowers_the_losses_on_held_out_clips(sampler: ClipSampler) -> None:
    objective = Objective()
    model = make(objective, sampler)
    aside = draw(sampler, objective, 77, batch=16)

    def losses_aside() -> dict[str, float]:
        with torch.no_grad():
            return {name: float(term) for name, term in model(aside, FRAMES, generator(3)).items()}

    before = losses_aside()
    fit(
        model,
        lambda g: model(sampler.draw(8, objective.augmentation.frames_needed(FRAMES), g), FRAMES, g),
        Schedule(60, 5e-3),
        seed=0,
        precision="float32",
    )
    after = losses_aside()
    for name in ("masked", "summaries"):
        assert after[name] < 0.9 * before[name]
