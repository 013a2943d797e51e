"""Scores of sets of labels: micro and macro F1 by scikit-learn, and whole sets that are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import numpy as np

LIBRARY = f"scikit-learn {version('scikit-learn')}"

DEFINITIONS: Mapping[str, str] = {
    "micro_f1": (
        "F1 = 2 tp / (2 tp + fp + fn) of the labels of all texts counted together, 0-1, higher is better; 0 where no "
        f"text has a label and none is predicted ({LIBRARY}, average=micro)"
    ),
    "macro_f1": (
        "unweighted mean of each label's F1 = 2 tp / (2 tp + fp + fn), 0-1, higher is better; over the labels that "
        f"occur in gold or predictions ({LIBRARY}, average=macro)"
    ),
    "exact_match": "share of the texts whose predicted labels are exactly the gold labels, 0-1, higher is better",
}


def label_set_scores(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], *, labels: Sequence[str]
) -> dict[str, float]:
    """``micro_f1``, ``macro_f1`` and ``exact_match`` of sets of names; ``labels``: the inventory of train.

    Raises ValueError if there is nothing to score or the lengths differ.
    """
    from sklearn.metrics import f1_score

    if not gold or len(gold) != len(predicted):
        raise ValueError(
            f"expected as many predictions as gold sets and at least one, got {len(predicted)} and {len(gold)}"
        )
    inventory = list(dict.fromkeys([*labels, *(label for found in (*gold, *predicted) for label in found)]))
    gold_NL, predicted_NL = (_chosen(found, inventory) for found in (gold, predicted))
    occurs_L = (gold_NL | predicted_NL).any(axis=0)
    exact = float((gold_NL == predicted_NL).all(axis=1).mean())
    if not occurs_L.any():
        return {"micro_f1": 0.0, "macro_f1": 0.0, "exact_match": exact}
    pair = gold_NL[:, occurs_L], predicted_NL[:, occurs_L]
    micro, macro = (float(f1_score(*pair, average=average, zero_division=0)) for average in ("micro", "macro"))
    return {"micro_f1": micro, "macro_f1": macro, "exact_match": exact}


def _chosen(sets: Sequence[Sequence[str]], inventory: Sequence[str]) -> np.ndarray:
    index = {label: place for place, label in enumerate(inventory)}
    chosen = np.zeros((len(sets), len(inventory)), dtype=bool)
    for row, found in enumerate(sets):
        chosen[row, [index[label] for label in found]] = True
    return chosen
