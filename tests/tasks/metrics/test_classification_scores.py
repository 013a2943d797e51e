from __future__ import annotations

import random

import pytest

from tasks.metrics.classification import DEFINITIONS, classification_scores, rank_mean_absolute_error


def test_hand_counted_scores():
    gold = ["a", "a", "a", "b", "c"]
    predicted = ["a", "a", "b", "b", "a"]
    scores = classification_scores(gold, predicted, labels=["a", "b", "c"])
    # a: tp 2, fp 1, fn 1 -> 2/3; b: tp 1, fp 1, fn 0 -> 2/3; c: 0
    assert scores == pytest.approx({"accuracy": 3 / 5, "macro_f1": (2 / 3 + 2 / 3 + 0) / 3})


def test_a_label_that_never_occurs_is_left_out_of_macro_f1():
    scores = classification_scores(["a", "b"], ["a", "b"], labels=["a", "b", "unused"])
    assert scores["macro_f1"] == 1


def test_a_gold_label_unseen_in_training_counts_as_missed():
    scores = classification_scores(["a", "new"], ["a", "a"], labels=["a", "b"])
    assert scores == pytest.approx({"accuracy": 1 / 2, "macro_f1": (2 / 3 + 0) / 2})


def test_one_label_is_no_special_case():
    assert classification_scores(["a"], ["a"], labels=["a"]) == {"accuracy": 1, "macro_f1": 1}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 11, 77, 150])
def test_full_marks_are_1_and_no_more(count: int):
    labels = [f"label {number}" for number in range(count)]
    assert classification_scores(labels * 3, labels * 3, labels=labels) == {"accuracy": 1.0, "macro_f1": 1.0}


def test_scores_are_exact_fractions():
    gold, predicted = ["a"] * 9 + ["b"], ["a"] * 10
    assert classification_scores(gold, predicted, labels=["a", "b"]) == {"accuracy": 0.9, "macro_f1": 18 / 19 / 2}
    assert rank_mean_absolute_error(["a"] * 10, ["a"] * 9 + ["b"], labels=["a", "b"]) == 0.1


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int):
    from sklearn.metrics import accuracy_score, f1_score

    draw = random.Random(seed)
    labels = [f"label {number}" for number in range(6)]
    gold, predicted = ([draw.choice(labels) for _ in range(12)] for _ in range(2))
    scores = classification_scores(gold, predicted, labels=labels)
    assert scores["accuracy"] == pytest.approx(accuracy_score(gold, predicted))
    assert scores["macro_f1"] == pytest.approx(f1_score(gold, predicted, average="macro"))


def test_rank_error_counts_steps_between_neighbours():
    labels = ["bad", "fair", "good", "superb"]
    error = rank_mean_absolute_error(["bad", "good", "superb"], ["superb", "good", "good"], labels=labels)
    assert error == pytest.approx((3 + 0 + 1) / 3)


def test_rank_error_refuses_a_label_without_a_rank():
    with pytest.raises(ValueError, match=r"got odd, which have no rank; name every label, in order, in task\.order"):
        rank_mean_absolute_error(["odd"], ["bad"], labels=["bad", "good"])


@pytest.mark.parametrize(("gold", "predicted"), [([], []), (["a"], ["a", "b"])])
def test_scores_need_as_many_predictions_as_labels(gold: list[str], predicted: list[str]):
    with pytest.raises(ValueError, match="expected as many predictions as gold labels and at least one, got"):
        classification_scores(gold, predicted, labels=["a", "b"])


def test_definitions_name_the_library_and_its_version():
    assert all("torchmetrics 1." in definition for definition in DEFINITIONS.values())
