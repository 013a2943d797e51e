"""Writing a text: greedy and beam search over any step function, several texts at a time.

A hypothesis y of n tokens scores log P(y), and is compared with others by log P(y) / ((5 + n) / 6)^α, with α the
length penalty: Wu et al. 2016, equation 14 without coverage, https://arxiv.org/abs/1609.08144. n counts no begin and no
end. With α = 0 this is log P(y).

B texts, A texts still searched, W hypotheses a text, R rows of a step (A·W), V tokens, N tokens written, K candidates
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor


class Selectable(Protocol):
    """A state whose rows can be left out, repeated and put in another order."""

    def select(self, order_R: Tensor) -> Any:
        """The rows ``order_R``."""


State = TypeVar("State", bound=Selectable)
Step = Callable[[Tensor, State], tuple[Tensor, State]]
"""(tokens_R, state) -> (log-probabilities (R, V) of what follows each token, the state after them)."""


@dataclass(frozen=True)
class SearchOptions:
    """How to search.

    ``beam``: hypotheses that are continued at a time; 1 is greedy. ``length_penalty``: α >= 0. ``no_repeat_ngram``:
    no n-gram of this many tokens is written twice; 0 allows it. ``min_length``: tokens before the end may come.

    Raises ``ValueError`` for a beam below one and for anything negative.
    """

    beam: int
    length_penalty: float
    no_repeat_ngram: int
    min_length: int

    def __post_init__(self) -> None:
        if self.beam < 1 or min(self.length_penalty, self.no_repeat_ngram, self.min_length) < 0:
            raise ValueError(f"expected beam >= 1 and no negative option of the search, got {self}")

    def divisor(self, length: Any) -> Any:
        """What log P is divided by to be compared; ``length`` is a number or a tensor of them."""
        return ((5 + length) / 6) ** self.length_penalty


class Hypothesis(NamedTuple):
    """A text that was found: tokens without begin and end, log P, and log P with the length penalty."""

    tokens: list[int]
    score: float
    normalized_score: float


def search(
    step: Step[State],
    state: State,
    *,
    rows: int,
    limits_B: Tensor,
    begin: int,
    end: int,
    options: SearchOptions,
    device: torch.device,
    count: int = 1,
) -> list[list[Hypothesis]]:
    """The best ``count`` hypotheses found for each of the ``rows`` texts that ``state`` begins, the best first.

    A hypothesis ends with ``end``, or as it stands after ``limits_B`` tokens, or where nothing can follow: every token
    forbidden or without a finite log-probability. With a beam of one the first end ends the text. Otherwise, at each
    step, candidates among the best ``beam`` that end are finished, the best ``beam`` others go on, and a text is done
    when none of these can become better than the worst of the ``count`` best finished. So a beam that is wide enough
    finds the best texts of all.

    Raises ``ValueError`` unless there is a limit of at least one for each text, and a beam of at least ``count``.
    """
    if not 1 <= count <= options.beam:
        raise ValueError(f"a beam of {options.beam} finds 1 to {options.beam} texts, not {count}; widen the beam")
    if limits_B.shape != (rows,) or (rows and int(limits_B.min()) < 1):
        raise ValueError(f"expected a limit of at least one token for each of {rows} texts, got {limits_B.tolist()}")
    limits_B = limits_B.to(device)
    with torch.no_grad():
        if options.beam == 1:
            best = _greedy(step, state, limits_B=limits_B, begin=begin, end=end, options=options)
            return [[hypothesis] for hypothesis in best]
        return _beam(step, state, limits_B=limits_B, begin=begin, end=end, options=options, count=count)


def _greedy(
    step: Step[State], state: State, *, limits_B: Tensor, begin: int, end: int, options: SearchOptions
) -> list[Hypothesis]:
    found: dict[int, Hypothesis] = {}
    texts_A = torch.arange(len(limits_B), device=limits_B.device)
    last_A = torch.full_like(limits_B, begin)
    tokens_AN = last_A.new_empty(len(last_A), 0)
    scores_A = torch.zeros_like(limits_B, dtype=torch.float32)
    while len(texts_A):
        log_probs_AV, state = step(last_A, state)
        added_A, last_A = _continued(log_probs_AV, torch.zeros_like(scores_A), tokens_AN, end, options).max(dim=-1)
        scores_A = scores_A + added_A
        ended_A = last_A == end
        tokens_AN = torch.cat((tokens_AN, last_A[:, None]), dim=1)
        done_A = ended_A | (limits_B[texts_A] == tokens_AN.shape[1])
        if not done_A.any():
            continue
        for text, tokens, score, ended in zip(
            *(values[done_A].tolist() for values in (texts_A, tokens_AN, scores_A, ended_A)), strict=True
        ):
            found[text] = _hypothesis(tokens[:-1] if ended else tokens, score, options)
        going_A = (~done_A).nonzero()[:, 0]
        texts_A, last_A, tokens_AN, scores_A = (values[going_A] for values in (texts_A, last_A, tokens_AN, scores_A))
        if len(going_A):
            state = state.select(going_A)
    return [found[text] for text in range(len(limits_B))]


class _Live(NamedTuple):
    """Hypotheses, the same number for each text. A score of -inf marks one that does not exist."""

    texts_A: Tensor
    tokens_AWN: Tensor
    scores_AW: Tensor


def _beam(
    step: Step[State], state: State, *, limits_B: Tensor, begin: int, end: int, options: SearchOptions, count: int
) -> list[list[Hypothesis]]:
    texts_B = torch.arange(len(limits_B), device=limits_B.device)
    live = _Live(
        texts_B, limits_B.new_empty(len(limits_B), 1, 0), torch.zeros_like(limits_B, dtype=torch.float32)[:, None]
    )
    finished = _Finished(limits_B, options, count)
    last_R = torch.full_like(limits_B, begin)
    while len(live.texts_A):
        log_probs_RV, state = step(last_R, state)
        totals_RV = _continued(log_probs_RV, live.scores_AW.flatten(), live.tokens_AWN.flatten(0, 1), end, options)
        ended, live, from_AW = _grow(live, totals_RV, end=end, width=options.beam)
        finished.add(ended)
        length, limits_A = live.tokens_AWN.shape[2], limits_B[live.texts_A]
        finished.add(_Live(*(values[limits_A == length] for values in live)))
        # log P only falls, and the penalty's divisor grows up to the limit: nothing live can become better than this.
        reachable_A = live.scores_AW.amax(dim=1) / options.divisor(limits_A)
        going_A = (limits_A > length) & (finished.bar_B[live.texts_A] < reachable_A)
        live, order_R = _Live(*(values[going_A] for values in live)), from_AW[going_A].flatten()
        if len(order_R) and not _in_place(order_R, len(last_R)):
            state = state.select(order_R)
        last_R = live.tokens_AWN[:, :, -1].flatten()
    return finished.hypotheses()


def _grow(live: _Live, totals_RV: Tensor, *, end: int, width: int) -> tuple[_Live, _Live, Tensor]:
    """The hypotheses that end at this step, those that go on with one more token, and the rows these come from."""
    (texts, hypotheses), vocabulary = live.scores_AW.shape, totals_RV.shape[1]
    # Each hypothesis has one way to end, so that twice the width always holds enough that go on.
    scores_AK, index_AK = largest(totals_RV.view(texts, hypotheses * vocabulary), 2 * width)
    parent_AK, token_AK = index_AK // vocabulary, index_AK % vocabulary
    ending_AK = token_AK == end
    ended_AW = scores_AK.masked_fill(~ending_AK, float("-inf"))[:, :width]
    ended = _Live(live.texts_A, _taken(live.tokens_AWN, parent_AK[:, :width]), ended_AW)
    open_AK = scores_AK.masked_fill(ending_AK, float("-inf"))
    scores_AW, chosen_AW = open_AK.topk(min(width, open_AK.shape[1]), dim=1)
    parent_AW, token_AW = parent_AK.gather(1, chosen_AW), token_AK.gather(1, chosen_AW)
    tokens_AWN = torch.cat((_taken(live.tokens_AWN, parent_AW), token_AW[:, :, None]), dim=2)
    first_A1 = torch.arange(texts, device=parent_AW.device)[:, None] * hypotheses
    return ended, _Live(live.texts_A, tokens_AWN, scores_AW), first_A1 + parent_AW


class _Finished:
    """The best ``count`` finished hypotheses of each text so far.

    ``bar_B``: what another one must exceed, by log P with the length penalty.
    """

    def __init__(self, limits_B: Tensor, options: SearchOptions, count: int) -> None:
        self.options, self.count = options, count
        self.bar_B = torch.full_like(limits_B, float("-inf"), dtype=torch.float32)
        self.found: list[list[Hypothesis]] = [[] for _ in limits_B]

    def add(self, ended: _Live) -> None:
        """Take those that are better."""
        texts_A, tokens_AWN, scores_AW = ended
        normalized_AW = scores_AW / self.options.divisor(tokens_AWN.shape[2])
        best_AC, places_AC = normalized_AW.topk(min(self.count, normalized_AW.shape[1]), dim=1)
        rows, ranks = (best_AC > self.bar_B[texts_A, None]).nonzero(as_tuple=True)
        if not len(rows):
            return
        places = places_AC[rows, ranks]
        tokens, scores = tokens_AWN[rows, places].tolist(), scores_AW[rows, places].tolist()
        texts = texts_A[rows]
        for text, written, score in zip(texts.tolist(), tokens, scores, strict=True):
            kept = [*self.found[text], _hypothesis(written, score, self.options)]
            self.found[text] = sorted(kept, key=lambda one: -one.normalized_score)[: self.count]
        if self.count == 1:
            self.bar_B[texts] = best_AC[rows, ranks]
            return
        for text in set(texts.tolist()):
            if len(self.found[text]) == self.count:
                self.bar_B[text] = self.found[text][-1].normalized_score

    def hypotheses(self) -> list[list[Hypothesis]]:
        """Those of each text, in the order of texts."""
        return self.found


def _continued(log_probs_RV: Tensor, scores_R: Tensor, tokens_RN: Tensor, end: int, options: SearchOptions) -> Tensor:
    """The score of each row with each token after it: -inf for what may not follow.

    Where nothing may, the end follows at no cost.
    """
    totals_RV = log_probs_RV.float() + scores_R[:, None]
    written, ngram = tokens_RN.shape[1], options.no_repeat_ngram
    if 0 < ngram <= written:
        ngrams = tokens_RN.unfold(1, ngram, 1)
        same = (ngrams[:, :, :-1] == tokens_RN[:, None, written - ngram + 1 :]).all(dim=-1)
        row, place = same.nonzero(as_tuple=True)
        totals_RV[row, ngrams[row, place, -1]] = float("-inf")
    if written < options.min_length:
        totals_RV[:, end] = float("-inf")
    stuck_R = ~totals_RV.amax(dim=1).isfinite()
    if stuck_R.any():
        totals_RV[stuck_R] = float("-inf")
        totals_RV[stuck_R, end] = scores_R[stuck_R]
    return totals_RV


def largest(values_AN: Tensor, count: int, *, group: int = 128) -> tuple[Tensor, Tensor]:
    """``topk(count)`` of each row, or all of it if it is shorter, three to four times as fast on a CPU for long rows.

    The largest stand in those groups of neighbours that have the largest maxima.
    """
    length = values_AN.shape[1]
    groups = length // group
    if groups <= count:
        return values_AN.topk(min(count, length), dim=1)
    grouped_AGN, rest_AN = values_AN[:, : groups * group].view(-1, groups, group), values_AN[:, groups * group :]
    chosen_AC = grouped_AGN.amax(dim=2).topk(count, dim=1).indices
    candidates_ACN = grouped_AGN.gather(1, chosen_AC[:, :, None].expand(-1, -1, group))
    largest_AC, place_AC = torch.cat((candidates_ACN.flatten(1), rest_AN), dim=1).topk(count, dim=1)
    inside_AC = chosen_AC.gather(1, (place_AC // group).clamp(max=count - 1)) * group + place_AC % group
    behind_AC = place_AC + (groups - count) * group
    return largest_AC, torch.where(place_AC < count * group, inside_AC, behind_AC)


def _taken(tokens_AWN: Tensor, parent_AW: Tensor) -> Tensor:
    return tokens_AWN.gather(1, parent_AW[:, :, None].expand(-1, -1, tokens_AWN.shape[2]))


def _in_place(order_R: Tensor, rows: int) -> bool:
    return torch.equal(order_R, torch.arange(rows, device=order_R.device))


def _hypothesis(tokens: list[int], score: float, options: SearchOptions) -> Hypothesis:
    return Hypothesis(tokens, score, score / options.divisor(len(tokens)))
