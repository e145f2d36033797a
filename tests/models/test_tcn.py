import torch
from torch.nn import functional as F

from ssl_behavior.models.tcn import TCN, Architecture, Block, drop_channels

SMALL = Architecture(channels=16, blocks=3)


def test_temporal_keeps_the_frames() -> None:
    assert TCN(5, SMALL)(torch.randn(2, 3, 5)).shape == (2, 3, 16)


def test_a_block_is_a_dilated_convolution() -> None:
    torch.manual_seed(0)
    block, x = Block(8, 4, 0.3).eval(), torch.randn(2, 30, 8)
    normed = F.layer_norm(x, (8,), block.norm.weight, block.norm.bias)
    kernel = block.convolve.weight.unflatten(1, (3, 8)).transpose(1, 2)
    convolved = F.conv1d(normed.transpose(1, 2), kernel, block.convolve.bias, padding=4, dilation=4)
    torch.testing.assert_close(block(x), x + block.mix(F.gelu(convolved.transpose(1, 2))))


def test_unknown_frames_are_zeros_to_their_neighbours() -> None:
    """Frames before them are as if the clip ended there."""
    torch.manual_seed(0)
    block, x = Block(8, 4, 0.0), torch.randn(2, 30, 8)
    known = torch.arange(30)[None, :, None].expand(2, -1, -1) < 20
    torch.testing.assert_close(block(x, known)[:, :20], block(x[:, :20]))
    assert torch.equal(block(x, torch.ones(2, 30, 1, dtype=torch.bool)), block(x))


def test_channels_are_dropped_whole() -> None:
    dropped = drop_channels(torch.ones(64, 50, 16), 0.25, training=True)
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert abs(float((dropped[:, 0] == 0).float().mean()) - 0.25) < 0.06
    assert torch.equal(drop_channels(dropped, 0.25, training=False), dropped)


def test_reach_on_paper() -> None:
    assert SMALL.reach == 1 + 2 + 4
    assert Architecture(blocks=2, kind="transformer", window=7).reach == 1 + 2 + 4 + 8 + 2 * 7
    assert Architecture(blocks=8, kind="transformer", window=32).reach == 271
