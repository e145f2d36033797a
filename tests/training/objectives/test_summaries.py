import pytest
import torch
from torch import Tensor

from ssl_behavior.training.objectives.summaries import WINDOWS_S, Summaries, summaries


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def column(*values: float) -> Tensor:
    """(1, time, 1)."""
    return torch.tensor(values, dtype=torch.float32)[None, :, None]


def test_means_and_deviations_on_paper() -> None:
    """0, 1, ..., 10, summarised around frames 0, 5 and 10 over one and three frames to either side."""
    targets, is_target = summaries(column(*range(11)), torch.ones(1, 11, 1, dtype=torch.bool), [1, 3])
    expected = torch.tensor(
        [
            # At the ends there are fewer frames: 0, 1 and 0, 1, 2, 3.
            [0.5, 0.5, 1.5, 1.25**0.5],
            [5.0, (2 / 3) ** 0.5, 5.0, 2.0],
            [9.5, 0.5, 8.5, 1.25**0.5],
        ]
    )
    torch.testing.assert_close(targets[0], expected)
    assert is_target.all()


def test_features_do_not_mix() -> None:
    """Means of all features come before their deviations, window by window."""
    values = torch.randn(2, 12, 3, generator=generator())
    known = torch.rand(2, 12, 3, generator=generator(1)) < 0.8
    targets, is_target = summaries(values * known, known, [2, 4])
    for feature in range(3):
        only = slice(feature, feature + 1)
        alone, alone_sure = summaries((values * known)[..., only], known[..., only], [2, 4])
        torch.testing.assert_close(targets[..., feature::3], alone)
        assert torch.equal(is_target[..., feature::3], alone_sure)


def test_only_known_values_are_summarised() -> None:
    known = torch.tensor([True, False, True, True, False])[None, :, None]
    targets, is_target = summaries(column(4, 0, 2, 6, 0) * known, known, [4])
    torch.testing.assert_close(targets[0, 0], torch.tensor([4.0, (8 / 3) ** 0.5]))
    assert is_target.all()


@pytest.mark.parametrize(("seen", "counts"), [(0, False), (2, False), (3, True), (5, True)])
def test_a_window_too_little_known_does_not_count(seen: int, counts: bool) -> None:
    """Three of six frames are half of them."""
    known = (torch.arange(6) < seen)[None, :, None]
    assert bool(summaries(torch.ones(1, 6, 1) * known, known, [6])[1].all()) == counts
    # A window that does not count changes no loss.
    model, embeddings = Summaries(4, 1, 30.0), torch.randn(1, 6, 4, generator=generator())
    model.reaches = [6, 6]
    losses = [model(embeddings, value * torch.ones(1, 6, 1) * known, known) for value in (1.0, 2.0)]
    assert torch.equal(*losses) == (not counts)


def test_unseen_values_change_nothing() -> None:
    """Two series that agree where they are seen; the encoder gives 0 elsewhere."""
    known = torch.rand(2, 90, 3, generator=generator()) < 0.7
    values = torch.randn(2, 90, 3, generator=generator(1))
    model, embeddings = Summaries(4, 3, 30.0), torch.randn(2, 90, 4, generator=generator(2))
    losses = [model(embeddings, given.where(known, 0.0), known) for given in (values, values.where(known, 50.0))]
    assert torch.equal(*losses)
    assert not torch.equal(losses[0], model(embeddings, values.where(~known, 2.0).where(known, 0.0), known))


def test_a_perfect_decoder_loses_nothing() -> None:
    values = torch.randn(2, 90, 3, generator=generator())
    known = torch.ones_like(values, dtype=torch.bool)
    model = Summaries(4, 3, 30.0)
    target, _ = summaries(values, known, model.reaches)
    model.decoder = torch.nn.Identity()  # type: ignore[assignment]
    embeddings = target.repeat_interleave(5, 1)
    assert model(embeddings, values, known) == 0
    assert float(model(embeddings + 1, values, known)) == pytest.approx(0.5)
    assert float(model(embeddings + 3, values, known)) == pytest.approx(2.5)
    assert model(embeddings + 3, torch.zeros_like(values), torch.zeros_like(known)) == 0


@pytest.mark.parametrize("rate", [0.1, 15.0, 50.0])
def test_windows_are_seconds_and_not_frames(rate: float) -> None:
    assert Summaries(4, 3, rate).reaches == [max(1, round(seconds * rate)) for seconds in WINDOWS_S]


@pytest.mark.parametrize("frames", [1, 4, 5, 6, 61])
def test_clips_may_have_any_length(frames: int) -> None:
    values = torch.randn(2, frames, 3, generator=generator())
    model = Summaries(4, 3, 15.0)
    embeddings = torch.randn(2, frames, 4, generator=generator(1), requires_grad=True)
    loss = model(embeddings, values, torch.ones_like(values, dtype=torch.bool))
    loss.backward()
    assert loss.isfinite()
    assert embeddings.grad is not None
    assert embeddings.grad.isfinite().all()
    # One summary for every fifth frame.
    asked = embeddings.grad.abs().sum((0, 2)) > 0
    assert asked.nonzero().flatten().tolist() == list(range(0, frames, 5))
