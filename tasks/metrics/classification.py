"""Scores of labels: accuracy, macro F1, and how far an ordered label is missed.

torchmetrics counts; the quotients are taken in double precision, for in single precision full marks may pass 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import torch
from torch import Tensor

LIBRARY = f"torchmetrics {version('torchmetrics')}"

DEFINITIONS: Mapping[str, str] = {
    "accuracy": f"share of the texts whose predicted label is the gold label, 0-1, higher is better ({LIBRARY})",
    "macro_f1": (
        "unweighted mean of each label's F1 = 2 tp / (2 tp + fp + fn), 0-1, higher is better; over the labels that "
        "occur in gold or predictions, so that a gold label never seen in training counts as 0 and a label that "
        f"occurs in neither is left out (counts by {LIBRARY})"
    ),
    "rank_mean_absolute_error": (
        "mean distance |rank(gold) - rank(predicted)| in steps between neighbouring labels of the ordered inventory, "
        f"0 to labels - 1, lower is better ({LIBRARY})"
    ),
}


def classification_scores(gold: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str]) -> dict[str, float]:
    """``accuracy`` and ``macro_f1`` of label names; ``labels`` is the inventory of the training split.

    Raises ValueError if there is nothing to score or the lengths differ.
    """
    from torchmetrics.functional.classification import multiclass_stat_scores

    inventory = list(dict.fromkeys([*labels, *gold]))
    gold_N, predicted_N = _indices(gold, predicted, inventory)
    # torchmetrics calls a problem with one label binary and refuses it; one that never occurs changes no score.
    count = max(2, len(inventory))
    counts_C5 = multiclass_stat_scores(predicted_N, gold_N, num_classes=count, average=None).double()
    right_C, wrong_C, _, missed_C, _ = counts_C5.unbind(-1)
    mentioned_C = 2 * right_C + wrong_C + missed_C
    f1_C = 2 * right_C[mentioned_C > 0] / mentioned_C[mentioned_C > 0]
    return {"accuracy": float(right_C.sum()) / len(gold), "macro_f1": float(f1_C.mean())}


def rank_mean_absolute_error(gold: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str]) -> float:
    """How many ranks a prediction is off, on average; ``labels`` are in order.

    Raises ValueError for a gold label without a rank.
    """
    from torchmetrics.functional import mean_absolute_error

    unranked = sorted(set(gold) - set(labels))
    if unranked:
        raise ValueError(
            f"expected gold labels among {', '.join(labels)}, got {', '.join(unranked)}, which have no rank; "
            "name every label, in order, in task.order"
        )
    gold_N, predicted_N = _indices(gold, predicted, labels)
    return float(mean_absolute_error(predicted_N.double(), gold_N.double()))


def _indices(gold: Sequence[str], predicted: Sequence[str], labels: Sequence[str]) -> tuple[Tensor, Tensor]:
    if not gold or len(gold) != len(predicted):
        raise ValueError(
            f"expected as many predictions as gold labels and at least one, got {len(predicted)} and {len(gold)}"
        )
    index = {label: place for place, label in enumerate(labels)}
    return torch.tensor([index[label] for label in gold]), torch.tensor([index[label] for label in predicted])
