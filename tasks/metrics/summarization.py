"""Scores of summaries: ROUGE by rouge-score, and how much a summary repeats itself.

Lin 2004, https://aclanthology.org/W04-1013. See et al. 2017 (repetition), https://arxiv.org/abs/1704.04368

English words are stemmed (Porter; those of more than three letters), as in the published scores of DialogSum
(py-rouge) and SciTLDR (files2rouge). ROUGE's own tokenizer drops whatever is not ASCII, so other languages get
another: grapheme clusters where there are no spaces between words, Unicode words for the rest, not stemmed. All drop
punctuation and case. ROUGE-L is that of whole texts, without a look at sentence ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

from tasks.encoding.tokenization import split_characters, split_words
from tasks.metrics.generation import check_texts, tokens_of, units_of
from tasks.reading.languages import language_named

ROUGE = {"rouge_1_f1": "rouge1", "rouge_2_f1": "rouge2", "rouge_l_f1": "rougeL"}
"""Our key -> rouge-score's."""


def summarization_scores(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, language: str
) -> dict[str, float]:
    """``rouge_1_f1``, ``rouge_2_f1``, ``rouge_l_f1`` (higher is better), ``repetition_rate`` (lower is better); 0-1.

    Raises ValueError if there is nothing to score or a hypothesis has no reference.
    """
    statistics = summarization_statistics(hypotheses, references, language=language)
    return {key: sum(row[key] for row in statistics) / len(statistics) for key in statistics[0]}


def summarization_statistics(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, language: str
) -> list[dict[str, float]]:
    """The scores of each summary; a corpus' score is their mean. Raises ValueError as ``summarization_scores`` does."""
    check_texts(hypotheses, references)
    scorer = _scorer(language)
    return [
        _rouge(scorer, hypothesis, accepted) | {"repetition_rate": repetition_rate(hypothesis, language=language)}
        for hypothesis, accepted in zip(hypotheses, references, strict=True)
    ]


def rouge_tokens(text: str, *, language: str) -> list[str]:
    """What ROUGE counts of a text."""
    tokens: list[str] = _tokenizer(language).tokenize(text)
    return tokens


def repetition_rate(text: str, *, language: str) -> float:
    """The share of a text's trigrams that have occurred in it before; 0 for a text without trigrams."""
    tokens = tokens_of(text, language=language)
    trigrams = list(zip(tokens, tokens[1:], tokens[2:], strict=False))
    return 1 - len(set(trigrams)) / len(trigrams) if trigrams else 0.0


def summarization_definitions(language: str) -> dict[str, str]:
    """What each score is."""
    stemmed = _is_english(language)
    units = units_of(language, words="English words, Porter-stemmed" if stemmed else "Unicode words, not stemmed")
    quotients = {
        "rouge_1_f1": "F1 of the unigrams shared with a reference",
        "rouge_2_f1": "F1 of the bigrams shared with a reference",
        "rouge_l_f1": "F1 of the longest common subsequence with a reference, over the whole text",
    }
    rule = (
        f"the best reference counts, mean over texts, {units}, without case and punctuation, 0-1, higher is better "
        f"(rouge-score {version('rouge-score')})"
    )
    return {
        **{key: f"{quotient}; {rule}" for key, quotient in quotients.items()},
        "repetition_rate": (
            f"share of a text's trigrams of {units_of(language, words='words')} (as written) that have occurred in it "
            "before, mean over texts, 0-1, lower is better"
        ),
    }


def _rouge(scorer: Any, hypothesis: str, accepted: Sequence[str]) -> dict[str, float]:
    best = scorer.score_multi(list(accepted), hypothesis)
    return {ours: float(best[theirs].fmeasure) for ours, theirs in ROUGE.items()}


class _Tokens:
    """What rouge-score expects of a tokenizer of one's own."""

    def __init__(self, split: Callable[[str], list[str]]) -> None:
        self.split = split

    def tokenize(self, text: str) -> list[str]:
        """The tokens that hold a letter or digit, in lower case."""
        return [token for token in self.split(text.lower()) if any(map(str.isalnum, token))]


@cache
def _tokenizer(language: str) -> Any:
    from rouge_score.tokenizers import DefaultTokenizer

    if _is_english(language):
        return DefaultTokenizer(use_stemmer=True)
    return _Tokens(split_characters if language_named(language).spaceless else split_words)


def _is_english(language: str) -> bool:
    named = language_named(language)
    return named.code == "en" and named.script == "Latn"


@cache
def _scorer(language: str) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE.values()), tokenizer=_tokenizer(language))
