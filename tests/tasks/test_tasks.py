"""What holds for every task, and what each adds. A task is found by its YAML; there is nothing to register."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from models.attention.uniform import UniformAttention
from tasks.base import Body, Encoded, Sizes, Task
from tasks.ner import NER
from tasks.reading.checks import check_rows
from tasks.reading.columns import columns_of
from tasks.sentiment import Sentiment

WRITING = {"translation", "summarization", "correction"}  # see kinds/test_writing.py
FILES = sorted(
    file for file in (Path(__file__).resolve().parents[2] / "conf/task").glob("*.yaml") if file.stem not in WRITING
)
WIDTH = 8
LOSS = {"label_smoothing": 0.0, "class_weights": "none", "focal_gamma": 0.0}


def make(name: str, **changed) -> Task:
    (file,) = [file for file in FILES if file.stem == name]
    return instantiate(OmegaConf.load(file).task, **changed)


@pytest.fixture(params=[file.stem for file in FILES])
def task(request) -> Task:
    return make(request.param)


def golds(task: Task) -> list:
    return [task.check(row)[task.label_column] for row in task.samples()]


def test_the_six_tasks_are_there():
    assert {"classification", "sentiment", "matching", "ner", "pos", "events"} <= {file.stem for file in FILES}


def test_its_samples_are_four_rows_it_accepts(task: Task):
    rows = task.samples()
    assert len(rows) == 4
    check_rows(rows, task=task, place=lambda row: f"sample {row}")
    assert [task.check(row) for row in rows] == rows


def test_its_name_is_that_of_its_file():
    assert [make(file.stem).name for file in FILES] == [file.stem for file in FILES]


def test_its_label_set_does_not_depend_on_the_order_of_rows(task: Task):
    labels = task.label_set(golds(task))
    assert task.label_set(golds(task)[::-1]) == labels
    assert len(set(labels)) == len(labels)
    found = {label for gold in golds(task) for label in ([gold] if isinstance(gold, str) else gold)}
    assert found <= set(labels)


def test_right_answers_score_one_and_every_score_has_a_definition(task: Task):
    rows = [task.check(row) for row in task.samples()]
    scores = task.score_rows(rows, golds(task), labels=task.label_set(golds(task)))
    assert scores[task.main_score] == 1
    assert next(iter(scores)) == task.main_score
    assert {key.split("/")[0] for key in scores} == set(task.definitions(task.samples()))


def test_its_labels_have_names_in_words(task: Task):
    names = task.label_words(task.label_set(golds(task)))
    assert names
    assert all(word and word.split() == [word] for name in names for word in name)


def test_its_head_turns_states_into_a_loss_and_labels_of_the_inventory(task: Task):
    torch.manual_seed(1)
    labels = task.label_set(golds(task))
    attention: Any = partial(UniformAttention, reduce="mean")
    sizes, nothing = Sizes(labels, vocabulary=9, characters=9), cast(Any, None)
    head = task.build_head(sizes, Body(WIDTH, embeddings=nothing, attention=attention, decoder=nothing))
    mask_BT = torch.tensor([[True, True, True], [True, False, False]])
    texts = [Encoded(torch.randn(2, 3, WIDTH), mask_BT) for _ in task.text_columns]
    targets = torch.where(mask_BT, 0, -100) if task.tokenized else torch.tensor([0, 1])
    loss = head.loss(texts, targets)
    assert loss.shape == ()
    assert loss.isfinite()
    predicted = head.predict(texts)
    if task.tokenized:
        assert [len(tags) for tags in predicted] == [3, 1]
        predicted = [tag for tags in predicted for tag in tags]
    assert all(labels[index] for index in predicted)


def test_it_refuses_misspelt_options():
    for file in FILES:
        with pytest.raises(Exception, match="unexpected keyword argument 'droput'"):
            make(file.stem, droput=0.1)


def test_every_needed_column_is_in_its_samples(task: Task):
    assert set(columns_of(task)) == set(task.samples()[0])


@pytest.mark.parametrize("name", ["ner", "events"])
def test_span_tasks_refuse_or_repair_invalid_bio(name: str):
    row = {"tokens": ["a", "b"], "tags": ["O", "I-X"]}
    with pytest.raises(ValueError, match=r"expected I-X to continue a span of type X, got it after O \(tag 1\)"):
        make(name).check(row)
    assert make(name, invalid_bio="repair").check(row)["tags"] == ["O", "B-X"]
    assert row["tags"] == ["O", "I-X"]
    with pytest.raises(Exception, match=r"expected task\.invalid_bio to be error or repair, got 'skip'"):
        make(name, invalid_bio="skip")


@pytest.mark.parametrize("name", ["ner", "events"])
def test_span_tasks_read_every_scheme_as_bio_and_say_so(name: str):
    task = make(name)
    rows = [{"tokens": ["a", "b", "c"], "tags": ["S-X", "B-X", "E-X"]}, {"tokens": ["a"], "tags": ["O"]}]
    found = check_rows(rows, task=task, place=str)
    assert [row["tags"] for row in found] == [["B-X", "B-X", "I-X"], ["O"]]
    assert [row["tags"] for row in check_rows(found, task=task, place=str)] == [["B-X", "B-X", "I-X"], ["O"]]
    corpus = SimpleNamespace(splits={"train": found})
    assert task.settle(corpus) == ["tags are written in BIOES and read as BIO (task.tag_scheme=auto)"]
    old = [{"tokens": ["a", "b"], "tags": ["O", "I-X"]}]
    assert check_rows(old, task=make(name), place=str)[0]["tags"] == ["O", "B-X"]
    with pytest.raises(ValueError, match=r"0: expected I-X to continue a span"):
        check_rows(old, task=make(name, tag_scheme="bio"), place=str)


def test_types_seen_only_by_their_first_tag_get_both():
    task = NER(name="ner", scheme="crf", tag_scheme="auto", invalid_bio="error", dropout=0.0, **LOSS)
    assert task.label_set([["B-LOC", "O"], ["B-PER", "I-PER"]]) == ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


def test_sentiment_measures_how_far_off_a_rank_is():
    task = Sentiment(name="sentiment", order=None, hidden=1, dropout=0.0, **LOSS)
    labels = task.label_set(["positive", "very negative", "neutral"])
    assert labels == ["very negative", "neutral", "positive"]
    rows = [{"label": "positive"}, {"label": "neutral"}]
    scores = task.score_rows(rows, ["very negative", "neutral"], labels=labels)
    assert scores["rank_mean_absolute_error"] == 1


@pytest.mark.parametrize(
    ("name", "option", "value", "remedy"),
    [
        ("ner", "class_weights", "balanced", "scheme=constrained .* or softmax, or task.class_weights=none"),
        ("events", "focal_gamma", 2.0, "scheme=constrained .* or softmax, or task.focal_gamma=0"),
        ("pos", "label_smoothing", 0.1, "scheme=softmax, or task.label_smoothing=0"),
    ],
)
def test_a_crf_refuses_what_is_of_single_tags(name: str, option: str, value: Any, remedy: str):
    with pytest.raises(InstantiationException, match=rf"task\.{option}={value} is of the loss .* give task\.{remedy}"):
        make(name, scheme="crf", **{option: value})
    assert make(name, scheme="softmax", **{option: value}).scheme == "softmax"
