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


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_the_shards_are_together_the_whole(world_size: int) -> None:
    whole = drawn(6)
    shards = []
    for rank in range(world_size):
        with batch_random.shard(rank, world_size):
            shards.append(drawn(6 // world_size))
    for i in range(4):
        assert torch.equal(torch.cat([numbers[i] for numbers in shards]), whole[i])
    # Numbers that belong to no clip are the same in every process.
    for numbers in shards:
        assert torch.equal(numbers[4], whole[4])
        assert torch.equal(numbers[5], whole[5])


def test_every_view_is_sharded() -> None:
    generator = torch.Generator().manual_seed(0)
    whole = batch_random.rand(12, 2, generator=generator).reshape(2, 3, 2, 2)  # view, shard, clip
    for rank in range(3):
        generator.manual_seed(0)
        with batch_random.shard(rank, 3), batch_random.views(2):
            assert torch.equal(batch_random.rand(4, 2, generator=generator), whole[:, rank].reshape(4, 2))


def test_an_error_in_the_block_ends_the_sharding() -> None:
    with pytest.raises(KeyError), batch_random.shard(1, 2), batch_random.views(2):
        raise KeyError
    assert torch.equal(batch_random.draw_shard(torch.arange, 4), torch.arange(4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropped_channels_are_those_of_torch(dtype: torch.dtype) -> None:
    x = torch.randn(4, 7, 16, dtype=dtype)
    torch.manual_seed(0)
    ours = drop_channels(x, 0.4, training=True)
    torch.manual_seed(0)
    assert torch.equal(ours, F.dropout1d(x.transpose(1, 2), 0.4).transpose(1, 2))
    assert torch.equal(drop_channels(x, 0.4, training=False), x)
