from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from models.decoding import Hypothesis, SearchOptions, largest, search

BEGIN, END = 0, 1
CPU = torch.device("cpu")


@dataclass
class Prefixes:
    """A state that remembers all it was told: the text of each row and its tokens."""

    rows: list[tuple[int, ...]]
    selected: list[int] = field(default_factory=list)

    def select(self, order: Tensor) -> Prefixes:
        self.selected.append(len(order))
        return Prefixes([self.rows[row] for row in order.tolist()], self.selected)


class Language:
    """A random distribution after each prefix of each text; the step that the search is given."""

    def __init__(self, vocabulary: int, *, sharpness: float = 2.0, seed: int = 0) -> None:
        self.vocabulary, self.sharpness, self.seed = vocabulary, sharpness, seed
        self.steps: list[int] = []

    def log_probs(self, prefix: tuple[int, ...]) -> Tensor:
        noise = torch.Generator().manual_seed(hash((self.seed, *prefix)) % 2**31)
        return (self.sharpness * torch.randn(self.vocabulary, generator=noise)).log_softmax(-1)

    def __call__(self, tokens: Tensor, state: Prefixes) -> tuple[Tensor, Prefixes]:
        assert len(tokens) == len(state.rows)
        self.steps.append(len(tokens))
        rows = [(*row, token) for row, token in zip(state.rows, tokens.tolist(), strict=True)]
        return torch.stack([self.log_probs(row) for row in rows]), Prefixes(rows, state.selected)

    def start(self, rows: int) -> Prefixes:
        return Prefixes([(text,) for text in range(rows)])

    def score(self, text: int, tokens: tuple[int, ...], limit: int) -> float:
        """log P of a whole hypothesis: the end is not asked of one that reached the limit."""
        asked = tokens if len(tokens) == limit else (*tokens, END)
        read = (text, BEGIN, *tokens)
        return sum(float(self.log_probs(read[: 2 + place])[token]) for place, token in enumerate(asked))


def options(**changed: Any) -> SearchOptions:
    return SearchOptions(**({"beam": 1, "length_penalty": 0.0, "no_repeat_ngram": 0, "min_length": 0} | changed))


def run(language: Any, state: Any, limits: list[int], **changed: Any) -> list[Hypothesis]:
    return [best for (best, *_) in run_several(language, state, limits, **changed)]


def run_several(language: Any, state: Any, limits: list[int], count: int = 1, **changed: Any) -> list[list[Hypothesis]]:
    return search(
        language,
        state,
        rows=len(limits),
        limits_B=torch.tensor(limits),
        begin=BEGIN,
        end=END,
        options=options(**changed),
        device=CPU,
        count=count,
    )


def every_hypothesis(vocabulary: int, limit: int, shortest: int = 0) -> Iterator[tuple[int, ...]]:
    tokens = [token for token in range(vocabulary) if token != END]
    for length in range(shortest, limit + 1):
        yield from product(tokens, repeat=length)


def repeats(tokens: tuple[int, ...], size: int) -> bool:
    ngrams = [tokens[place : place + size] for place in range(len(tokens) - size + 1)]
    return size > 0 and len(set(ngrams)) < len(ngrams)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("shortest", [0, 2])
@pytest.mark.parametrize("seed", range(4))
def test_a_wide_beam_finds_the_best_of_all(penalty: float, shortest: int, seed: int) -> None:
    language, limits = Language(4, seed=seed), [4, 3, 5, 1]
    found = run(language, language.start(4), limits, beam=300, length_penalty=penalty, min_length=shortest)
    for text, (limit, hypothesis) in enumerate(zip(limits, found, strict=True)):
        scores = {
            tokens: language.score(text, tokens, limit) for tokens in every_hypothesis(4, limit, min(shortest, limit))
        }
        best = max(scores, key=lambda tokens: scores[tokens] / ((5 + len(tokens)) / 6) ** penalty)
        assert tuple(hypothesis.tokens) == best
        assert hypothesis.score == pytest.approx(scores[best], abs=1e-4)
        divisor = ((5 + len(best)) / 6) ** penalty
        assert hypothesis.normalized_score == pytest.approx(scores[best] / divisor, abs=1e-4)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("count", [2, 7])
def test_a_wide_beam_finds_the_best_few_of_all(penalty: float, count: int) -> None:
    language, limits = Language(4, seed=1), [4, 3, 2]
    found = run_several(language, language.start(3), limits, count=count, beam=300, length_penalty=penalty)
    for text, (limit, hypotheses) in enumerate(zip(limits, found, strict=True)):
        scores = {tokens: language.score(text, tokens, limit) for tokens in every_hypothesis(4, limit)}
        order = sorted(scores, key=lambda tokens: -scores[tokens] / ((5 + len(tokens)) / 6) ** penalty)
        assert [tuple(hypothesis.tokens) for hypothesis in hypotheses] == order[:count]


def test_more_texts_than_the_beam_is_wide_are_refused() -> None:
    language = Language(4)
    with pytest.raises(ValueError, match="a beam of 3 finds 1 to 3 texts, not 4; widen the beam"):
        run_several(language, language.start(1), [4], count=4, beam=3)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_wide_beam_finds_the_best_without_repetition(size: int) -> None:
    language = Language(4, sharpness=3.0)
    found = run(language, language.start(3), [5, 5, 5], beam=300, no_repeat_ngram=size)
    for text, hypothesis in enumerate(found):
        free = [tokens for tokens in every_hypothesis(4, 5) if not repeats(tokens, size)]
        assert tuple(hypothesis.tokens) == max(free, key=lambda tokens: language.score(text, tokens, 5))


def by_hand(language: Language, text: int, limit: int, size: int = 0, shortest: int = 0) -> tuple[list[int], float]:
    """Greedy search, one text, one token at a time."""
    tokens: list[int] = []
    score = 0.0
    while len(tokens) < limit:
        log_probs = language.log_probs((text, BEGIN, *tokens)).clone()
        for token in range(language.vocabulary):
            if token != END and repeats((*tokens, token), size):
                log_probs[token] = -math.inf
        if len(tokens) < shortest:
            log_probs[END] = -math.inf
        best = int(log_probs.argmax())
        if log_probs[best] == -math.inf:
            break
        score += float(log_probs[best])
        if best == END:
            break
        tokens.append(best)
    return tokens, score


@pytest.mark.parametrize("size", [0, 1, 2, 3])
@pytest.mark.parametrize("shortest", [0, 3])
def test_greedy_takes_the_best_token_each_time(size: int, shortest: int) -> None:
    language, limits = Language(5, sharpness=0.5), [1, 9, 4, 12, 7]
    found = run(language, language.start(5), limits, no_repeat_ngram=size, min_length=shortest)
    for text, (limit, hypothesis) in enumerate(zip(limits, found, strict=True)):
        tokens, score = by_hand(language, text, limit, size, shortest)
        assert hypothesis.tokens == tokens
        assert hypothesis.score == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("beam", [1, 3])
@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_a_batch_finds_what_each_text_finds_alone(beam: int, penalty: float) -> None:
    language, limits = Language(8, sharpness=1.0), [6, 2, 9, 4]
    together = run(language, language.start(4), limits, beam=beam, length_penalty=penalty, no_repeat_ngram=2)
    for text, limit in enumerate(limits):
        alone = run(language, Prefixes([(text,)]), [limit], beam=beam, length_penalty=penalty, no_repeat_ngram=2)
        assert alone[0].tokens == together[text].tokens
        assert alone[0].score == pytest.approx(together[text].score, abs=1e-5)


def reference_beam(language: Language, text: int, limit: int, beam: int, penalty: float) -> tuple[int, ...]:
    """Beam search with lists: the best ``beam`` that go on, and those of the best ``beam`` that end, to the limit."""
    live: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    finished: list[tuple[float, tuple[int, ...]]] = []
    for length in range(limit):
        candidates = sorted(
            (
                (score + float(log_prob), tokens, token)
                for score, tokens in live
                for token, log_prob in enumerate(language.log_probs((text, BEGIN, *tokens)))
            ),
            reverse=True,
        )
        divisor = ((5 + length) / 6) ** penalty
        finished += [(score / divisor, tokens) for score, tokens, token in candidates[:beam] if token == END]
        live = [(score, (*tokens, token)) for score, tokens, token in candidates if token != END][:beam]
    finished += [(score / ((5 + limit) / 6) ** penalty, tokens) for score, tokens in live]
    return max(finished)[1]


@pytest.mark.parametrize("beam", [2, 3, 5])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 4.0])
def test_stopping_early_loses_nothing(beam: int, penalty: float) -> None:
    language, limits = Language(6, sharpness=1.5, seed=3), [8] * 40
    found = run(language, language.start(40), limits, beam=beam, length_penalty=penalty)
    for text, hypothesis in enumerate(found):
        assert tuple(hypothesis.tokens) == reference_beam(language, text, 8, beam, penalty)
    if penalty < 4:
        assert len({len(hypothesis.tokens) for hypothesis in found}) > 1


def test_finished_texts_leave_the_batch() -> None:
    language = Language(6, sharpness=1.5, seed=3)
    run(language, language.start(12), [8] * 12)
    assert language.steps == sorted(language.steps, reverse=True)
    assert language.steps[0] == 12
    assert language.steps[-1] < 12
    language.steps.clear()
    run(language, language.start(12), [20] * 12, beam=3)
    assert language.steps[0] == 12
    assert 12 < language.steps[1] <= 36
    assert language.steps[1:] == sorted(language.steps[1:], reverse=True)
    assert len(language.steps) < 20


class Fixed:
    """The same log-probabilities at every step."""

    def __init__(self, *probabilities: float) -> None:
        self.log_probs_V = torch.tensor(probabilities).log()

    def __call__(self, tokens: Tensor, state: Prefixes) -> tuple[Tensor, Prefixes]:
        return self.log_probs_V.expand(len(tokens), -1), state


def test_greedy_leaves_a_state_alone_whose_rows_all_go_on() -> None:
    state = Prefixes([(0,), (1,)])
    run(Fixed(0.1, 0.1, 0.8), state, [6, 6])
    assert state.selected == []


def test_the_length_penalty_prefers_longer_texts() -> None:
    step, state = Fixed(0.0, 0.4, 0.6), Prefixes([(0,)])
    lengths = [len(run(step, state, [6], beam=3, length_penalty=penalty)[0].tokens) for penalty in (0.0, 3.0)]
    assert lengths == [0, 6]


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_an_empty_text_can_be_the_answer(beam: int) -> None:
    (found,) = run(Fixed(0.1, 0.8, 0.1), Prefixes([(0,)]), [5], beam=beam)
    assert found.tokens == []
    assert found.score == pytest.approx(math.log(0.8))


@pytest.mark.parametrize("beam", [1, 2, 4])
@pytest.mark.parametrize("nothing", [0.0, math.nan])
def test_where_nothing_can_follow_a_text_ends_as_it_stands(beam: int, nothing: float) -> None:
    blocked = run(Fixed(0.0, 0.5, 0.5), Prefixes([(0,)]), [9], beam=beam, no_repeat_ngram=1, min_length=4)
    assert blocked == [Hypothesis([2], pytest.approx(math.log(0.5)), pytest.approx(math.log(0.5)))]
    (found,) = run(Fixed(nothing, nothing, nothing), Prefixes([(0,)]), [9], beam=beam)
    assert found == Hypothesis([], 0.0, 0.0)


def test_the_table_of_the_step_is_left_as_it_was() -> None:
    step = Fixed(0.2, 0.3, 0.5)
    before = step.log_probs_V.clone()
    run(step, Prefixes([(0,)]), [6], beam=2, no_repeat_ngram=1, min_length=2)
    assert torch.equal(step.log_probs_V, before)


def test_no_texts_find_nothing() -> None:
    assert run(Fixed(0.5, 0.5), Prefixes([]), []) == []


@pytest.mark.parametrize("changed", [{"beam": 0}, {"length_penalty": -0.5}, {"no_repeat_ngram": -1}])
def test_options_out_of_range_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected beam >= 1 and no negative option of the search, got SearchOptions"):
        options(**changed)


def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a limit of at least one token for each of 2 texts, got \[3, 0\]"):
        run(Fixed(0.5, 0.5), Prefixes([(0,), (1,)]), [3, 0])


@pytest.mark.parametrize("length", [3, 8, 9, 24, 29, 400])
@pytest.mark.parametrize("count", [1, 4, 10])
def test_the_largest_of_long_rows_are_those_of_topk(length: int, count: int) -> None:
    values = torch.randperm(5 * length, generator=torch.Generator().manual_seed(length)).view(5, length).float()
    found, expected = largest(values, count, group=3), values.topk(min(count, length), dim=1)
    assert torch.equal(found[0], expected.values)
    assert torch.equal(found[1], expected.indices)
