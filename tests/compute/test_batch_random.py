import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssl_behavior.compute import batch_random
from ssl_behavior.models.tcn import drop_channels


def drawn(rows: int) -> list[Tensor]:
    """Numbers of every kind for clips of two rows each."""
    generator = torch.Generator().manual_seed(3)
    torch.manual_seed(4)
    return [
        batch_random.rand(2 * rows, generator=generator, dtype=torch.float64),
        batch_random.randn(2 * rows, 3, generator=generator),
        batch_random.randint(-5, 6, 2 * rows, 3, 4, generator=generator),
        drop_channels(torch.ones(rows, 2, 8), 0.3, training=True),
        torch.rand(5, generator=generator),
        torch.rand(5),
    ]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_parts_are_together_the_whole(count: int) -> None:
    whole = drawn(6)
    parts = []
    for index in range(count):
        with batch_random.part(index, count):
            parts.append(drawn(6 // count))
    for i in range(4):
        assert torch.equal(torch.cat([one[i] for one in parts]), whole[i])
    # What no clip has to itself goes on alike everywhere.
    for one in parts:
        assert torch.equal(one[4], whole[4])
        assert torch.equal(one[5], whole[5])


def test_views_are_parted_each() -> None:
    generator = torch.Generator().manual_seed(0)
    whole = batch_random.rand(12, 2, generator=generator).reshape(2, 3, 2, 2)  # view, part, clip
    for index in range(3):
        generator.manual_seed(0)
        with batch_random.part(index, 3), batch_random.views(2):
            assert torch.equal(batch_random.rand(4, 2, generator=generator), whole[:, index].reshape(4, 2))


def test_nothing_is_parted_afterwards() -> None:
    with pytest.raises(KeyError), batch_random.part(1, 2), batch_random.views(2):
        raise KeyError
    assert torch.equal(batch_random.own(torch.arange, 4), torch.arange(4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropped_channels_are_those_of_torch(dtype: torch.dtype) -> None:
    x = torch.randn(4, 7, 16, dtype=dtype)
    torch.manual_seed(0)
    ours = drop_channels(x, 0.4, training=True)
    torch.manual_seed(0)
    assert torch.equal(ours, F.dropout1d(x.transpose(1, 2), 0.4).transpose(1, 2))
    assert torch.equal(drop_channels(x, 0.4, training=False), x)
