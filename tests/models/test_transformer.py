from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.transformer import (
    AttentionBlock,
    Transformer,
    attention_mask,
    rotary_angles,
    rotate,
    with_adjacent_blocks,
)
from ssl_behavior.poses.augment import hide_animals
from ssl_behavior.poses.clips import pair_clip
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording

SMALL = Architecture(channels=16, blocks=2, dropout=0.0, kind="transformer", heads=2, window=6)
KINEMATICS, FLAGS = 5, 3


@pytest.fixture
def network() -> Transformer:
    torch.manual_seed(0)
    return Transformer(KINEMATICS + FLAGS, FLAGS, SMALL).eval()


def inputs(frames: int, seed: int = 0, batch: int = 2) -> Tensor:
    return torch.randn(batch, frames, KINEMATICS + FLAGS, generator=torch.Generator().manual_seed(seed))


def unknown(frames: int, batch: int = 2) -> Tensor:
    """Nothing is seen, and the standardised flags say so with numbers other than 0."""
    return torch.cat([torch.zeros(batch, frames, KINEMATICS), torch.full((batch, frames, FLAGS), -3.0)], -1)


def dense(block: AttentionBlock, x: Tensor, known: Tensor) -> Tensor:
    """The same block with every frame against every other, positions as powers of complex numbers."""
    frames = x.shape[1]
    q, k, v = block.project(block.attention_norm(x)).unflatten(-1, (3, block.heads, -1)).permute(2, 0, 3, 1, 4)
    half = q.shape[-1] // 2
    speeds = 10000 ** (-torch.arange(half) / half)
    angle = torch.arange(frames)[:, None] * speeds
    rotation = torch.polar(torch.ones_like(angle), angle)
    q, k = (torch.complex(*part.chunk(2, -1)) * rotation for part in (q, k))
    scores = torch.einsum("bhic,bhjc->bhij", q, k.conj()).real / (2 * half) ** 0.5
    distance = (torch.arange(frames) - torch.arange(frames)[:, None]).abs()
    allowed = ((distance <= block.window) & known[:, None, :]) | (distance == 0)
    weights = scores.masked_fill(~allowed[:, None], float("-inf")).softmax(-1)
    x = x + block.gather((weights @ v).transpose(1, 2).flatten(2))
    return x + block.mix(torch.nn.functional.gelu(block.widen(block.mix_norm(x))))


def test_attention_in_blocks_is_dense_attention_within_a_window() -> None:
    torch.manual_seed(0)
    block, x = AttentionBlock(16, 2, 6, 0.0), torch.randn(3, 30, 16)
    known = torch.rand(3, 30) < 0.7
    known[0, 5:25] = False  # longer than any window: some frames are left with themselves
    attended = block(x, attention_mask(known, 6), rotary_angles(x, 8, 6))
    torch.testing.assert_close(attended, dense(block, x, known), atol=1e-5, rtol=1e-5)


def test_adjacent_blocks_on_paper() -> None:
    around = with_adjacent_blocks(torch.arange(1, 7)[None], 2)[0]
    assert around.tolist() == [[0, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 0, 0]]


def test_a_rotation_keeps_lengths_and_encodes_distance_only() -> None:
    q, k = torch.randn(2, 8)
    cosines, sines = rotary_angles(q, 8, 10)
    at = [(rotate(q[None, None], cosines[i], sines[i]), rotate(k[None, None], cosines[i], sines[i])) for i in range(30)]
    torch.testing.assert_close(at[17][0].norm(), q.norm())
    torch.testing.assert_close((at[3][0] * at[9][1]).sum(), (at[20][0] * at[26][1]).sum(), atol=1e-4, rtol=1e-4)
    assert abs((at[3][0] * at[9][1]).sum() - (at[3][0] * at[3][1]).sum()) > 1e-3


@pytest.mark.parametrize("frames", [5, 12, 29])
@pytest.mark.parametrize("padding", [1, 6, 40])
def test_padding_changes_nothing(network: Transformer, frames: int, padding: int) -> None:
    x = inputs(frames)
    padded = network(torch.cat([x, unknown(padding)], 1))
    torch.testing.assert_close(padded[:, :frames], network(x), atol=1e-5, rtol=1e-5)


def test_unknown_frames_change_no_other_frame(network: Transformer) -> None:
    """Neither do their flags, nor the known frames of another clip of the batch."""
    x = inputs(40)
    x[0, 10:14], x[0, 30], x[1, :25] = unknown(4)[0], unknown(1)[0, 0], unknown(25)[0]
    other = x.clone()
    other[..., KINEMATICS:] = torch.where(x[..., :1] == 0, 2.0, x[..., KINEMATICS:])
    unknown_frames = x[..., 0] == 0
    embedded, changed = network(x), network(other)
    assert torch.equal(embedded[~unknown_frames], changed[~unknown_frames])
    assert not torch.isclose(embedded[unknown_frames], changed[unknown_frames]).all()
    assert embedded.isfinite().all()


def test_a_frame_in_a_gap_is_embedded_from_those_around(network: Transformer) -> None:
    x = inputs(40)
    x[:, 18:21] = unknown(3)
    other = x.clone()
    other[:, 25] += 1
    assert (network(x) - network(other))[:, 19].abs().max() > 1e-4


def test_a_clip_without_known_frames_has_finite_embeddings_and_gradients(network: Transformer) -> None:
    embedded = network.train()(unknown(20))
    embedded.square().sum().backward()
    assert embedded.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def saved_for_backward(network: Transformer, frames: int) -> int:
    """Numbers that a forward pass keeps in memory for the backward pass."""
    sizes: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network(inputs(frames))
    return sum(sizes)


def test_memory_grows_with_the_length_and_not_its_square(network: Transformer) -> None:
    weights = sum(parameter.numel() for parameter in network.parameters())
    short, long = (saved_for_backward(network, frames) for frames in (120, 1200))
    assert long < 10 * short
    assert long > 9 * (short - 3 * weights)


def test_bfloat16_is_near_float32(network: Transformer) -> None:
    x = inputs(50)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(x)
    torch.testing.assert_close(rough.float(), network(x), atol=0.1, rtol=0)


def test_the_encoder_treats_hidden_animals_as_unknown(wander: Callable[..., Recording]) -> None:
    """Exactly the frames in which neither animal is seen."""
    torch.manual_seed(0)
    settings = Preparation(frame_rate=30.0)
    encoder = Encoder(("nose", "centre", "tail base"), settings, SMALL).eval()
    encoder.mean += 0.3  # the flags of an unseen frame are then not 0
    clip = pair_clip(prepare(wander(2, gaps=0.0), encoder.landmarks, settings), 0, 60, (0, 1))
    hidden = torch.zeros(1, 60, dtype=torch.bool)
    hidden[:, 30:40] = True
    masked = hide_animals(clip, hidden[..., None].expand(-1, -1, 2))
    values, _ = encoder.kinematics(masked)
    nothing = (values[..., : -2 * 3] == 0).all(-1)
    assert torch.equal(nothing, hidden)
