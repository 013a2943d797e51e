from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from harness.statistics.answers import BINS, calibration, confusions, label_scores

LABELS = ["a", "b", "c", "never"]


def drawn() -> tuple[list[str], list[str]]:
    random = np.random.default_rng(1)
    return random.choice(["a", "b", "c"], 200, p=[0.6, 0.3, 0.1]).tolist(), random.choice(["a", "b", "d"], 200).tolist()


def test_scores_by_label_are_those_of_scikit_learn():
    gold, predicted = drawn()
    found = label_scores([{(label,)} for label in gold], [{(label,)} for label in predicted])
    assert list(found) == ["a", "b", "c", "d"]  # by how often they are gold
    theirs = precision_recall_fscore_support(gold, predicted, labels=list(found), zero_division=0)
    for key, values in zip(("precision", "recall", "f1", "support"), theirs, strict=True):
        assert [scores[key] for scores in found.values()] == pytest.approx(values.tolist(), abs=1e-6), key
    assert [scores["predicted"] for scores in found.values()] == [predicted.count(label) for label in found]


def test_what_has_a_place_is_right_in_its_place_alone():
    gold, predicted = [{("X", 0, 1), ("X", 2, 4)}], [{("X", 0, 1), ("X", 2, 3), ("Y", 4, 5)}]
    found = label_scores(gold, predicted)
    assert found["X"] == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 2, "predicted": 2}
    assert found["Y"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0, "predicted": 1}


def test_confusions_are_those_of_scikit_learn():
    gold, predicted = drawn()
    found = confusions(zip(gold, predicted, strict=True))
    names = ["a", "b", "c", "d"]
    assert [[found.get(g, {}).get(p, 0) for p in names] for g in names] == confusion_matrix(
        gold, predicted, labels=names
    ).tolist()
    assert list(found) == ["a", "b", "c"]
    assert all(list(row.values()) == sorted(row.values(), reverse=True) for row in found.values())


def test_the_error_of_calibration_is_that_of_torchmetrics():
    from torchmetrics.functional.classification import binary_calibration_error

    random = np.random.default_rng(2)
    confidence = random.random(500)
    right = random.random(500) < confidence**2
    ours = calibration(confidence.tolist(), right.tolist())["expected_calibration_error"]
    theirs = binary_calibration_error(torch.tensor(confidence), torch.tensor(right).int(), n_bins=BINS, norm="l1")
    assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_the_error_of_calibration_by_hand():
    # A bin holds its upper end, not its lower one; 0 belongs to the first.
    found = calibration([0.0, 1 / 15, 0.5, 0.5, 0.52, 1.0], [False, True, True, False, True, True])
    assert found["counts"] == [2, *[0] * 6, 3, *[0] * 6, 1]
    assert found["confidence"][0] == pytest.approx(1 / 30, abs=1e-6)
    assert [found["accuracy"][n] for n in (0, 1, 7, 14)] == [0.5, None, pytest.approx(2 / 3, abs=1e-6), 1.0]
    expected = (2 * abs(0.5 - 1 / 30) + 3 * abs(2 / 3 - 1.52 / 3) + 0) / 6
    assert found["expected_calibration_error"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("confidence", [[], [1.2], [float("nan")]])
def test_what_is_no_probability_is_refused(confidence: list[float]):
    with pytest.raises(ValueError, match="at least one answer, each with a confidence from 0 to 1"):
        calibration(confidence, [True] * len(confidence))
