import pytest

from tasks.classification import Classification
from tasks.matching import Matching
from tasks.pos import POS
from tasks.reading.source import Corpus
from tasks.reading.survey import similar_labels, survey

LOSS = {"label_smoothing": 0.0, "class_weights": "none", "focal_gamma": 0.0}
OPTIONS = {"hidden": 1, "dropout": 0.0, **LOSS}


def counted(task, **splits):
    return survey(Corpus("toy", splits, {}, "0", "toy", "words", "en", "drop"), task)


def texts(*pairs):
    return [{"text": text, "label": label} for text, label in pairs]


def test_rows_that_also_stand_in_an_earlier_split_are_counted_by_text_and_by_label():
    found = counted(
        Classification(name="classification", multi_label=False, label_separator=None, **OPTIONS),
        train=texts(("a b", "x"), ("c", "x"), ("c", "y"), ("d", "y")),
        validation=texts(("a  b ", "y"), ("c", "y"), ("e", "x")),
        test=texts(("e", "x"), ("a b", "x"), ("f", "x")),
        hard=texts(("d", "x"), ("e", "y")),
    )
    assert found.repeated_rows == {
        "validation": {"train": {"text": 2, "text_and_label": 1}},
        "test": {"train": {"text": 1, "text_and_label": 1}, "validation": {"text": 2, "text_and_label": 1}},
        "hard": {"train": {"text": 1, "text_and_label": 0}, "validation": {"text": 1, "text_and_label": 0}},
    }


def test_a_pair_is_repeated_if_both_texts_are():
    pairs = [{"text_a": "a", "text_b": b, "label": "x"} for b in "bc"]
    found = counted(Matching(name="matching", **OPTIONS), train=pairs[:1], validation=pairs[1:], test=pairs)
    assert found.repeated_rows == {
        "test": {"train": {"text": 1, "text_and_label": 1}, "validation": {"text": 1, "text_and_label": 1}}
    }


def test_labels_are_counted_the_most_frequent_of_train_first():
    rows = texts(("a", "x"), ("b", "y"), ("c", "y"))
    found = counted(
        Classification(name="classification", multi_label=False, label_separator=None, **OPTIONS),
        train=rows,
        validation=rows[:1],
        test=texts(("d", "z")),
    )
    assert {split: list(counts.items()) for split, counts in found.label_counts.items()} == {
        "train": [("y", 2), ("x", 1)],
        "validation": [("x", 1)],
        "test": [("z", 1)],
    }
    assert found.unlearnt_rows == {"train": 0, "validation": 0, "test": 1}


def test_tags_are_counted_token_by_token():
    rows = [{"tokens": ["a", "b", "c"], "tags": ["X", "Y", "X"]}, {"tokens": ["d"], "tags": ["Z"]}]
    found = counted(
        POS(name="pos", scheme="softmax", dropout=0.0, **LOSS), train=rows[:1], validation=rows[:1], test=rows
    )
    assert found.label_counts["test"] == {"X": 2, "Y": 1, "Z": 1}
    assert found.unlearnt_rows["test"] == 1
    assert found.repeated_rows["test"]["train"] == {"text": 1, "text_and_label": 1}


def test_each_label_of_a_set_is_counted():
    task = Classification(name="classification", multi_label=True, label_separator=None, **OPTIONS)
    rows = [{"text": "a", "label": ["x", "y"]}, {"text": "b", "label": []}, {"text": "c", "label": ["x"]}]
    found = counted(task, train=rows, validation=rows[:1], test=[{"text": "a", "label": ["x"]}])
    assert found.label_counts == {"train": {"x": 2, "y": 1}, "validation": {"x": 1, "y": 1}, "test": {"x": 1}}
    assert found.repeated_rows["test"]["train"] == {"text": 1, "text_and_label": 0}


@pytest.mark.parametrize(
    ("labels", "alike"),
    [
        (["gut", "gut ", "schlecht"], [["gut", "gut "]]),
        (["Gut", "gut", "GUT"], [["GUT", "Gut", "gut"]]),
        (["caf\u00e9", "cafe\u0301", "cafe"], [["cafe\u0301", "caf\u00e9"]]),
        (["a b", "ab"], [["a b", "ab"]]),
        (["1", "01", "I-PER", "B-PER"], []),
    ],
)
def test_labels_that_differ_by_blanks_case_or_forms_only_are_alike(labels, alike):
    assert similar_labels(labels) == alike
