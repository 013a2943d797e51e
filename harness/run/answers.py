"""What a record says of single answers, all of it taken from the predictions that are kept beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from harness.records.record import Calibration, Facts
from harness.statistics.answers import calibration, confusions, label_scores
from tasks.base import Task


def answer_facts(task: Task, described: Sequence[Mapping[str, Any]]) -> Facts:
    """Scores by label, confusions and calibration, as far as the task has them, from ``describe_predictions``."""
    facts: Facts = {}
    golds, made = ([row[key] for row in described] for key in ("gold", "predicted"))
    by_label = label_scores(map(task.counted, golds), map(task.counted, made))
    if by_label:
        facts["label_scores"] = by_label
    pairs = [
        pair
        for gold, predicted in zip(golds, made, strict=True)
        for pair in zip(task.choices(gold), task.choices(predicted), strict=True)
    ]
    if pairs:
        facts["confusions"] = confusions(pairs)
    found = calibration_of(described)
    if found is not None:
        facts["calibration"] = found
    return facts


def calibration_of(described: Sequence[Mapping[str, Any]]) -> Calibration | None:
    """The calibration of predictions with a ``confidence``, of tags token by token; None where any lacks it."""
    confidence: list[float] = []
    right: list[bool] = []
    for row in described:
        found, gold, predicted = row.get("confidence"), row["gold"], row["predicted"]
        if found is None:
            return None
        if isinstance(found, list):
            confidence += found
            right += [ours == theirs for ours, theirs in zip(gold, predicted, strict=True)]
        else:
            confidence.append(found)
            right.append(gold == predicted)
    if not confidence:
        return None
    of = "tags" if isinstance(described[0]["confidence"], list) else "answers"
    return cast(Calibration, {"of": of, **calibration(confidence, right)})
