"""Scores of translations: BLEU and chrF by sacreBLEU, and how well attention finds the words that belong together.

Post 2018, A Call for Clarity in Reporting BLEU Scores, https://arxiv.org/abs/1804.08771
Papineni et al. 2002 (BLEU), https://aclanthology.org/P02-1040; Popović 2015 (chrF), https://aclanthology.org/W15-3049

A corpus' score is made of sums over its sentences, so ``translation_statistics`` of each sentence is all that a test
over sentences needs: add up the rows and call ``translation_scores_from`` on the sums.

T target words, S source words
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from tasks.encoding.tokenization import CLUSTERS, split_characters
from tasks.metrics.generation import check_texts
from tasks.reading.languages import language_named

BLEU_TOKENIZERS: Mapping[str, str] = {"Hani": "zh", "Jpan": "char"}
"""sacreBLEU's tokenizer by the script of the target. Japanese by characters needs no dictionary."""

OWN, USUAL = "none", "13a"
"""The tokenizer of other scripts without spaces, whose texts we cut into clusters before, and that of all others."""

ALIGNMENT_DEFINITIONS: Mapping[str, str] = {
    "alignment_f1": (
        "harmonic mean of precision and recall of links between target and source words, summed over all sentences; "
        "a target word is linked to the source word with its largest weight, which is that with which the reference is "
        "read, the mean over the heads of the last decoder site, summed over the symbols of a source word and averaged "
        "over those of a target word; 0-1, higher is better"
    ),
    "alignment_precision": "right links / predicted links, 0-1, higher is better",
    "alignment_recall": "right links / gold links, 0-1, higher is better",
}

LOOKALIKES = str.maketrans(
    {
        **dict.fromkeys("„“”«»", '"'),
        **dict.fromkeys("‚‘’´`", "'"),
        **dict.fromkeys("\u00a0\u202f", " "),
        "–": "-",
        "—": " - ",
        "…": "...",
    }
)
"""Typographic quotes, dashes and spaces -> their ASCII forms, as Moses' normalize-punctuation does."""


def translation_scores(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, language: str
) -> dict[str, float]:
    """``sacrebleu`` and ``chrf``, 0-1, higher is better.

    Raises ValueError if there is nothing to score or a hypothesis has no reference.
    """
    statistics = translation_statistics(hypotheses, references, language=language)
    sums = {key: np.sum([row[key] for row in statistics], axis=0).tolist() for key in statistics[0]}
    return translation_scores_from(sums, language=language)


def translation_statistics(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, language: str
) -> list[dict[str, list[float]]]:
    """For each sentence what its corpus' scores are made of, in sacreBLEU's own order.

    ``sacrebleu``: tokens of the hypothesis, tokens of the reference nearest in length, matches of orders 1-4, n-grams
    of orders 1-4. ``chrf``: for each order 1-6 the n-grams of hypothesis, of reference, and of both.
    Raises ValueError as ``translation_scores`` does.
    """
    check_texts(hypotheses, references)
    streams = _streams(references)
    cut = _cut if bleu_tokenizer(language) == OWN else lambda text: text
    texts = {
        "sacrebleu": ([cut(text) for text in hypotheses], [[t and cut(t) for t in stream] for stream in streams]),
        "chrf": (hypotheses, streams),
    }
    # sacreBLEU's own paired tests take their statistics from this method.
    columns = {key: metric._extract_corpus_statistics(*texts[key]) for key, metric in _metrics(language).items()}
    return [{key: list(rows[number]) for key, rows in columns.items()} for number in range(len(hypotheses))]


def translation_scores_from(sums: Mapping[str, Sequence[float]], *, language: str) -> dict[str, float]:
    """The scores of a corpus from the sums of its sentences' statistics."""
    return {
        key: min(1.0, metric._compute_score_from_stats(list(sums[key])).score / 100)  # rounding may pass 100
        for key, metric in _metrics(language).items()
    }


def signatures(language: str, *, references: int | str = 1) -> dict[str, str]:
    """sacreBLEU's signature of each score; ``references``: how many each sentence has, or "var" if that differs."""
    found = {}
    for key, metric in _metrics(language).items():
        metric.num_refs = -1 if references == "var" else references
        found[key] = str(metric.get_signature())
    return found


def translation_definitions(language: str, *, references: int | str = 1) -> dict[str, str]:
    """What each score of ``translation_scores`` is."""
    own = f" on {CLUSTERS}" if bleu_tokenizer(language) == OWN else ""
    names = {"sacrebleu": f"BLEU of the corpus{own}", "chrf": "chrF2 of the corpus, on characters"}
    return {
        key: f"{names[key]}, by sacreBLEU, divided by 100: 0-1, higher is better ({signature})"
        for key, signature in signatures(language, references=references).items()
    }


def bleu_lowercased_tokenised(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """BLEU-4 as papers on Multi30k report it: punctuation normalised, lower-cased, tokenised, not smoothed; 0-1.

    Those papers normalise and tokenise by scripts of Moses and score by multi-bleu.perl. Here the same quotes, dashes
    and spaces are made plain, and sacreBLEU's 13a tokenizer takes the place of Moses', from which it differs: it
    leaves an apostrophe within a word (Moses: ``l' homme``, ``man 's``), leaves punctuation outside ASCII on its word,
    knows no abbreviations (Moses leaves the full stop on ``Dr.``; 13a cuts off any that does not precede a digit), and
    writes no entities (``&apos;``). So compare with published numbers to about a point, not to the decimal.
    Raises ValueError as ``translation_scores`` does.
    """
    from sacrebleu.metrics.bleu import BLEU

    check_texts(hypotheses, references)
    plain = [_plain(text) for text in hypotheses]
    streams = _streams([[_plain(text) for text in accepted] for accepted in references])
    metric = BLEU(lowercase=True, tokenize="13a", smooth_method="none", force=True)
    # sacreBLEU takes None for a reference that a sentence lacks, though its annotation does not say so.
    return min(1.0, float(metric.corpus_score(plain, streams).score) / 100)


def alignment_scores(gold: Sequence[Collection[tuple[int, int]]], weights: Sequence[Any]) -> dict[str, float]:
    """F1, precision and recall of the links that attention weights suggest, over all sentences together.

    ``gold``: for each sentence its links (target word, source word), counted from 0. ``weights``: for each sentence an
    array (T, S) of words, not subwords. Each target word is linked to the source word of its largest weight, the first
    of equals; a row of zeros (nothing to attend to) links nothing. A target word without a gold link therefore costs
    precision. 0/0 is 0. Raises ValueError if there is nothing to score, and for links outside the array.
    """
    if not gold or len(gold) != len(weights):
        raise ValueError(
            f"expected weights for at least one sentence, got {len(weights)} arrays for {len(gold)} sentences"
        )
    right = predicted = wanted = 0
    for number, (links, given) in enumerate(zip(gold, weights, strict=True)):
        weights_TS = np.asarray(given)
        if weights_TS.ndim != 2 or any(t >= weights_TS.shape[0] or s >= weights_TS.shape[1] for t, s in links):
            raise ValueError(
                f"expected weights of sentence {number} as (target words, source words) that cover its links "
                f"{sorted(links)}, got an array of shape {weights_TS.shape}"
            )
        suggested = {(t, int(row_S.argmax())) for t, row_S in enumerate(weights_TS) if row_S.any()}
        right += len(suggested & set(links))
        predicted += len(suggested)
        wanted += len(set(links))
    return {
        "alignment_f1": 2 * right / (predicted + wanted) if predicted + wanted else 0.0,
        "alignment_precision": right / predicted if predicted else 0.0,
        "alignment_recall": right / wanted if wanted else 0.0,
    }


def _metrics(language: str) -> dict[str, Any]:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    # force: some corpora are tokenised as published, which sacreBLEU would warn of.
    return {"sacrebleu": BLEU(tokenize=bleu_tokenizer(language), force=True), "chrf": CHRF()}


def bleu_tokens(text: str, *, language: str) -> list[str]:
    """What BLEU counts of a text."""
    tokens: list[str] = _tokenize(language)(_cut(text) if bleu_tokenizer(language) == OWN else text).split()
    return tokens


@cache
def _tokenize(language: str) -> Any:
    return _metrics(language)["sacrebleu"].tokenizer


def bleu_tokenizer(language: str) -> str:
    """sacreBLEU's tokenizer for a language."""
    named = language_named(language)
    return BLEU_TOKENIZERS.get(named.script, OWN if named.spaceless else USUAL)


def _cut(text: str) -> str:
    return " ".join(split_characters(text))


def _streams(references: Sequence[Sequence[str]]) -> list[list[Any]]:
    """First references, second ones, and so on, with None where a sentence has fewer."""
    count = max(map(len, references))
    return [[accepted[n] if n < len(accepted) else None for accepted in references] for n in range(count)]


def _plain(text: str) -> str:
    return " ".join(text.translate(LOOKALIKES).split())
