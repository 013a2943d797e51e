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
from harness.explanation.finished import explain_some, explain_texts
from harness.predict import _divided
from harness.prediction.labelling import Labeller, Labelling, _columns, checked_device
from harness.prediction.writing import check_format
from harness.run.execute import execute
from harness.run.run import make_run
from harness.search.grouping import _check_splits
from harness.search.space import read_space
from tasks.heads.label_sets import LabelSetHead
from tasks.reading.source import Source
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
        (["task=pos", "data.deduplicate=some"], "expected data.deduplicate to be none, exact or text, got 'some'"),
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


def test_what_is_lent_is_not_folded():
    lending: Any = SimpleNamespace(folds=5)
    with pytest.raises(ValueError, match=r"data.train_from.folds=5 folds what is lent alone; give data.folds instead"):
        Source.lend(lending, None)  # type: ignore[arg-type]


def test_a_search_is_many_runs():
    with pytest.raises(
        ValueError, match=r"search=random is many runs; start it by python -m harness, or with search=no"
    ):
        make_run(compose_configuration(["search=random"]))


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (["data.path=x", "data.test_fraction=0.1"], True),
        (["data.path=reviews.csv"], True),  # a single file has a tenth as test
        (["data.train=reviews.csv"], True),
        (["data.path=reviews.csv", "data.seed=1"], False),
        (["data.path=reviews.csv", "data.folds=5"], False),  # dealt by data.fold_seed
        (["data.path=x"], False),
    ],
)
def test_splits_that_every_seed_draws_are_no_ground_for_a_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: list[str], refused: bool
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews.csv").write_text("text,label\na,b\n")
    config = compose_configuration(["data=files", *data, "search=random"])
    if not refused:
        _check_splits(config, seed=3)
        return
    with pytest.raises(ValueError, match=r"every seed draws its own test split, .*; fix data.seed=1"):
        _check_splits(config, seed=3)


def test_data_that_cannot_be_are_refused_before_a_search():
    config = compose_configuration(["data=files", "data.path=x", "data.fold=1", "search=random"])
    with pytest.raises(ValueError, match=r"^data.fold=1 is of cross-validation: it needs data.folds=<how many>"):
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
    with pytest.raises(
        ValueError, match=r"run holds no model\..*; run again with force=true to have a run that stands alone"
    ):
        find_run(folder)
    made: Any = SimpleNamespace(site="encoder.token")
    with pytest.raises(ValueError, match=r"no site has 'decoder' in its name; there are: encoder.token"):
        chosen_maps([made], "decoder")


def test_a_text_or_test_examples_that_are_wanted(tmp_path: Path):
    task = SimpleNamespace(text_columns=["text"], tokenized=False, label_column="label", name="classification")
    network: Any = SimpleNamespace(task=task, encoding=SimpleNamespace(external_source="column"))
    with pytest.raises(ValueError, match=r"an external text with every row, got none; give one with --external"):
        explain_texts(network, ["x"])
    with gzip.open(tmp_path / "predictions.jsonl.gz", "wt") as file:
        file.write("")
    with pytest.raises(ValueError, match=r"cannot be read \(expected test examples, got none\); run again with force"):
        explain_some(network, tmp_path, 3)


def test_what_is_asked_of_predict_and_cannot_be(monkeypatch: pytest.MonkeyPatch):
    loaded = SimpleNamespace(predictor=SimpleNamespace(first=SimpleNamespace(task=None)))
    monkeypatch.setattr(Labeller, "load", lambda *_args, **_more: loaded)
    options = SimpleNamespace(device="cpu", n_best=0, probabilities=False, attention=True)
    with pytest.raises(ValueError, match=r"--attention shows that of one run, got 2; give one"):
        Labelling.of_options([(Path(), record()), (Path(), record())], options)  # type: ignore[list-item]
    columns = {"text_columns": ("text",), "optional_columns": (), "label_column": "label"}
    network: Any = SimpleNamespace(name="sentiment", tokenized=False, **columns)
    with pytest.raises(ValueError, match=r"--format lines holds predictions alone; use --format jsonl for what else"):
        check_format("lines", network, more=True)
    with pytest.raises(ValueError, match=r"expected --columns NAME=COLUMN, got text"):
        _columns(["text"], network)
    with pytest.raises(ValueError, match=r"expected --device cpu, cuda or cuda:<number>, got 'gpu'"):
        checked_device("gpu")
    with pytest.raises(
        ValueError, match=r"files with texts after the run, or - alone for lines of standard input, got n"
    ):
        _divided([str(Path("record.json"))])
    with pytest.raises(ValueError, match=r"each label is chosen for itself, so that sets have no order; ask for prob"):
        LabelSetHead.ranked(network, [], 2)


def test_a_cluster_that_is_not_there():
    def init(**_options: Any) -> None:
        raise ConnectionError("nobody\nanswers")

    engine = object.__new__(RayEngine)
    engine.ray, engine.address, engine.cores = SimpleNamespace(init=init, shutdown=lambda: None), "10.0.0.1:6379", None
    with pytest.raises(
        EngineError, match=r"Ray does not start at engine.address=10.0.0.1:6379 \(nobody answers\); corr"
    ):
        engine._connect()
