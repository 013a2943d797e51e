from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from models import forward_backward
from models.crf import LinearChainCRF

B, T, K = 4, 5, 3
LENGTHS = torch.tensor([5, 3, 1, 2])
MASK = torch.arange(T) < LENGTHS[:, None]
# O, B-X, I-X: I-X neither starts a text nor follows O.
FORBIDDEN = torch.tensor([[False, False, True], [False, False, False], [False, False, False]])
FORBIDDEN_START = torch.tensor([False, False, True])


def build(*, bio: bool, end: bool = False) -> LinearChainCRF:
    torch.manual_seed(3)
    crf = LinearChainCRF(
        K,
        forbidden_transitions=FORBIDDEN if bio else None,
        forbidden_start=FORBIDDEN_START if bio else None,
        forbidden_end=torch.tensor([True, False, False]) if end else None,
    ).double()
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


def batch(scale: float = 1.0) -> tuple[Tensor, Tensor]:
    torch.manual_seed(4)
    # Allowed under BIO too, so that one batch serves all tests.
    tags = torch.tensor([[0, 1, 2, 2, 0], [1, 2, 1, 0, 0], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
    return torch.randn(B, T, K, dtype=torch.double) * scale, tags


def sequences(crf: LinearChainCRF, emissions: Tensor, row: int) -> dict[tuple[int, ...], Tensor]:
    """Every allowed tag sequence of a row and its score, term by term."""
    length, found = int(LENGTHS[row]), {}
    for path in itertools.product(range(K), repeat=length):
        steps = list(itertools.pairwise(path))
        if crf.forbidden_start[path[0]] or crf.forbidden_end[path[-1]]:
            continue
        if any(crf.forbidden_transitions[i, j] for i, j in steps):
            continue
        score = crf.start[path[0]] + crf.end[path[-1]]
        for t, tag in enumerate(path):
            score = score + emissions[row, t, tag]
        for i, j in steps:
            score = score + crf.transitions[i, j]
        found[path] = score
    return found


def enumerated_loss(crf: LinearChainCRF, emissions: Tensor, tags: Tensor) -> Tensor:
    losses = []
    for row in range(B):
        scores = sequences(crf, emissions, row)
        gold = scores[tuple(tags[row, : LENGTHS[row]].tolist())]
        losses.append(torch.stack(list(scores.values())).logsumexp(0) - gold)
    return torch.stack(losses)


VARIANTS = pytest.mark.parametrize(("bio", "end"), [(False, False), (True, False), (True, True)])
# 1 and 30 stay in probability space, 30 with rescaling at every second step; 1e4 needs log space.
SCALES = pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])


@pytest.fixture(params=["probability", "log"])
def space(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "log":
        monkeypatch.setattr(forward_backward, "_run_chains", lambda *_: None)
    return request.param


@VARIANTS
@torch.no_grad()
@pytest.mark.parametrize("count", [1, 2, 50])
def test_the_best_few_sequences_are_those_of_all(bio: bool, end: bool, count: int):
    crf, (emissions, _) = build(bio=bio, end=end), batch()
    for row, found in enumerate(crf.decode_several(emissions, MASK, count)):
        scores = sequences(crf, emissions, row)
        total = torch.stack(list(scores.values())).logsumexp(0)
        expected = sorted(scores, key=lambda path: -float(scores[path]))[:count]
        assert [tuple(path) for path, _ in found] == expected
        for path, log_p in found:
            assert log_p == pytest.approx(float(scores[tuple(path)] - total))


@VARIANTS
@SCALES
def test_partition_marginals_and_viterbi_match_enumeration(bio: bool, end: bool, scale: float, space: str) -> None:
    crf = build(bio=bio, end=end)
    emissions, _ = batch(scale)
    log_z, marginals = crf.log_partition(emissions, MASK), crf.marginals(emissions, MASK)
    decoded = crf.decode(emissions, MASK)
    for row in range(B):
        scores = sequences(crf, emissions, row)
        expected = torch.stack(list(scores.values())).logsumexp(0)
        torch.testing.assert_close(log_z[row], expected, rtol=1e-12, atol=1e-10)
        counts = torch.zeros(T, K, dtype=torch.double)
        for path, score in scores.items():
            for t, tag in enumerate(path):
                counts[t, tag] += (score - expected).exp().item()
        torch.testing.assert_close(marginals[row], counts, rtol=1e-8, atol=1e-10)
        assert decoded[row] == list(max(scores, key=lambda path: scores[path].item()))


@VARIANTS
@SCALES
def test_loss_and_its_gradients_match_enumeration(bio: bool, end: bool, scale: float, space: str) -> None:
    crf = build(bio=bio, end=end)
    emissions, tags = batch(scale)
    if end:
        tags = torch.where(torch.arange(T) == LENGTHS[:, None] - 1, 1, tags)
    emissions.requires_grad_()
    leaves = [emissions, *crf.parameters()]
    weights = torch.tensor([0.5, 2.0, -1.0, 0.3], dtype=torch.double)
    loss = crf.negative_log_likelihood(emissions, tags, MASK, reduction="none")
    expected = enumerated_loss(crf, emissions, tags)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-9)
    ours = torch.autograd.grad((loss * weights).sum(), leaves)
    theirs = torch.autograd.grad((expected * weights).sum(), leaves)
    for got, want in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-8, atol=1e-10)


def test_gradcheck() -> None:
    crf = build(bio=True)
    emissions, tags = batch()
    names = [name for name, _ in crf.named_parameters()]

    def loss(emissions: Tensor, *parameters: Tensor) -> Tensor:
        return torch.func.functional_call(
            _Loss(crf), {f"crf.{n}": p for n, p in zip(names, parameters, strict=True)}, (emissions, tags)
        )

    assert torch.autograd.gradcheck(loss, [emissions.requires_grad_(), *crf.parameters()])


class _Loss(torch.nn.Module):
    def __init__(self, crf: LinearChainCRF) -> None:
        super().__init__()
        self.crf = crf

    def forward(self, emissions: Tensor, tags: Tensor) -> Tensor:
        return self.crf.negative_log_likelihood(emissions, tags, MASK)


def test_agrees_with_pytorch_crf() -> None:
    torchcrf = pytest.importorskip("torchcrf")
    torch.manual_seed(0)
    size, length, tags = 8, 37, 11
    ours, theirs = LinearChainCRF(tags), torchcrf.CRF(tags, batch_first=True)
    theirs.load_state_dict(
        {"transitions": ours.transitions, "start_transitions": ours.start, "end_transitions": ours.end}
    )
    lengths = torch.randint(1, length + 1, (size,))
    lengths[0] = length
    mask = torch.arange(length) < lengths[:, None]
    gold = torch.randint(tags, (size, length))
    emissions = (torch.randn(size, length, tags) * 3).requires_grad_()
    for reduction, name in (("sequences", "mean"), ("tokens", "token_mean"), ("none", "none")):
        mine = ours.negative_log_likelihood(emissions, gold, mask, reduction=reduction)
        reference = -theirs(emissions, gold, mask, reduction=name)
        torch.testing.assert_close(mine, reference, rtol=1e-5, atol=1e-4)
        (got,) = torch.autograd.grad(mine.sum(), emissions)
        (want,) = torch.autograd.grad(reference.sum(), emissions)
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)
    assert ours.decode(emissions, mask) == theirs.decode(emissions, mask)


def test_forbidden_tags_have_probability_exactly_zero() -> None:
    crf = build(bio=True)
    emissions, _ = batch()
    emissions[:, 0, 2] = 60.0
    marginals = crf.marginals(emissions, MASK)
    assert (marginals[:, 0, 2] == 0).all()
    assert all(path[0] != 2 for path in crf.decode(emissions, MASK))
    emissions.requires_grad_()
    crf.log_partition(emissions, MASK).sum().backward()
    assert crf.transitions.grad[0, 2] == 0
    assert crf.start.grad[2] == 0


def test_a_forbidden_gold_sequence_has_an_infinite_loss() -> None:
    crf = build(bio=True)
    emissions, tags = batch()
    tags[0, 1] = 2
    loss = crf.negative_log_likelihood(emissions, tags, MASK, reduction="none")
    assert loss[0] == math.inf
    assert loss[1:].isfinite().all()


@SCALES
def test_padding_and_company_change_nothing(scale: float) -> None:
    crf = build(bio=True)
    emissions, tags = batch(scale)
    emissions.requires_grad_()
    padded = torch.nn.functional.pad(emissions, (0, 0, 0, 7), value=math.nan)
    padded = torch.where(torch.nn.functional.pad(MASK, (0, 7))[..., None], padded, math.nan)
    mask, gold = torch.nn.functional.pad(MASK, (0, 7)), torch.nn.functional.pad(tags, (0, 7), value=-100)
    losses = crf.negative_log_likelihood(padded, gold, mask, reduction="none")
    (gradient,) = torch.autograd.grad(losses.sum(), emissions)
    assert (gradient[~MASK] == 0).all()
    for row in range(B):
        n = int(LENGTHS[row])
        alone = emissions[row : row + 1, :n], tags[row : row + 1, :n], MASK[row : row + 1, :n]
        loss = crf.negative_log_likelihood(*alone)
        torch.testing.assert_close(losses[row], loss, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(gradient[row], torch.autograd.grad(loss, emissions)[0][row], rtol=1e-8, atol=1e-9)
        assert crf.decode(padded, mask)[row] == crf.decode(alone[0], alone[2])[0]


def test_a_path_that_leads_only_at_the_end_is_not_lost_to_underflow() -> None:
    # Two tags that never change into each other: the first loses 50 nats a step for 30 steps and gains 100 after.
    apart = torch.tensor([[False, True], [True, False]])
    crf = LinearChainCRF(2, forbidden_transitions=apart).double()
    emissions = torch.zeros(1, 60, 2, dtype=torch.double)
    emissions[0, :30, 0], emissions[0, 30:, 0] = -50.0, 100.0
    mask = torch.ones(1, 60, dtype=torch.bool)
    scores = torch.stack(
        [emissions[0].sum(0)[k] + crf.start[k] + crf.end[k] + 59 * crf.transitions[k, k] for k in (0, 1)]
    )
    torch.testing.assert_close(crf.log_partition(emissions, mask)[0], scores.logsumexp(0))
    torch.testing.assert_close(crf.marginals(emissions, mask)[0, 0], scores.softmax(0).detach())


@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_extreme_scores_stay_finite_in_single_precision(extreme: float) -> None:
    crf = LinearChainCRF(K, forbidden_transitions=FORBIDDEN, forbidden_start=FORBIDDEN_START)
    emissions, tags = batch()
    emissions = emissions.float()
    emissions[:, ::2, 1] = extreme
    emissions.requires_grad_()
    loss = crf.negative_log_likelihood(emissions, tags, MASK)
    loss.backward()
    assert loss.isfinite()
    assert loss >= 0
    assert all(leaf.grad.isfinite().all() for leaf in (emissions, *crf.parameters()))


def test_long_sequences_neither_underflow_nor_overflow() -> None:
    torch.manual_seed(0)
    crf = LinearChainCRF(5).double()
    emissions, mask = torch.randn(2, 2000, 5, dtype=torch.double) * 10, torch.ones(2, 2000, dtype=torch.bool)
    state = crf.start + emissions[:, 0]
    for t in range(1, 2000):
        state = (state[:, :, None] + crf.transitions).logsumexp(1) + emissions[:, t]
    expected = (state + crf.end).logsumexp(1)
    torch.testing.assert_close(crf.log_partition(emissions, mask), expected, rtol=1e-12, atol=0)


def test_log_space_of_float32_stays_near_on_long_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    crf = LinearChainCRF(5)
    emissions, mask = torch.randn(2, 400, 5) * 3, torch.arange(400) < torch.tensor([[400], [250]])
    tags = torch.randint(5, (2, 400))

    def results() -> list[Tensor]:
        leaf = emissions.clone().requires_grad_()
        loss = crf.negative_log_likelihood(leaf, tags, mask)
        return [loss, *torch.autograd.grad(loss, [leaf, *crf.parameters()])]

    exact = results()
    monkeypatch.setattr(forward_backward, "_run_chains", lambda *_: None)
    for block in (1 << 22, 60):  # all pairs of tags at once, and one position at a time
        monkeypatch.setattr(forward_backward, "LARGEST_BLOCK", block)
        for found, expected in zip(results(), exact, strict=True):
            torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)


def test_no_number_is_looked_at_where_the_host_would_wait_for_it() -> None:
    crf = build(bio=True).float().to("meta")
    emissions = torch.randn(B, T, K, device="meta", requires_grad=True)
    loss = crf.negative_log_likelihood(emissions, torch.zeros(B, T, dtype=torch.long, device="meta"), MASK.to("meta"))
    loss.backward()
    assert emissions.grad is not None
    assert emissions.grad.shape == emissions.shape
    assert all(parameter.grad is not None for parameter in crf.parameters())


def test_autocast_keeps_the_recursions_exact() -> None:
    crf = build(bio=True).float()
    emissions, tags = batch()
    emissions = emissions.bfloat16()
    expected = crf.negative_log_likelihood(emissions.float(), tags, MASK)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = crf.negative_log_likelihood(emissions, tags, MASK)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected)
    leaf = emissions.requires_grad_()
    crf.negative_log_likelihood(leaf, tags, MASK).backward()
    assert leaf.grad.dtype == torch.bfloat16


def test_not_a_number_is_passed_on() -> None:
    crf = build(bio=False)
    emissions, tags = batch()
    emissions[0, 0, 0] = math.nan
    assert crf.negative_log_likelihood(emissions, tags, MASK).isnan()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (torch.tensor([[True, False, True]]), "contiguous from the left, got a gap"),
        (torch.tensor([[False, True, True]]), "at least one token"),
        (torch.tensor([[False, False, False]]), "at least one token"),
        (torch.tensor([[1, 1, 0]]), r"boolean mask of shape \(1, 3\), got torch.int64"),
        (torch.tensor([[True, True]]), r"boolean mask of shape \(1, 3\), got torch.bool of shape \(1, 2\)"),
    ],
)
def test_a_bad_mask_is_refused(mask: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(bio=False).decode(torch.zeros(1, 3, K), mask)


def test_bad_arguments_are_refused() -> None:
    crf, mask = build(bio=False), torch.ones(1, 3, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"expects emissions \(B, T, 3\), got \(1, 3, 4\)"):
        crf.decode(torch.zeros(1, 3, 4), mask)
    with pytest.raises(ValueError, match=r"expects tags of shape \(1, 3\), got \(1, 2\)"):
        crf.negative_log_likelihood(torch.zeros(1, 3, K), torch.zeros(1, 2, dtype=torch.long), mask)
    with pytest.raises(ValueError, match="'none', 'sequences' or 'tokens', got 'mean'"):
        crf.negative_log_likelihood(torch.zeros(1, 3, K), torch.zeros(1, 3, dtype=torch.long), mask, reduction="mean")
    with pytest.raises(ValueError, match="at least one tag, got 0"):
        LinearChainCRF(0)
    with pytest.raises(ValueError, match=r"forbidden_start expects a boolean tensor of shape \(3,\)"):
        LinearChainCRF(K, forbidden_start=torch.zeros(K))
    with pytest.raises(ValueError, match="forbidden_end forbids everything"):
        LinearChainCRF(K, forbidden_end=torch.ones(K, dtype=torch.bool))


def test_a_length_without_any_allowed_sequence_is_an_error() -> None:
    # The only way in is tag 0, the only way out tag 1: one token is too short.
    crf = LinearChainCRF(2, forbidden_start=torch.tensor([False, True]), forbidden_end=torch.tensor([True, False]))
    emissions, mask = torch.zeros(1, 1, 2), torch.ones(1, 1, dtype=torch.bool)
    for call in (crf.log_partition, crf.decode):
        with pytest.raises(ValueError, match=r"no allowed tag sequence exists for some of the lengths \[1\]"):
            call(emissions, mask)
