"""Names and order of labels (tasks/label_names.py, tasks/label_order.py)."""

from __future__ import annotations

import pytest

from tasks.labels.names import label_name
from tasks.labels.order import ordered_labels, sorted_labels


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("card_arrival", "card arrival"),
        ("PlayMusic", "play music"),
        ("Sci/Tech", "sci tech"),
        ("creative-work", "creative work"),
        ("PER", "person"),
        ("LOC.NOM", "location nominal"),
        ("WORK_OF_ART", "work of art"),
        ("CCONJ", "coordinating conjunction"),
        ("NOUN", "noun"),
        ("part", "part"),
        ("HTTPServer", "http server"),
        ("oos", "oos"),
        ("工学", "工学"),
        ("3", "3"),
        ("_", "_"),
    ],
)
def test_labels_are_named_in_words(label: str, words: str):
    assert label_name(label) == words.split()


def test_labels_are_sorted_by_name_and_numbers_by_value():
    assert sorted_labels(["b", "a", "b"]) == ["a", "b"]
    assert sorted_labels(["10", "9", "-1", "2.5"]) == ["-1", "2.5", "9", "10"]
    assert sorted_labels(["10", "9", "x"]) == ["10", "9", "x"]


@pytest.mark.parametrize(
    ("labels", "order"),
    [
        (
            ["positive", "very negative", "neutral", "very positive", "negative"],
            ["very negative", "negative", "neutral", "positive", "very positive"],
        ),
        (["positive", "negative"], ["negative", "positive"]),
        (["Very_Positive", "Neutral"], ["Neutral", "Very_Positive"]),
        (["pos", "neg", "pos"], ["neg", "pos"]),
        (["5", "10", "1"], ["1", "5", "10"]),
    ],
)
def test_known_sentiments_and_numbers_are_ordered_by_meaning(labels: list[str], order: list[str]):
    assert ordered_labels(labels, order=None) == order


@pytest.mark.parametrize("labels", [["good", "bad"], ["neg", "negative", "positive"], ["1", "negative"]])
def test_an_unknown_order_is_asked_for(labels: list[str]):
    with pytest.raises(ValueError, match=r"name them from lowest to highest, as in task\.order=\[bad,fair,good\]"):
        ordered_labels(labels, order=None)


def test_a_given_order_decides():
    assert ordered_labels(["good", "bad"], order=["bad", "fair", "good"]) == ["bad", "fair", "good"]
    assert ordered_labels(["1", "2"], order=[2, 1]) == ["2", "1"]


def test_a_given_order_names_every_label_once():
    with pytest.raises(ValueError, match=r"expected task\.order to name every label once, but \[bad\] lacks good"):
        ordered_labels(["good", "bad"], order=["bad"])
    with pytest.raises(ValueError, match=r"but \[bad, bad\] names a label twice"):
        ordered_labels(["bad"], order=["bad", "bad"])


def test_decimal_commas_are_numbers_and_thousands_are_none():
    assert sorted_labels(["10,5", "9,5", "-1,25", "2"]) == ["-1,25", "2", "9,5", "10,5"]
    assert ordered_labels(["3,5", "1", "10,0"], order=None) == ["1", "3,5", "10,0"]
    assert sorted_labels(["1,000", "500"]) == ["1,000", "500"]
    with pytest.raises(ValueError, match="expected labels whose order is known"):
        ordered_labels(["1,000", "500"], order=None)
