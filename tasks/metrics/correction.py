"""Scores of corrections: whole sentences, edits, and GLEU.

Edits: Bryant et al. 2017 (ERRANT), https://aclanthology.org/P17-1074, for precision and recall and the choice of the
reference; our edits come from a plain alignment of words, not from a linguistic one, so numbers differ from ERRANT's.
GLEU: Napoles et al. 2015, https://aclanthology.org/P15-2097, in its corrected form without a penalty to tune
(Napoles et al. 2016, https://arxiv.org/abs/1605.02592).

The words compared are what stands between whitespace; in languages without spaces the grapheme clusters. Case and
punctuation count.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from random import Random
from typing import Any

import numpy as np

from tasks.metrics.generation import check_texts, tokens_of, units_of

ORDERS = range(1, 5)
ROUNDS = 500
Tokens = Sequence[str]
Edit = tuple[int, int, tuple[str, ...]]
"""First token of the source that is replaced, the one after the last, and what stands there instead."""


def correction_scores(
    sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, language: str
) -> dict[str, float]:
    """``sentence_accuracy``, ``edit_f05``, ``edit_precision``, ``edit_recall`` and ``gleu``: 0-1, higher is better.

    ``sources`` are the texts to correct. Raises ValueError if there is nothing to score, lengths differ, or a
    hypothesis has no reference.
    """
    return correction_scores_from(correction_statistics(sources, hypotheses, references, language=language))


def correction_statistics(
    sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, language: str
) -> list[dict[str, Any]]:
    """For each sentence what its corpus' scores are made of; any selection of rows has its own scores.

    ``exact``: 1 if the hypothesis is a reference, else 0. ``edits``: right, wrong and missed edits against the
    reference chosen for it. ``gleu``: for each reference the ten numbers of ``gleu_counts``.
    Raises ValueError as ``correction_scores`` does.
    """
    check_texts(hypotheses, references)
    if len(sources) != len(hypotheses):
        raise ValueError(f"expected a source for each hypothesis, got {len(sources)} for {len(hypotheses)}")
    totals = (0, 0, 0)
    rows = []
    for source, hypothesis, accepted in zip(sources, hypotheses, references, strict=True):
        before, after, *wanted = (tokens_of(text, language=language) for text in (source, hypothesis, *accepted))
        edits = _against_best(before, after, wanted, totals)
        totals = (totals[0] + edits[0], totals[1] + edits[1], totals[2] + edits[2])
        counts = [gleu_counts(before, after, reference) for reference in wanted]
        rows.append({"exact": int(after in wanted), "edits": list(edits), "gleu": counts})
    return rows


def correction_scores_from(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The scores of the sentences that have these statistics."""
    right, wrong, missed = np.sum([row["edits"] for row in rows], axis=0).tolist()
    precision, recall, f05 = edit_f05(right, wrong, missed)
    return {
        "sentence_accuracy": sum(row["exact"] for row in rows) / len(rows),
        "edit_f05": f05,
        "edit_precision": precision,
        "edit_recall": recall,
        "gleu": gleu([row["gleu"] for row in rows]),
    }


def correction_definitions(language: str) -> dict[str, str]:
    """What each score is."""
    unit = units_of(language, words="words (by whitespace)")
    edits = (
        f"edits are the differing spans of an alignment of {unit} (difflib) with the source, one a word where as many "
        "stand on both sides; of several references the one that makes the running F0.5 highest; 0-1, higher is better"
    )
    return {
        "sentence_accuracy": f"share of the sentences whose {unit} are those of a reference, 0-1, higher is better",
        "edit_f05": f"1.25 P R / (0.25 P + R) of edits over all sentences; {edits}",
        "edit_precision": f"P = edits made that the reference has / edits made, 1 if no wrong one is made; {edits}",
        "edit_recall": f"R = edits made that the reference has / its edits, 1 if none is missed; {edits}",
        "gleu": (
            "GLEU without tuning (Napoles et al. 2015, 2016), orders 1-4 (those that some text is long enough for), of "
            f"{unit}; of several references one drawn "
            f"for each sentence, mean of {ROUNDS} rounds with fixed seeds; 0-1, higher is better"
        ),
    }


def edits_between(before: Tokens, after: Tokens) -> set[Edit]:
    """What turns ``before`` into ``after``: the spans in which difflib's alignment of tokens differs.

    A span of n tokens replaced by n others is n edits of one token, so that one of two neighbours can be right.
    """
    edits: set[Edit] = set()
    for kind, start, end, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "replace" and end - start == last - first:
            edits.update((start + n, start + n + 1, (after[first + n],)) for n in range(end - start))
        elif kind != "equal":
            edits.add((start, end, tuple(after[first:last])))
    return edits


def edit_f05(right: int, wrong: int, missed: int) -> tuple[float, float, float]:
    """Precision, recall and F0.5 = 1.25 P R / (0.25 P + R); P is 1 without a wrong edit, R without a missed one."""
    precision = right / (right + wrong) if wrong else 1.0
    recall = right / (right + missed) if missed else 1.0
    both = 0.25 * precision + recall
    return precision, recall, 1.25 * precision * recall / both if both else 0.0


def _against_best(
    before: Tokens, after: Tokens, wanted: Sequence[Tokens], totals: tuple[int, int, int]
) -> tuple[int, int, int]:
    """Right, wrong and missed edits against the reference chosen as ERRANT's scorer does.

    That is the one with which the sentences so far have the highest F0.5; then the one with more right, fewer wrong,
    fewer missed edits; then the first.
    """
    made = edits_between(before, after)
    choices = []
    for reference in wanted:
        gold = edits_between(before, reference)
        right = len(made & gold)
        choices.append((right, len(made) - right, len(gold) - right))

    def merit(counts: tuple[int, int, int]) -> tuple[float, int, int, int]:
        so_far = [total + count for total, count in zip(totals, counts, strict=True)]
        return edit_f05(*so_far)[2], counts[0], -counts[1], -counts[2]

    return max(choices, key=merit)


def gleu_counts(before: Tokens, after: Tokens, reference: Tokens) -> list[int]:
    """The lengths of hypothesis and reference, then for orders 1-4 the matches less the penalty, and the n-grams.

    The penalty counts the hypothesis' n-grams that were in the source and that the reference has dropped altogether;
    matches less penalty are at least 0.
    """
    counts = [len(after), len(reference)]
    for order in ORDERS:
        source, ours, theirs = (_ngrams(tokens, order) for tokens in (before, after, reference))
        dropped = Counter({ngram: count for ngram, count in source.items() if ngram not in theirs})
        counts.append(max(0, (ours & theirs).total() - (ours & dropped).total()))
        counts.append(max(0, len(after) + 1 - order))
    return counts


def gleu(counts: Sequence[Sequence[Sequence[int]]]) -> float:
    """GLEU of a corpus from ``gleu_counts`` of each sentence and reference.

    min(1, exp(1 - r/c)) times the geometric mean of the four quotients, on sums over sentences; 0 if any sum is 0.
    An order that no text of either side is long enough for has no quotient, and is left out.
    Where a sentence has several references one is drawn, and the mean of 500 such rounds is the score. The draws are
    those of the authors' script under Python 2, for which the published numbers were computed.
    """
    rounds = ROUNDS if any(len(choices) > 1 for choices in counts) else 1
    width = max(map(len, counts))
    padded_NRK = np.array([[*choices, *[choices[0]] * (width - len(choices))] for choices in counts])
    sentences = np.arange(len(counts))
    scores = []
    for number in range(rounds):
        draw = Random(number * 101).random
        chosen = [int(draw() * len(choices)) for choices in counts]
        counts_NK = padded_NRK[sentences, chosen]
        orders = min(len(ORDERS), int(counts_NK[:, :2].max()))
        scores.append(_gleu_of_sums(counts_NK.sum(axis=0)[: 2 + 2 * orders].tolist()))
    return sum(scores) / rounds


def _gleu_of_sums(sums: Sequence[int]) -> float:
    """``sums``: lengths of hypotheses and references, then matches and n-grams of each order that there is."""
    if 0 in sums:
        return 0.0
    ours, theirs, *quotients = sums
    logs = [math.log(part / whole) for part, whole in zip(quotients[::2], quotients[1::2], strict=True)]
    return math.exp(min(0.0, 1 - theirs / ours) + sum(logs) / len(logs))


def _ngrams(tokens: Tokens, order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[start : start + order]) for start in range(len(tokens) + 1 - order))
