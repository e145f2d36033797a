from typing import get_args

import pytest
import torch
from torch import Tensor

from ssl_behavior.training.objectives.contrast import Contrast, ContrastLoss

LOSSES = get_args(ContrastLoss)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def value(model: Contrast, first: Tensor, second: Tensor) -> Tensor:
    # LeJEPA draws its slices from the global generator.
    torch.manual_seed(0)
    return model(first, second, generator(5))


@pytest.fixture
def views() -> tuple[Tensor, Tensor]:
    embeddings = torch.randn(8, 40, 16, generator=generator())
    return embeddings, embeddings + 0.05 * torch.randn(8, 40, 16, generator=generator(1))


def make(loss: ContrastLoss, neighbourhood: int = 0) -> Contrast:
    torch.manual_seed(0)
    return Contrast(16, loss, neighbourhood)


@pytest.mark.parametrize("loss", LOSSES)
def test_matching_views_have_a_lower_loss(loss: ContrastLoss, views: tuple[Tensor, Tensor]) -> None:
    first, second = views
    model = make(loss)
    matching = value(model, first, second)
    shuffled = value(model, first, second.roll(1, 0))
    assert matching.ndim == 0
    assert matching.isfinite()
    assert float(matching.detach()) < float(shuffled.detach())


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_reach_both_views(loss: ContrastLoss, views: tuple[Tensor, Tensor]) -> None:
    first, second = (view.clone().requires_grad_() for view in views)
    value(make(loss), first, second).backward()
    for view in (first, second):
        assert view.grad is not None
        assert view.grad.isfinite().all()
        assert view.grad.abs().sum() > 0


@pytest.mark.parametrize("loss", LOSSES)
def test_a_wider_neighbourhood_of_different_frames_has_a_higher_loss(
    loss: ContrastLoss, views: tuple[Tensor, Tensor]
) -> None:
    near, far = (float(value(make(loss, reach), *views).detach()) for reach in (0, 10))
    assert near < far


def test_same_generator_same_loss(views: tuple[Tensor, Tensor]) -> None:
    model = make("ntxent", 3)
    assert torch.equal(value(model, *views), value(model, *views))
    assert not torch.equal(model(*views, generator(1)), model(*views, generator(2)))


def test_neighbours_stay_inside_the_clip() -> None:
    """Two frames per clip and a neighbourhood far wider than that."""
    embeddings = torch.randn(8, 2, 16, generator=generator())
    assert make("ntxent", 50)(embeddings, embeddings, generator()).isfinite()


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(ValueError, match="triplet"):
        Contrast(16, "triplet", 0)  # type: ignore[arg-type]
