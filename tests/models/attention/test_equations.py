"""Each mechanism against its equation, written with loops over numbers and the module's own parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

from models.attention.base import Attention, External, Site
from models.multihead import MultiHead
from models.scores import AdditiveScore, GeneralScore

CONF = Path(__file__).resolve().parents[3] / "conf/model"
WIDTH = 6
QUERIES, MEMORY, OTHER = (
    torch.randn(size, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(size)) for size in (3, 4, 2)
)
Score = Callable[[Tensor, Tensor], float]


def build(name: str, site: Site, **options: Any) -> Any:
    mechanism: Attention = instantiate(OmegaConf.load(CONF / f"{name}.yaml").attention, **options)(site)
    return mechanism.double().eval()


def run(mechanism: Any, queries: Tensor, memory: Tensor, **given: Any) -> Tensor:
    context: Tensor = mechanism(queries[None], memory[None], **given).context_BTD[0]
    return context


def softmax(scores: Sequence[float]) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def dot(left: Tensor, right: Tensor) -> float:
    return sum(x * y for x, y in zip(left.tolist(), right.tolist(), strict=True))


def scaled_dot(query: Tensor, key: Tensor) -> float:
    return dot(query, key) / math.sqrt(len(query))


def product(matrix: Tensor, vector: Tensor) -> Tensor:
    return torch.tensor([dot(row, vector) for row in matrix.detach()], dtype=torch.float64)


def times(linear: nn.Linear, vector: Tensor) -> Tensor:
    multiplied = product(linear.weight, vector)
    return multiplied if linear.bias is None else multiplied + linear.bias.detach()


def sigmoid(vector: Tensor) -> Tensor:
    return torch.tensor([1 / (1 + math.exp(-x)) for x in vector.tolist()], dtype=torch.float64)


def weighted_mean(query: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor], score: Score = scaled_dot) -> Tensor:
    weights = softmax([score(query, key) for key in keys])
    return sum((weight * value for weight, value in zip(weights, values, strict=True)), torch.zeros_like(values[0]))


def by_heads(
    attention: MultiHead, query: Tensor, memory: Sequence[Tensor], scores: Sequence[Score] | None = None
) -> Tensor:
    """Multi-head attention of one query: projections, one weighted mean a head, output matrix."""
    width = len(query) // attention.heads
    asked, keys, values = query, list(memory), list(memory)
    if attention.query is not None and attention.key_value is not None:
        both = [times(attention.key_value, state) for state in memory]
        asked, keys, values = (
            times(attention.query, query),
            [x[: len(query)] for x in both],
            [x[len(query) :] for x in both],
        )
    parts = []
    for head in range(attention.heads):
        own = slice(head * width, (head + 1) * width)
        score = scaled_dot if scores is None else scores[head]
        parts.append(weighted_mean(asked[own], [key[own] for key in keys], [value[own] for value in values], score))
    joined = torch.cat(parts)
    return joined if attention.output is None else times(attention.output, joined)


def test_uniform_is_the_mean_and_the_running_mean() -> None:
    mechanism = build("uniform", Site("token", WIDTH))
    for i, context in enumerate(run(mechanism, MEMORY, MEMORY)):
        torch.testing.assert_close(context, sum(MEMORY, torch.zeros(WIDTH)) / 4)
        running = run(mechanism, MEMORY, MEMORY, causal=True)[i]
        torch.testing.assert_close(running, sum(MEMORY[: i + 1], torch.zeros(WIDTH)) / (i + 1))


def test_uniform_by_max_is_the_largest_value_of_each_channel_and_its_running_maximum() -> None:
    mechanism = build("uniform", Site("token", WIDTH), reduce="max")
    for i, context in enumerate(run(mechanism, MEMORY, MEMORY)):
        running = run(mechanism, MEMORY, MEMORY, causal=True)[i]
        for channel in range(WIDTH):
            assert context[channel] == max(state[channel] for state in MEMORY)
            assert running[channel] == max(state[channel] for state in MEMORY[: i + 1])
    with pytest.raises(ValueError, match="reduce expects mean or max, got 'sum'"):
        build("uniform", Site("token", WIDTH), reduce="sum")


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("scale", [True, False])
def test_dot(heads: int, scale: bool) -> None:
    mechanism = build("dot", Site("decoder", WIDTH), heads=heads, scale=scale)
    scores = [scaled_dot if scale else dot] * heads
    for query, context in zip(QUERIES, run(mechanism, QUERIES, MEMORY), strict=True):
        torch.testing.assert_close(context, by_heads(mechanism.attention, query, list(MEMORY), scores))


def general(module: GeneralScore, head: int) -> Score:
    return lambda query, key: dot(query, product(module.weight_HDD[head], key))


@pytest.mark.parametrize("heads", [1, 2])
def test_general(heads: int) -> None:
    mechanism = build("general", Site("decoder", WIDTH), heads=heads)
    scores = [general(mechanism.attention.lookup.score, head) for head in range(heads)]
    for query, context in zip(QUERIES, run(mechanism, QUERIES, MEMORY), strict=True):
        torch.testing.assert_close(context, by_heads(mechanism.attention, query, list(MEMORY), scores))


def additive(module: AdditiveScore, head: int) -> Score:
    w, u, v = (matrix.detach()[head] for matrix in (module.query_HDA, module.key_HDA, module.vector_HA))
    return lambda query, key: sum(
        float(v[a]) * math.tanh(dot(w[:, a], query) + dot(u[:, a], key)) for a in range(len(v))
    )


@pytest.mark.parametrize(("heads", "hidden_width"), [(1, None), (2, 5)])
def test_additive(heads: int, hidden_width: int | None) -> None:
    mechanism = build("additive", Site("decoder", WIDTH), heads=heads, hidden_width=hidden_width)
    module = mechanism.attention.lookup.score
    assert module.vector_HA.shape == (heads, hidden_width or WIDTH)
    scores = [additive(module, head) for head in range(heads)]
    for query, context in zip(QUERIES, run(mechanism, QUERIES, MEMORY), strict=True):
        torch.testing.assert_close(context, by_heads(mechanism.attention, query, list(MEMORY), scores))


@pytest.mark.parametrize("score", ["dot", "general", "additive"])
def test_self(score: str) -> None:
    mechanism = build("self", Site("token", WIDTH), heads=2, score=score)
    module = mechanism.attention.lookup.score
    written: Any = {"dot": lambda _module, _head: scaled_dot, "general": general, "additive": additive}[score]
    scores = [written(module, head) for head in range(2)]
    for i, context in enumerate(run(mechanism, MEMORY, MEMORY)):
        torch.testing.assert_close(context, by_heads(mechanism.attention, MEMORY[i], list(MEMORY), scores))
        causal = run(mechanism, MEMORY, MEMORY, causal=True)[i]
        seen = list(MEMORY[: i + 1])
        torch.testing.assert_close(causal, by_heads(mechanism.attention, MEMORY[i], seen, scores))


@pytest.mark.parametrize("reads_queries", [True, False])
@pytest.mark.parametrize("kind", ["token", "pooling", "decoder"])
def test_gated_makes_the_jump_where_the_place_does_not_read_the_query(kind: Any, reads_queries: bool) -> None:
    mechanism = build("gated", Site(kind, WIDTH, reads_queries=reads_queries), heads=2)
    queries = MEMORY if kind == "token" else QUERIES
    for query, result in zip(queries, run(mechanism, queries, MEMORY), strict=True):
        context = by_heads(mechanism.attention, query, list(MEMORY))
        gate = sigmoid(times(mechanism.gate, times(mechanism.joint, torch.cat((query, context))).tanh()))
        expected = gate * times(mechanism.context, context)
        torch.testing.assert_close(result, expected if reads_queries else query + expected)


def test_cross_merges_two_streams() -> None:
    mechanism = build("cross", Site("token", WIDTH, external=True), heads=2)
    given = External(OTHER[None], torch.ones(1, 2, dtype=torch.bool))
    refined = [state + by_heads(mechanism.refine, state, list(OTHER)) for state in OTHER]
    for query, context in zip(MEMORY, run(mechanism, MEMORY, MEMORY, external=given), strict=True):
        own, other = by_heads(mechanism.own, query, list(MEMORY)), by_heads(mechanism.other, query, refined)
        gate = sigmoid(times(mechanism.merge, torch.cat((own, other))))
        torch.testing.assert_close(context, gate * own + (1 - gate) * other)
    assert mechanism.note is None


def test_cross_without_an_external_memory_is_self_and_says_so() -> None:
    mechanism, same = (build(name, Site("pooling", WIDTH), heads=2) for name in ("cross", "self"))
    same.attention.load_state_dict(mechanism.own.state_dict())
    assert sum(p.numel() for p in mechanism.parameters()) == sum(p.numel() for p in same.parameters())
    torch.testing.assert_close(run(mechanism, QUERIES, MEMORY), run(same, QUERIES, MEMORY))
    assert mechanism.note == "cross: no external memory at this pooling site, so it is self"


def test_cross_without_one_in_a_call_uses_its_own_stream() -> None:
    mechanism = build("cross", Site("token", WIDTH, external=True), heads=2)
    for query, context in zip(MEMORY, run(mechanism, MEMORY, MEMORY), strict=True):
        torch.testing.assert_close(context, by_heads(mechanism.own, query, list(MEMORY)))


def test_bidirectional_fuses_what_is_before_with_what_is_after() -> None:
    mechanism = build("bidirectional", Site("token", WIDTH), heads=2)
    attended = mechanism(MEMORY[None], MEMORY[None], need_weights=True)
    for i, context in enumerate(attended.context_BTD[0]):
        ahead = by_heads(mechanism.ahead, MEMORY[i], list(MEMORY[: i + 1]))
        back = by_heads(mechanism.back, MEMORY[i], list(MEMORY[i:]))
        gate = sigmoid(times(mechanism.fusion, torch.cat((ahead, back))))
        torch.testing.assert_close(context, gate * ahead + (1 - gate) * back)
    assert attended.weights_BHTS.shape == (1, 4, 4, 4)
    assert (attended.weights_BHTS[0, :2].triu(1) == 0).all()
    assert (attended.weights_BHTS[0, 2:].tril(-1) == 0).all()


def test_bidirectional_is_its_forward_half_where_causal_and_self_over_another_sequence() -> None:
    causal = build("bidirectional", Site("token", WIDTH, causal=True), heads=2)
    for i, context in enumerate(run(causal, MEMORY, MEMORY, causal=True)):
        torch.testing.assert_close(context, by_heads(causal.ahead, MEMORY[i], list(MEMORY[: i + 1])))
    assert causal.note is not None
    assert "only the forward half" in causal.note
    other = build("bidirectional", Site("decoder", WIDTH), heads=2)
    for query, context in zip(QUERIES, run(other, QUERIES, MEMORY), strict=True):
        torch.testing.assert_close(context, by_heads(other.ahead, query, list(MEMORY)))
    assert other.note == "bidirectional: no direction over the memory of a decoder site, so it is self"


def test_bidirectional_refuses_to_be_causal_where_it_looks_both_ways() -> None:
    mechanism = build("bidirectional", Site("token", WIDTH), heads=2)
    with pytest.raises(ValueError, match=r"build it with Site\(causal=True\)"):
        run(mechanism, MEMORY, MEMORY, causal=True)


@pytest.mark.parametrize(("kind", "reads_queries"), [("token", True), ("decoder", True), ("decoder", False)])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize(("tying", "hops"), [("adjacent", 1), ("adjacent", 3), ("none", 2)])
def test_memory_reads_again_with_what_it_found(
    tying: str, hops: int, scale: bool, kind: Any, reads_queries: bool
) -> None:
    site = Site(kind, WIDTH, reads_queries=reads_queries)
    mechanism = build("memory", site, tying=tying, hops=hops, scale=scale)
    matrices = mechanism.embed.weight.detach().split(WIDTH)
    assert len(matrices) == (hops + 1 if tying == "adjacent" else 2 * hops)
    queries = MEMORY if kind == "token" else QUERIES
    score = scaled_dot if scale else dot
    attended = mechanism(queries[None], MEMORY[None], need_weights=True)
    for i, query in enumerate(queries):
        u = query.clone()
        for hop in range(hops):
            a, c = (hop, hop + 1) if tying == "adjacent" else (2 * hop, 2 * hop + 1)
            keys, values = ([product(matrices[which], m) for m in MEMORY] for which in (a, c))
            weights = softmax([score(u, key) for key in keys])
            assert attended.weights_BHTS[0, hop, i].tolist() == pytest.approx(weights)
            u = u + sum((w * v for w, v in zip(weights, values, strict=True)), torch.zeros(WIDTH))
        expected = u - query if reads_queries else u
        torch.testing.assert_close(attended.context_BTD[0, i], expected)


def test_memory_refuses_options_that_mean_nothing() -> None:
    with pytest.raises(ValueError, match=r"hops >= 1 .* got hops=0"):
        build("memory", Site("token", WIDTH), hops=0)
    with pytest.raises(ValueError, match=r"'adjacent' or 'none', .* tying='both'"):
        build("memory", Site("token", WIDTH), tying="both")
