"""What every bundled corpus promises, whatever its grammar."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

import pytest

from tasks.generated.base import SIZES, Stream, check_knobs, content_of, generate_splits, misspell, owner

TASKS = ("classification", "sentiment", "ner", "pos", "events", "matching")
TAGGING = ("ner", "pos", "events")
Splits = dict[str, list[dict[str, Any]]]

pytestmark = pytest.mark.xdist_group("generated corpora")  # made once

# A change here changes what every published score was measured on: say so in the changelog.
GOLDEN: Mapping[str, str] = {
    "classification": "1a744a8fdd0670dbbbe2b17faf2a52c273546252bfe9f459cb12453a185a1691",
    "sentiment": "dcbd0285f0a3d0695d8bb4818332cd6e31fc4eafbc86e7a6bc06a449f5e59fde",
    "ner": "de1f8788f904bf775df394e4eb678bbd05f6e10d2d51fe73b91569aa76474205",
    "pos": "fa637f4c23ee04a88ac26e2fd501e65237f708fd786997c543044c0408af19b4",
    "events": "fc75b10ba2b9bb2baff11e453e902a8306dc88c3a63fbc11ffefb7009b0047b1",
    "matching": "76da7531a6053aabc9e40dda249fabf58ec6aae3bfdd93533375f44370edf972",
}


@cache
def generate(task: str, **knobs: float) -> Splits:
    splits: Splits = import_module(f"tasks.generated.{task}").generate(size="small", seed=1, knobs=knobs)
    return splits


MANY = {"many": {"train": 1_000, "validation": 150, "test": 300}}
"""As many of the first rows as a share or a mean needs."""


@cache
def some(task: str, *, seed: int = 1, **knobs: float) -> Splits:
    module = import_module(f"tasks.generated.{task}")
    known, draw = module.KNOBS, module._draw_row
    return generate_splits(task, draw, size="many", seed=seed, knobs=knobs, known=known, sizes=MANY)


@cache
def corpus(task: str) -> Splits:
    return generate(task)


def tokens(row: Mapping[str, Any]) -> list[str]:
    return list(row["tokens"]) if "tokens" in row else content_of(row).split()


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_the_same_seed_gives_the_same_rows_on_every_machine(task: str) -> None:
    digest = hashlib.sha256(json.dumps(corpus(task)).encode()).hexdigest()
    assert digest == GOLDEN[task], f"the corpus of {task} changed; if that is meant, note it and update GOLDEN"


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_another_seed_gives_other_rows(task: str) -> None:
    assert some(task, seed=2)["test"][:20] != corpus(task)["test"][:20]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_splits_have_their_sizes_and_share_no_content(task: str) -> None:
    contents = {split: {content_of(row) for row in rows} for split, rows in corpus(task).items()}
    assert {split: len(rows) for split, rows in corpus(task).items()} == SIZES["small"]
    assert not contents["train"] & contents["validation"]
    assert not contents["train"] & contents["test"]
    assert not contents["validation"] & contents["test"]


@pytest.mark.slow
def test_a_larger_size_begins_with_the_rows_of_a_smaller_one() -> None:
    module = import_module("tasks.generated.matching")
    medium = module.generate(size="medium", seed=1, knobs={})
    for split, rows in corpus("matching").items():
        assert len(medium[split]) == SIZES["medium"][split]
        assert medium[split][: len(rows)] == rows


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_few_rows_are_the_first_of_the_others_and_hold_no_label_that_train_lacks(task: str) -> None:
    few = import_module(f"tasks.generated.{task}").generate(size="few", seed=1, knobs={})
    assert {split: len(rows) for split, rows in few.items()} == SIZES["few"]
    assert all(corpus(task)[split][: len(rows)] == rows for split, rows in few.items())
    train, *others = ({label for row in rows for label in labels(task, row)} for rows in few.values())
    assert all(found <= train for found in others)


def labels(task: str, row: Mapping[str, Any]) -> list[str]:
    return row["tags"] if task in TAGGING else [row["label"]]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_every_label_occurs_in_every_split(task: str) -> None:
    seen = {split: {label for row in rows for label in labels(task, row)} for split, rows in corpus(task).items()}
    assert seen["train"] == seen["validation"] == seen["test"]
    assert len(seen["train"]) >= 3


@pytest.mark.slow
@pytest.mark.parametrize("task", [task for task in TASKS if task not in TAGGING])
def test_no_label_is_much_more_frequent_than_another(task: str) -> None:
    labels = [row["label"] for row in corpus(task)["train"]]
    counts = sorted(labels.count(label) for label in set(labels))
    assert counts[-1] < 1.5 * counts[0]


@pytest.mark.slow
@pytest.mark.parametrize("task", TAGGING)
def test_every_token_has_a_tag(task: str) -> None:
    for rows in corpus(task).values():
        for row in rows:
            assert len(row["tokens"]) == len(row["tags"])
            assert all(token and not set(token) & set(" \t\n") for token in row["tokens"])


@pytest.mark.slow
@pytest.mark.parametrize("task", ["ner", "events"])
def test_tags_are_valid_bio(task: str) -> None:
    for rows in corpus(task).values():
        for row in rows:
            for before, tag in zip(["O", *row["tags"]], row["tags"], strict=False):
                assert tag[:2] != "I-" or before[2:] == tag[2:], (row["tokens"], row["tags"])


@pytest.mark.slow
@pytest.mark.parametrize("task", ["ner", "events", "pos"])
def test_invented_names_of_test_are_unseen_in_train(task: str) -> None:
    module = import_module(f"tasks.generated.{task}")
    known = {name.lower() for name in (module.AMBIGUOUS if task == "pos" else module.NAMES)}
    everything = generate(task, unseen=1, noise=0)
    assert not known & {token.lower() for row in everything["test"] for token in row["tokens"]}
    fixed = {token.lower() for row in generate(task, unseen=0, noise=0)["train"] for token in row["tokens"]}
    invented = {
        split: {token.lower() for row in rows for token in row["tokens"]} - fixed for split, rows in everything.items()
    }
    assert min(len(names) for names in invented.values()) > 100
    assert not invented["train"] & invented["test"]
    assert not invented["train"] & invented["validation"]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("knob", ["length", "distance"])
def test_texts_grow_with_length_and_distance(task: str, knob: str) -> None:
    usual = sum(len(tokens(row)) for row in some(task)["test"])
    assert sum(len(tokens(row)) for row in some(task, **{knob: 10})["test"]) > 1.15 * usual


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_noise_misspells_words_and_leaves_labels(task: str) -> None:
    clean = {token for row in generate(task, noise=0)["train"] for token in tokens(row)}
    noisy = some(task, noise=0.5)["train"]
    unheard = sum(token not in clean for row in noisy for token in tokens(row))
    assert unheard > 0.02 * sum(len(tokens(row)) for row in noisy)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_a_misspelt_word_is_no_other_word_of_the_corpus(task: str) -> None:
    known_words = {"unseen": 0, "distance": 0} if task in TAGGING else {}
    vocabulary = {token for row in generate(task, noise=0, **known_words)["train"] for token in tokens(row)}
    for word in sorted(vocabulary):
        for number in range(20):
            (written,) = misspell([word], Stream(word, number), 1)
            assert written == word or written not in vocabulary


def test_misspelling_keeps_short_words_and_the_ends_of_long_ones() -> None:
    for number in range(100):
        short, long = misspell(["good", "excellent"], Stream(number), 1)
        assert short == "good"
        assert (long[0], long[-1]) == ("e", "t")
        assert abs(len(long) - len("excellent")) <= 1


@pytest.mark.parametrize("task", TASKS)
def test_an_unknown_size_or_knob_is_refused_with_the_known_ones(task: str) -> None:
    module = import_module(f"tasks.generated.{task}")
    with pytest.raises(ValueError, match="among few, small, medium, large, got 'tiny'"):
        module.generate(size="tiny", seed=1, knobs={})
    with pytest.raises(ValueError, match=r"among length, distance, noise.*got lenght"):
        module.generate(size="small", seed=1, knobs={"lenght": 3})


@pytest.mark.parametrize("value", [-1, 13, "long"])
def test_a_knob_out_of_range_is_refused_with_its_range_and_meaning(value: float | str) -> None:
    known = import_module("tasks.generated.ner").KNOBS
    with pytest.raises(ValueError, match=r"length between 1 and 12 \(names competing"):
        check_knobs({"length": value}, known)


def test_around_has_the_mean_it_is_asked_for() -> None:
    stream = Stream("mean")
    for mean in (0, 0.5, 1, 2.5, 4):
        drawn = [stream.around(mean) for _ in range(4_000)]
        assert min(drawn) >= 0
        assert sum(drawn) / len(drawn) == pytest.approx(mean, abs=0.06)


def test_a_sample_has_no_item_twice_and_leaves_its_source_alone() -> None:
    items = ("a", "b", "c", "d")
    for number in range(20):
        assert len(set(Stream(number).sample(items, 3))) == 3
        assert sorted(Stream(number).shuffled(items)) == list(items)


def test_every_content_has_one_owner() -> None:
    assert {owner(str(number)) for number in range(50)} == set(SIZES["small"])
