from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from tasks.labels.weights import ClassWeights

LABELS = ["a"] * 6 + ["b"] * 3 + ["c"]


def settled(asked, labels=LABELS, *, each: bool = False) -> ClassWeights:
    made = ClassWeights(asked, each=each)
    made.said = made.settle([label] if isinstance(label, str) else label for label in labels)
    return made


def test_balanced_is_what_scikit_learn_calls_so():
    expected = compute_class_weight("balanced", classes=np.array(["a", "b", "c"]), y=LABELS)
    assert settled("balanced").of(["a", "b", "c"]) == pytest.approx(expected.tolist())
    assert settled("balanced").said == ["labels weigh in the loss (task.class_weights): c: 3.33, b: 1.11, a: 0.556"]


def test_given_weights_keep_their_ratios_and_have_the_mean_one_over_train():
    weights = settled({"c": 5, "a": 2}).of(["a", "b", "c"])
    assert np.array(weights) / weights[1] == pytest.approx([2, 1, 5])
    assert np.average(weights, weights=[6, 3, 1]) == pytest.approx(1)


def test_tags_are_counted_one_by_one():
    assert settled("balanced", [["O", "O", "B"], ["O"]]).of(["O", "B", "I"]) == pytest.approx([4 / 6, 4 / 2, 1])


def test_the_presence_of_each_label_is_weighed_against_its_absence():
    sets = [["a"], ["a", "b"], [], ["a"]]
    assert settled("balanced", sets, each=True).of(["a", "b"]) == pytest.approx([1 / 3, 3])
    assert settled({"b": 9}, sets, each=True).of(["a", "b"]) == [1, 9]
    assert settled("balanced", [["a"], ["a"]], each=True).of(["a"]) == [0.5]  # not 0, which would teach nothing


def test_none_weighs_nothing_and_says_nothing():
    assert settled("none").of(["a"]) is None
    assert settled("none").said == []


def test_of_many_labels_the_heaviest_and_the_lightest_are_told():
    many = [label for n, label in enumerate("abcdefgh", 1) for _ in range(n)]
    assert settled("balanced", many).said[0].endswith("from 4.5 (a) to 0.562 (h)")


def test_before_train_is_seen_all_weigh_the_same():
    assert ClassWeights({"a": 3}, each=False).of(["a", "b"]) == [1, 1]


def test_a_label_that_train_lacks_is_refused_and_so_is_what_is_no_weight():
    with pytest.raises(ValueError, match=r"names 'x', but no row of train has that label; found 'a', 'b', 'c'; write"):
        settled({"x": 2, "a": 1})
    for wrong in ("inverse", {"a": 0}, {"a": -1}):
        with pytest.raises(ValueError, match=r"task\.class_weights: expected none, balanced or weights above 0"):
            ClassWeights(wrong, each=False)


def test_labels_that_yaml_reads_as_numbers_or_truth_are_texts_as_in_the_data():
    assert ClassWeights({3: 2, 4.5: 1, True: 9}, each=False).asked == {"3": 2.0, "4.5": 1.0, "true": 9.0}
