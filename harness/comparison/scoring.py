"""The predictions of a run, scored example by example, so that two runs can be compared over the test examples.

A score of many examples is a function of sums of their statistics (``statistics.over_examples``); a ``Scorer`` is such
a pair. Task code is imported only for texts, whose scores cannot be had without it.

N examples, K statistics
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from harness.statistics.over_examples import (
    Score,
    bleu_score,
    f_score,
    label_statistics,
    macro_f1_score,
    mean_statistics,
    ratio_score,
)
from harness.statistics.over_seeds import Array
from tasks.labels.spans import spans_of
from tasks.reading.languages import language_named

Prediction = Mapping[str, Any]
"""One line of ``predictions.jsonl.gz``: row, gold, predicted, length, unseen, and the text columns."""

SPANS = "_f1_strict_iob2"
"""How the key of a score of spans ends, after what the spans are called."""


class Scorer(NamedTuple):
    """How examples become a score: statistics (N, K) of some, and the score of their sums.

    ``graded``: True if an example can be half right, so that its own score says how good it is.
    ``texts``: True if texts are written, so that there are no gold labels to sort examples by.
    """

    statistics: Callable[[Sequence[Prediction]], Array]
    score: Score
    graded: bool = False
    texts: bool = False

    def values(self, rows: Sequence[Prediction]) -> Array:
        """How good each prediction is, (N,): its own score if graded, else 1 for right and 0 for wrong."""
        if self.graded:
            values: Array = self.score(self.statistics(rows))
            return values
        return np.array([float(is_right(row)) for row in rows])


def is_right(row: Prediction) -> bool:
    """Whether the prediction is the gold label, the gold tags, or one of the gold texts."""
    gold, predicted = row["gold"], row["predicted"]
    if isinstance(gold, list) and isinstance(predicted, str):
        return predicted in gold
    return bool(predicted == gold)


def scorer_for(metric: str, rows: Sequence[Prediction], *, language: str) -> Scorer:
    """The scorer of a score. ``rows``: predictions of both runs; ``language``: the tag of what is written.

    Raises ValueError for a score that predictions alone do not give, with those that they do, and for no tag.
    """
    if metric.endswith(SPANS):
        return Scorer(_span_statistics, f_score)
    made = _scorers(rows, language)
    if metric not in made:
        raise ValueError(
            f"the score {metric!r} cannot be computed from predictions; these can, where the task has them: "
            f"{', '.join(made)}, …{SPANS}"
        )
    if made[metric].texts:
        language_named(language)
    return made[metric]


def _scorers(rows: Sequence[Prediction], language: str) -> dict[str, Scorer]:
    exact, edits = (partial(_correction_statistics, language=language, exact=exact) for exact in (True, False))
    bleu = partial(_bleu_statistics, language=language)
    summaries = {
        key: Scorer(partial(_summary_statistics, language=language, key=key), ratio_score, graded=True, texts=True)
        for key in ("rouge_1_f1", "rouge_2_f1", "rouge_l_f1", "repetition_rate")
    }
    return {
        "accuracy": Scorer(_right_statistics, ratio_score),
        "macro_f1": Scorer(partial(_label_statistics, labels=_labels(rows)), macro_f1_score),
        "micro_f1": Scorer(_set_statistics, f_score),
        "exact_match": Scorer(_right_statistics, ratio_score),
        "token_accuracy": Scorer(_token_statistics, ratio_score),
        "sacrebleu": Scorer(bleu, bleu_score, graded=True, texts=True),
        **summaries,
        "sentence_accuracy": Scorer(exact, ratio_score, texts=True),
        "edit_f05": Scorer(edits, partial(f_score, beta=0.5), texts=True),
    }


def _right_statistics(rows: Sequence[Prediction]) -> Array:
    return mean_statistics([float(is_right(row)) for row in rows])


def _labels(rows: Sequence[Prediction]) -> list[str]:
    """All labels of all rows, also where each row has several."""
    return sorted({label for row in rows for part in (row["gold"], row["predicted"]) for label in _several(part)})


def _several(part: Any) -> list[str]:
    return part if isinstance(part, list) else [part]


def _label_statistics(rows: Sequence[Prediction], labels: Sequence[str]) -> Array:
    return label_statistics(*([_several(row[key]) for row in rows] for key in ("gold", "predicted")), labels=labels)


def _set_statistics(rows: Sequence[Prediction]) -> Array:
    counted = [(len({*row["gold"]} & {*row["predicted"]}), len(row["predicted"]), len(row["gold"])) for row in rows]
    return np.array(counted, dtype=np.float64)


def _token_statistics(rows: Sequence[Prediction]) -> Array:
    counted = [
        (sum(g == p for g, p in zip(row["gold"], row["predicted"], strict=True)), len(row["gold"])) for row in rows
    ]
    return np.array(counted, dtype=np.float64)


def _span_statistics(rows: Sequence[Prediction]) -> Array:
    counted = []
    for row in rows:
        gold, predicted = spans_of(row["gold"]), spans_of(row["predicted"])
        counted.append((len(gold & predicted), len(predicted), len(gold)))
    return np.array(counted, dtype=np.float64)


def _texts(rows: Sequence[Prediction]) -> tuple[list[str], list[list[str]]]:
    gold = (row["gold"] for row in rows)
    return [row["predicted"] for row in rows], [text if isinstance(text, list) else [text] for text in gold]


def _bleu_statistics(rows: Sequence[Prediction], language: str) -> Array:
    from tasks.metrics.translation import translation_statistics

    found = translation_statistics(*_texts(rows), language=language)
    return np.array([row["sacrebleu"] for row in found], dtype=np.float64)


def _summary_statistics(rows: Sequence[Prediction], language: str, key: str) -> Array:
    from tasks.metrics.summarization import summarization_statistics

    return mean_statistics([row[key] for row in summarization_statistics(*_texts(rows), language=language)])


def _correction_statistics(rows: Sequence[Prediction], language: str, exact: bool) -> Array:
    """(exact, 1) for sentence accuracy; (right, made, wanted) edits for F0.5."""
    from tasks.metrics.correction import correction_statistics

    sources = [row["source"] if isinstance(row["source"], str) else " ".join(row["source"]) for row in rows]
    found = correction_statistics(sources, *_texts(rows), language=language)
    if exact:
        return mean_statistics([row["exact"] for row in found])
    edits = np.array([row["edits"] for row in found], dtype=np.float64)
    right, wrong, missed = edits.T
    return np.stack([right, right + wrong, right + missed], axis=-1)
