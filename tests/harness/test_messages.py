"""Bad input ends in one clear message and exit code 1, before time is spent and without a stack trace."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.configuration.compose import compose_configuration
from harness.run.execute import execute
from tests.harness.conftest import command

Overrides = Callable[..., list[str]]


def reason(overrides: list[str]) -> tuple[str, str]:
    record = execute(compose_configuration(overrides)).record
    return record["status"], record["reason"]


def write_splits(folder: Path, **splits: list[dict[str, Any]]) -> Path:
    folder.mkdir()
    for name, rows in splits.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text)
    return folder


GOOD = [{"text": "good film", "label": "positive"}, {"text": "bad film", "label": "negative"}]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["task=nre"], "ner"),
        (["model=slef"], "self"),
        (["data=wnut71"], "wnut17"),
        (
            ["trainig.steps=3"],
            "there is no option trainig.steps; did you mean training.steps or training.warmup_steps?",
        ),
    ],
)
def test_a_misspelt_choice_lists_the_right_ones(overrides: list[str], expected: str):
    done = command(*overrides)
    assert done.returncode == 1
    assert expected in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["results_dir=/proc/nothing"], "error: results_dir=/proc/nothing cannot be made ("),
        (["-m", "results_dir=/proc/nothing"], "error: results_dir=/proc/nothing cannot be made ("),
        (
            ["recipe=pos_genrated", "plan=true"],
            "error: recipe=pos_genrated: there is no such file in conf/recipe; there",
        ),
        (
            ["workers=2"],
            "engine=local and workers=2 say where the cells of a sweep run; add -m, even for a single cell",
        ),
        (["model=custom"], "error: model.attention._target_ has no value; give it one: model.attention._target_=…"),
        (["force=no"], "error: force: expected true or false, got 'no'"),
        (["-m", "seed=abc"], "seed: expected a whole number from 0 to 4294967295, got 'abc'"),
    ],
)
def test_what_means_nothing_is_refused_in_one_line(overrides: list[str], said: str):
    done = command(*overrides)
    assert done.returncode == 1
    assert said in " ".join((done.stderr + done.stdout).split())
    assert "Traceback" not in done.stderr


def test_a_mistake_in_a_users_own_file_is_said(tiny: Overrides, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_broken_mechanism.py").write_text("class Mine(nn.Module):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    status, why = reason(tiny("task=pos", "model=custom", "model.attention._target_=my_broken_mechanism.Mine"))
    assert status == "failed"
    assert "NameError(\"name 'nn' is not defined\")" in why


@pytest.mark.slow
def test_a_refused_value_exits_with_one_and_no_trace(tiny: Overrides):
    done = command(*tiny("task=ner", "model=self", "model.heads=3"))
    assert done.returncode == 1
    assert "heads" in done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    traced = command(*tiny("task=ner", "model=self", "model.heads=3", "trace=true"))
    assert "Traceback" in traced.stderr


@pytest.mark.slow
def test_a_sweep_goes_on_after_a_failed_cell_and_says_so(tiny: Overrides, tmp_path: Path):
    done = command("-m", *tiny("task=pos", "model=self,majority", "model.heads=3"))
    assert done.returncode == 1
    # majority has no heads, which Hydra itself refuses: the sweep must name it
    assert "heads" in done.stdout + done.stderr


@pytest.mark.parametrize("option", ["backbone.width=18", "model.heads=5"])
def test_heads_that_do_not_divide_are_refused_before_data_are_read(tiny: Overrides, option: str):
    status, message = reason(tiny("task=ner", "data=wnut17", "data_dir=/nowhere", option))
    assert status == "unsupported"
    assert "heads" in message
    assert "/nowhere" not in message


def test_devices_that_cannot_be_had_are_refused_before_data_are_read(tiny: Overrides, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    status, said = reason(tiny("task=ner", "data=wnut17", "data_dir=/nowhere", "trainer=gpu"))
    assert status == "failed"
    assert "trainer.accelerator=gpu needs a CUDA GPU" in said
    assert "/nowhere" not in said


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["model=none", "position=rotary"], ["none", "otary"]),
        (["model=additive", "position=rotary"], ["dditive", "otary", "alibi"]),
        (["model=self", "model.score=cosine"], ["cosine", "dot", "general", "additive"]),
        (["model=self", "model.normalizer=hardmax"], ["hardmax", "softmax", "entmax15"]),
        (["model=tfidf"], ["tfidf", "classification"]),
        (["task.scheme=viterbi"], ["viterbi", "crf", "softmax"]),
    ],
)
def test_hopeless_combinations_say_what_would_work(tiny: Overrides, overrides: list[str], parts: list[str]):
    status, message = reason(tiny("task=ner", *overrides))
    assert status in ("unsupported", "failed")
    for part in parts:
        assert part.lower() in message.lower(), message


def test_a_missing_folder_is_named(tiny: Overrides, tmp_path: Path):
    status, message = reason(tiny("task=ner", "data=wnut17", f"data_dir={tmp_path}"))
    assert status == "failed"
    assert str(tmp_path) in message
    assert "wnut17" in message


def test_a_data_set_without_network_and_folder_says_what_to_do(tiny: Overrides):
    status, message = reason(tiny("task=matching", "data=sick"))
    assert status == "failed"
    assert "data_dir" in message


def test_data_of_another_task_name_the_columns(tiny: Overrides, tmp_path: Path):
    folder = write_splits(tmp_path / "mine", train=GOOD, validation=GOOD, test=GOOD)
    _, message = reason(tiny("task=ner", "data=files", f"data.path={folder}"))
    for part in ("train.jsonl", "tokens", "text", "label"):
        assert part in message, message


def test_a_broken_line_is_named(tiny: Overrides, tmp_path: Path):
    folder = write_splits(tmp_path / "mine", train=GOOD, validation=GOOD, test=GOOD)
    with (folder / "train.jsonl").open("a") as file:
        file.write('{"text": "half a line\n')
    _, message = reason(tiny("task=sentiment", "data=files", f"data.path={folder}"))
    assert "train.jsonl" in message
    assert "line 3" in message


def test_a_broken_line_in_a_compressed_file_is_named(tiny: Overrides, tmp_path: Path):
    folder = write_splits(tmp_path / "mine", validation=GOOD, test=GOOD)
    with gzip.open(folder / "train.jsonl.gz", "wt") as file:
        file.write(json.dumps(GOOD[0]) + "\nnot json\n")
    _, message = reason(tiny("task=sentiment", "data=files", f"data.path={folder}"))
    assert "train.jsonl.gz" in message
    assert "line 2" in message


def test_an_unseen_label_names_file_line_and_remedy(tiny: Overrides, tmp_path: Path):
    test = [*GOOD, {"text": "so so", "label": "neutral"}]
    folder = write_splits(tmp_path / "mine", train=GOOD, validation=GOOD, test=test)
    overrides = [
        o for o in tiny("task=sentiment", "data=files", f"data.path={folder}") if not o.startswith("data.unseen")
    ]
    _, message = reason(overrides)
    for part in ("test.jsonl", "line 3", "neutral", "data.unseen_labels=drop"):
        assert part in message, message


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_empty_or_missing_split_is_named(tiny: Overrides, tmp_path: Path, split: str):
    splits = {name: GOOD for name in ("train", "validation", "test") if name != split}
    folder = write_splits(tmp_path / "mine", **splits)
    assert split in reason(tiny("task=sentiment", "data=files", f"data.path={folder}"))[1]
    (folder / f"{split}.jsonl").write_text("")
    assert split in reason(tiny("task=sentiment", "data=files", f"data.path={folder}", "seed=2"))[1]


def test_invalid_bio_names_the_line_and_the_tag(tiny: Overrides, tmp_path: Path):
    good = {"tokens": ["Ada", "sang"], "tags": ["B-PER", "O"]}
    bad = {"tokens": ["Ada", "sang"], "tags": ["O", "I-PER"]}
    folder = write_splits(tmp_path / "mine", train=[good, bad], validation=[good], test=[good])
    _, message = reason(tiny("task=ner", "data=files", f"data.path={folder}"))
    for part in ("train.jsonl", "line 2", "I-PER", "task.invalid_bio=repair"):
        assert part in message, message


def test_tokens_and_tags_of_unequal_length_are_named(tiny: Overrides, tmp_path: Path):
    bad = {"tokens": ["Ada", "sang"], "tags": ["O"]}
    folder = write_splits(tmp_path / "mine", train=[bad], validation=[bad], test=[bad])
    _, message = reason(tiny("task=ner", "data=files", f"data.path={folder}"))
    assert "line 1" in message
    assert "1 and 2" in message or "2 and 1" in message
