"""Refusals that no other test meets, each as the user sees it: one line, what came, what to do."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.build.matching import check_match
from harness.comparison.examples import _of_same_examples, predictions_in
from harness.configuration.compose import compose_configuration
from harness.engines.base import EngineError
from harness.engines.ray import RayEngine
from harness.explanation.choice import chosen_maps, find_run
from harness.explanation.rebuilt import Rebuilt
from harness.run.execute import execute
from harness.run.run import make_run
from harness.search.grouping import _check_splits
from harness.search.space import read_space
from tests.harness.handmade import record, write_run

Overrides = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["task=classification", "task.label_separator=x"],
         "task.label_separator='x' parts the labels of a row: it needs task.multi_label=true, and cannot be blank"),
        (["task=pos", "+data.knobs={lenght: 3}"], ", got lenght; remove or rename them"),
        (["task=pos", "+data.knobs={length: long}"], ", got 'long'"),
        (["task=pos", "+data.knobs={length: null}"], ", got None"),
        (["task=pos", "data.size=huge"], "expected a size among few, small, medium, large, got 'huge'"),
        (["task=ner", "model=cross", "backbone=embedding", "backbone.token_site=false"],
         "the model has an external memory, which is read at the token site; set backbone.token_site=true"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit(tiny: Overrides, overrides: list[str], said: str):
    reason = str(execute(compose_configuration(tiny(*overrides))).record["reason"])
    assert reason.endswith(said)
    assert reason.isprintable()


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["decoder=none"], "task=correction writes, and decoder=none does not; choose recurrent or transformer"),
        (["encoding.lowercase=true"], "task=correction writes texts as they are; set encoding.lowercase=false"),
    ],
)
def test_options_that_do_not_fit_a_task_that_writes(writing: Overrides, overrides: list[str], said: str):
    reason = str(execute(compose_configuration(writing("task=correction", "model=dot", *overrides))).record["reason"])
    assert reason.endswith(said)


def test_a_backbone_that_cannot_be_resized():
    config = compose_configuration(["match=parameters", "~backbone.feedforward_width"])
    said = (
        "match=parameters resizes backbone.feedforward_width, and backbone=recurrent has none; choose another backbone"
    )
    with pytest.raises(ValueError, match=said):
        check_match(config)


def test_a_search_is_many_runs():
    with pytest.raises(
        ValueError, match=r"search=random is many runs; start it by python -m harness, or with search=no"
    ):
        make_run(compose_configuration(["search=random"]))


def test_splits_that_every_seed_draws_are_no_ground_for_a_search():
    config = compose_configuration(["data=files", "data.path=x", "data.test_fraction=0.1", "search=random"])
    with pytest.raises(ValueError, match=r"every seed draws its own test split, .*; fix data.seed=1"):
        _check_splits(config, seed=3)


def test_choices_are_single_values():
    config = compose_configuration(["search=random"])
    with pytest.raises(ValueError, match=r"width.choices are single values, got \[\[1\]\]"):
        read_space({"backbone": {"width": {"choices": [[1]]}}}, config)


def test_predictions_that_are_none(tmp_path: Path):
    with pytest.raises(ValueError, match=r"1 of 2 runs have no predictions beside their record; run them again"):
        _of_same_examples([[], None])
    with gzip.open(tmp_path / "predictions.jsonl.gz", "wt") as file:
        file.write(json.dumps({"row": 1}) + "\n")
    with pytest.raises(ValueError, match=r"is no list of predictions: expected .* in every line; run again with force"):
        predictions_in(tmp_path)


def test_a_run_that_cannot_be_explained(tmp_path: Path):
    folder = write_run(tmp_path / "run", record())
    with pytest.raises(ValueError, match=r"run holds no model\..*; run again with force=true to have the weights"):
        find_run(folder)
    made: Any = SimpleNamespace(site="encoder.token")
    with pytest.raises(ValueError, match=r"no site has 'decoder' in its name; there are: encoder.token"):
        chosen_maps([made], "decoder")


def test_an_external_text_that_is_wanted():
    task = SimpleNamespace(text_columns=["text"], tokenized=False, label_column="label", any_label=lambda *_: "a")
    corpus = SimpleNamespace(splits={"train": [{"text": "x", "label": "a", "external": "y"}]})
    rebuilt: Any = Rebuilt(None, task, corpus, Path())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"an external text with every row, got none; give one with --external"):
        rebuilt._row(["x"], None)


def test_a_cluster_that_is_not_there():
    def init(**_options: Any) -> None:
        raise ConnectionError("nobody\nanswers")

    engine = object.__new__(RayEngine)
    engine.ray, engine.address, engine.cores = SimpleNamespace(init=init, shutdown=lambda: None), "10.0.0.1:6379", None
    with pytest.raises(
        EngineError, match=r"Ray does not start at engine.address=10.0.0.1:6379 \(nobody answers\); corr"
    ):
        engine._connect()
