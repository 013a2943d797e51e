"""Scores of tag sequences: spans by seqeval in its strict mode, and single tokens.

seqeval reads IOB2 in two ways. Its default mode lets an orphan ``I-X`` begin a span, as conlleval does; the strict
one, used here, counts a span only if it begins with ``B-X`` and goes on with ``I-X`` of the same type.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

LIBRARY = f"seqeval {version('seqeval')}, mode=strict, scheme=IOB2, zero_division=0"

DEFINITIONS: Mapping[str, str] = {
    "token_accuracy": "share of the tokens of all texts whose predicted tag is the gold tag, 0-1, higher is better"
}


def span_definitions(spans: str) -> dict[str, str]:
    """The definitions of ``span_scores`` whose keys begin with ``spans``."""
    rule = (
        f"over the {spans} spans of all texts, a predicted one being right if first token, last token and type are "
        f"those of a gold one; spans begin with B-; 0 where the quotient is 0/0; 0-1, higher is better ({LIBRARY}); "
        "KEY/TYPE counts the spans of one type only"
    )
    quotients = {
        "f1": "harmonic mean of precision and recall,",
        "precision": "right predicted spans / predicted spans,",
        "recall": "right predicted spans / gold spans,",
    }
    return {f"{spans}_{score}_strict_iob2": f"{quotient} {rule}" for score, quotient in quotients.items()}


def span_scores(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, spans: str) -> dict[str, float]:
    """F1, precision and recall of spans over all texts, and of each type that gold or predictions have.

    Keys: ``<spans>_f1_strict_iob2`` (the main one), ``<spans>_f1_strict_iob2/<type>``, and so on.
    Raises ValueError if there is nothing to score or lengths differ.
    """
    from seqeval.metrics.v1 import precision_recall_fscore_support
    from seqeval.scheme import IOB2, Entities

    check_lengths(gold, predicted)
    kinds = sorted({tag.partition("-")[2] for tags in (*gold, *predicted) for tag in tags} - {""})
    names = {kind: f"{number:06}" for number, kind in enumerate(kinds)}  # seqeval strips outer hyphens of a type
    gold_lists, predicted_lists = ([_renamed(tags, names) for tags in side] for side in (gold, predicted))
    # Found once and handed on: seqeval's own report does the same, and finding them is most of the time.
    entities = {
        "entities_true": Entities(gold_lists, IOB2, False),
        "entities_pred": Entities(predicted_lists, IOB2, False),
    }
    types = sorted(entities["entities_true"].unique_tags | entities["entities_pred"].unique_tags)
    results = {}
    for average in ("micro", None):
        results[average] = precision_recall_fscore_support(
            gold_lists, predicted_lists, average=average, scheme=IOB2, zero_division=0, **entities
        )
    scores = {}
    for place, score in ((2, "f1"), (0, "precision"), (1, "recall")):
        key = f"{spans}_{score}_strict_iob2"
        scores[key] = float(results["micro"][place])
        values = zip(types, results[None][place], strict=True)
        scores |= {f"{key}/{kinds[int(name)]}": float(value) for name, value in values}
    return scores


def _renamed(tags: Sequence[str], names: Mapping[str, str]) -> list[str]:
    parts = (tag.partition("-") for tag in tags)
    return [f"{prefix}-{names[kind]}" if kind else prefix for prefix, _, kind in parts]


def token_accuracy(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """The share of right tags, each token weighing the same.

    Raises ValueError if there is nothing to score or lengths differ.
    """
    check_lengths(gold, predicted)
    right = sum(
        ours == theirs for texts in zip(gold, predicted, strict=True) for ours, theirs in zip(*texts, strict=True)
    )
    return right / sum(map(len, gold))


def check_lengths(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> None:
    """Raise ValueError unless every text has as many predicted as gold tags, and there is a text."""
    if not gold or len(gold) != len(predicted):
        raise ValueError(f"expected predictions for at least one text, got {len(predicted)} for {len(gold)} texts")
    for number, (ours, theirs) in enumerate(zip(gold, predicted, strict=True)):
        if len(ours) != len(theirs):
            raise ValueError(f"expected one predicted tag a token, got {len(theirs)} for {len(ours)} in text {number}")
