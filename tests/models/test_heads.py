import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.heads import HeadKind, LinearHead, TemporalHead, classification_loss, make_head
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.training.supervised import class_weights


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(3, 20, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.randint(-1, 4, (3, 20), generator=torch.Generator().manual_seed(1))


def one_hot(labels: torch.Tensor) -> torch.Tensor:
    return F.one_hot(labels.clamp(min=0), 4).float() * (labels >= 0)[..., None]


EQUAL = torch.ones(4)


@pytest.mark.parametrize("weights", [EQUAL, torch.tensor([0.5, 2.0, 1.0, 0.1])])
def test_plain_loss_is_weighted_cross_entropy_per_scored_frame(
    weights: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor
) -> None:
    total = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), weights, ignore_index=-1, reduction="sum")
    torch.testing.assert_close(classification_loss(logits, one_hot(labels), weights), total / (labels >= 0).sum())


def test_over_many_batches_every_behaviour_has_the_same_share_of_the_loss() -> None:
    # One frame in fifty is of behaviour 2, so that most batches of 20 frames hold none. The guesses are all equal.
    rng, shares = np.random.default_rng(0), np.array([0.7, 0.28, 0.02])
    weights, target = class_weights(shares), torch.eye(3)
    loss_of = np.zeros(3)
    for labels in rng.choice(3, (4000, 20), p=shares):
        logits = torch.zeros(20, 3, requires_grad=True)
        classification_loss(logits, target[labels], weights).backward()
        assert logits.grad is not None
        for behaviour in range(3):  # how far each behaviour's own frames pull
            loss_of[behaviour] -= float(logits.grad[labels == behaviour, behaviour].sum())
    np.testing.assert_allclose(loss_of / loss_of.sum(), 1 / 3, atol=0.02)


def test_smoothed_loss_is_torchs(logits: torch.Tensor, labels: torch.Tensor) -> None:
    expected = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-1, label_smoothing=0.2)
    torch.testing.assert_close(classification_loss(logits, one_hot(labels), EQUAL, smoothing=0.2), expected)


def test_soft_targets_are_torchs(logits: torch.Tensor) -> None:
    target = torch.softmax(torch.randn(3, 20, 4, generator=torch.Generator().manual_seed(2)), -1)
    expected = F.cross_entropy(logits.flatten(0, 1), target.flatten(0, 1))
    torch.testing.assert_close(classification_loss(logits, target, EQUAL), expected)


@pytest.mark.parametrize(("focal", "smoothing"), [(0.0, 0.0), (2.0, 0.0), (0.0, 0.1), (2.0, 0.1)])
def test_unscored_frames_do_not_count(
    focal: float, smoothing: float, logits: torch.Tensor, labels: torch.Tensor
) -> None:
    scored = labels >= 0
    loss = classification_loss(logits, one_hot(labels), EQUAL, focal, smoothing)
    elsewhere = logits.where(scored[..., None], 50.0 * torch.arange(4))
    assert torch.equal(classification_loss(elsewhere, one_hot(labels), EQUAL, focal, smoothing), loss)
    alone = classification_loss(logits[scored], one_hot(labels[scored]), EQUAL, focal, smoothing)
    torch.testing.assert_close(alone, loss)


def test_nothing_scored_is_no_loss(logits: torch.Tensor) -> None:
    assert classification_loss(logits, torch.zeros_like(logits), EQUAL) == 0


def test_focal_loss_on_paper() -> None:
    # Probabilities 1/2 and 3/4 of the true class.
    logits = torch.tensor([[0.0, 0.0], [3.0, 1.0]]).log().nan_to_num(neginf=0.0)
    logits[0] = 0
    target = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    expected = -(0.25 * torch.tensor(0.5).log() + 0.0625 * torch.tensor(0.75).log()) / 2
    torch.testing.assert_close(classification_loss(logits, target, torch.ones(2), focal=2.0), expected)


def test_focal_loss_has_gradients_where_a_frame_is_sure() -> None:
    logits = torch.tensor([[60.0, -60.0]], requires_grad=True)
    classification_loss(logits, torch.tensor([[1.0, 0.0]]), torch.ones(2), focal=0.5).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(("kind", "cls"), [("linear", LinearHead), ("temporal", TemporalHead)])
def test_heads(kind: HeadKind, cls: type) -> None:
    torch.manual_seed(0)
    head = make_head(kind, 16, 3).eval()
    assert isinstance(head, cls)
    embeddings = torch.randn(2, 50, 16)
    logits = head(embeddings)
    assert logits.shape == (2, 50, 3)
    embeddings[:, 25] += 1
    changed = (head(embeddings) - logits).abs().sum((0, 2)) > 0
    # A linear head sees one frame, a temporal one its surroundings.
    assert int(changed.sum()) == (1 if kind == "linear" else 50)


def test_classifier_is_encoder_and_head() -> None:
    encoder = Encoder(("nose", "tail base"), Preparation(), Architecture(channels=8, blocks=1))
    model = Classifier(encoder, "linear", 5)
    assert model.head.score.weight.shape == (5, 8)  # type: ignore[union-attr]
    assert {name.split(".")[0] for name, _ in model.named_parameters()} == {"encoder", "head"}
