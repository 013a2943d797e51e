from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tasks.base import IGNORED
from tasks.heads.losses import LabelLoss

N, L = 30, 4
WEIGHTS = [0.5, 2.0, 1.0, 7.0]


def batch(kind: torch.dtype = torch.double) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    labels_N = torch.randint(L, (N,))
    labels_N[[3, 17]] = IGNORED
    return (3 * torch.randn(N, L, dtype=kind)).requires_grad_(), labels_N


def sets() -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    return (3 * torch.randn(N, L, dtype=torch.double)).requires_grad_(), torch.randint(2, (N, L))


def same(ours: Tensor, theirs: Tensor, logits: Tensor) -> None:
    """Loss and gradient."""
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss, logits, retain_graph=True)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_weights_are_those_of_torch_over_the_number_of_labels(smoothing: float):
    logits, labels = batch()
    ours = LabelLoss(label_smoothing=smoothing, weights=WEIGHTS).of_one(logits, labels)
    options = {"weight": torch.tensor(WEIGHTS).double(), "label_smoothing": smoothing, "ignore_index": IGNORED}
    same(ours, F.cross_entropy(logits, labels, reduction="sum", **options) / (N - 2), logits)


def test_over_all_of_train_balanced_weights_make_the_weighted_mean_of_torch():
    logits, labels = batch()
    counts = torch.bincount(labels[labels != IGNORED], minlength=L)
    balanced = (N - 2) / (L * counts)
    ours = LabelLoss(weights=balanced.tolist()).of_one(logits, labels)
    theirs = F.cross_entropy(logits, labels, weight=balanced.double(), ignore_index=IGNORED)
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)


@pytest.mark.parametrize(
    ("smoothing", "gamma", "weights"), [(0.0, 2.0, None), (0.0, 0.5, WEIGHTS), (0.2, 1.0, WEIGHTS)]
)
def test_the_focal_loss_by_hand(smoothing: float, gamma: float, weights: list[float] | None):
    logits, labels = batch()
    ours = LabelLoss(label_smoothing=smoothing, focal_gamma=gamma, weights=weights).of_one(logits, labels)
    p_NL = logits.softmax(1)
    by_hand = torch.zeros((), dtype=torch.double)
    for n, label in enumerate(labels.tolist()):
        for c in range(L) if label != IGNORED else ():
            q = (1 - smoothing) * (c == label) + smoothing / L
            by_hand = by_hand - (weights or [1.0] * L)[c] * q * (1 - p_NL[n, c]) ** gamma * p_NL[n, c].log()
    same(ours, by_hand / (N - 2), logits)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_without_focus_the_formula_of_the_focal_loss_is_cross_entropy(weights: list[float] | None):
    logits, labels = batch()
    losses = (LabelLoss(label_smoothing=0.1, focal_gamma=gamma, weights=weights) for gamma in (0.0, 1e-12))
    torch.testing.assert_close(*(loss.of_one(logits, labels) for loss in losses), rtol=1e-6, atol=1e-6)


def test_presence_weighs_as_the_pos_weight_of_torch():
    logits, wanted = sets()
    ours = LabelLoss(weights=WEIGHTS).of_each(logits, wanted)
    pos_weight = torch.tensor(WEIGHTS).double()
    theirs = F.binary_cross_entropy_with_logits(logits, wanted.double(), pos_weight=pos_weight, reduction="sum") / N
    same(ours, theirs, logits)


def sigmoid_focal_loss(inputs: Tensor, targets: Tensor, gamma: float) -> Tensor:
    """As torchvision.ops has it, without alpha."""
    p = torch.sigmoid(inputs)
    ce_loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    p_t = p * targets + (1 - p) * (1 - targets)
    return ce_loss * ((1 - p_t) ** gamma)


def test_the_focal_loss_of_several_labels_is_that_of_torchvision():
    logits, wanted = sets()
    ours = LabelLoss(focal_gamma=2.0).of_each(logits, wanted)
    same(ours, sigmoid_focal_loss(logits, wanted.double(), 2.0).sum() / N, logits)
    smoothed = [
        LabelLoss(label_smoothing=0.1, focal_gamma=g, weights=WEIGHTS).of_each(logits, wanted) for g in (0, 1e-9)
    ]
    torch.testing.assert_close(*smoothed)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_what_is_beyond_doubt_has_a_finite_gradient(gamma: float):
    learning = LabelLoss(focal_gamma=gamma, weights=WEIGHTS)
    logits = torch.tensor([[200.0, 0, 0, 0], [-200.0, 0, 0, 200]], requires_grad=True)
    for loss in (
        learning.of_one(logits, torch.tensor([0, 0])),
        learning.of_each(logits, torch.tensor([[1, 0, 0, 0], [1, 0, 0, 0]])),
    ):
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.isfinite()
        assert gradient.isfinite().all()


def test_weights_travel_with_those_of_the_network_and_without_them_nothing_does():
    assert not LabelLoss(focal_gamma=2.0).state_dict()
    loaded = LabelLoss(weights=[1.0] * L)
    loaded.load_state_dict(LabelLoss(weights=WEIGHTS).state_dict())
    assert loaded.weights_L is not None
    assert loaded.weights_L.tolist() == WEIGHTS


def test_a_focus_below_zero_is_refused():
    with pytest.raises(ValueError, match=r"task\.focal_gamma: expected a number from 0, got -1"):
        LabelLoss(focal_gamma=-1)
