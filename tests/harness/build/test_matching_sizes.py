"""Matched models: as large as the reference, by the width of their feed-forward layers and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf, open_dict

from harness.build import data as run_data
from harness.build.checks import UnsupportedError
from harness.build.counts import count_parameters, forward_flops
from harness.build.data import Data, encode, make_task
from harness.build.matching import check_match, match_model, reference_of, resized
from harness.build.model import make_model
from harness.build.saved import SavedNetwork
from harness.configuration.compose import CONF, compose_configuration
from harness.explanation.finished import explain_some
from harness.records import files
from harness.run.execute import execute
from harness.run.run import Outcome
from harness.sweep.forecast import plan_cell
from tests.harness.conftest import TINY

Overrides = Callable[..., list[str]]
MECHANISMS = sorted(
    path.stem
    for path in (CONF / "model").glob("*.yaml")
    if path.stem != "custom" and "attention" in OmegaConf.load(path)
)
SMALL = ["data.size=few", "data.max_train=32", "data.max_validation=8", "data.max_test=8", "data.unseen_labels=drop"]
TASKS = {
    "parameters": ["classification", "sentiment", "ner", "pos", "events", "matching", "translation"],
    "flops": ["classification", "ner", "matching", "translation"],  # one of each shape: these take seconds
}
QUICK = [
    ("parameters", "ner", "recurrent"),
    ("parameters", "matching", "recurrent"),
    ("parameters", "translation", "transformer"),
    ("flops", "matching", "transformer"),
]
CASES = [
    pytest.param(by, task, backbone, marks=[] if (by, task, backbone) in QUICK else pytest.mark.slow)
    for backbone in ("recurrent", "transformer")
    for by in ("parameters", "flops")
    for task in TASKS[by]
]


@cache
def composed(task: str, backbone: str, by: str) -> DictConfig:
    data = [option for option in SMALL if task != "translation" or "unseen" not in option]
    return compose_configuration([f"task={task}", f"backbone={backbone}", f"match={by}", *data])


def with_model(config: DictConfig, model: str) -> DictConfig:
    changed = config.copy()
    changed.match.reference = model
    changed = reference_of(changed)
    changed.match.reference = config.match.reference
    return changed


def prepared(config: DictConfig, tmp_path: Path) -> tuple[DictConfig, Data]:
    config = config.copy()
    config.results_dir = str(tmp_path)
    task = make_task(config)
    return config, encode(config, task, run_data.load_corpus(config, task))


def parameters(config: DictConfig, data: Data) -> dict[str, int]:
    return count_parameters(make_model(config, data, device="meta"))


@pytest.mark.parametrize(("by", "task", "backbone"), CASES)
def test_every_mechanism_reaches_the_reference(by: str, task: str, backbone: str, tmp_path: Path):
    targets, seconds = set(), {}
    read = {able: prepared(with_model(composed(task, backbone, by), able), tmp_path)[1] for able in ("self", "cross")}
    for model in MECHANISMS:
        if model == "none" and (task, backbone) == ("translation", "transformer"):
            continue  # refused: its decoder would not see what it has written
        config = with_model(composed(task, backbone, by), model)
        config.results_dir = str(tmp_path)
        data = replace(read["cross" if model == "cross" else "self"], config=config)
        made, facts = match_model(config, data)
        assert facts is not None
        before, after = parameters(config, data), parameters(made, data)
        assert after["attention"] == before["attention"]
        assert after["embedding"] == before["embedding"]
        if by == "parameters":
            reached = after["total"] - after["embedding"]
        else:
            reached = forward_flops(make_model(made, data, device="meta"), data.sample())[""]
        assert reached == pytest.approx(facts["count"], rel=1e-9)
        assert abs(reached / facts["reference_count"] - 1) < 0.02, model
        assert facts["ratio"] == pytest.approx(reached / facts["reference_count"])
        assert model != "self" or facts["width"] == facts["reference_width"] == 10 * 128
        targets.add(facts["reference_count"])
        seconds[model] = round(facts["seconds"], 2)
    if by == "parameters":
        assert len(targets) == 1
    print(f"seconds to solve {by}, {task}, {backbone}: {seconds}")


def test_only_the_feed_forward_layers_are_resized():
    config = composed("translation", "transformer", "parameters")
    changed = OmegaConf.to_container(resized(config, 77))
    assert changed["backbone"].pop("feedforward_width") == changed["decoder"].pop("feedforward_width") == 77
    same = OmegaConf.to_container(config)
    assert same["backbone"].pop("feedforward_width") == same["decoder"].pop("feedforward_width") == 256
    assert changed == same


def test_what_no_width_can_reach_is_refused_with_the_nearest(tmp_path: Path):
    config, data = prepared(with_model(composed("ner", "transformer", "parameters"), "cross"), tmp_path)
    config.match.expansion = 1
    with pytest.raises(UnsupportedError, match=r"feed-forward width 1, is [12]\.\d+ times .* raise match.expansion"):
        match_model(config, data)


def test_a_reference_with_an_external_memory_is_counted_with_it(tmp_path: Path):
    config = composed("ner", "recurrent", "flops").copy()
    config.match.reference = "cross"
    config, data = prepared(config, tmp_path)
    _, facts = match_model(config, data)
    itself, data = prepared(with_model(config, "cross"), tmp_path)
    _, same = match_model(itself, data)
    assert facts["reference_count"] == same["reference_count"]
    assert same["ratio"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("reference", "majority", "match.reference is one of additive, .*; got 'majority'"),
        ("by", "time", "match.by is none or one of parameters, flops, got 'time'"),
        ("expansion", 0, "match.expansion is a number above 0"),
    ],
)
def test_wrong_values_are_refused_before_data_are_read(option: str, value: Any, message: str):
    config = composed("ner", "recurrent", "parameters").copy()
    config.match[option] = value
    with pytest.raises(ValueError, match=message):
        check_match(config)


def test_a_backbone_without_feed_forward_layers_is_refused():
    config = composed("ner", "recurrent", "parameters").copy()
    with open_dict(config):
        del config.backbone["feedforward_width"]
    with pytest.raises(UnsupportedError, match="backbone=recurrent has none"):
        check_match(config)


# Whole runs


def run(overrides: list[str]) -> Outcome:
    return execute(compose_configuration(overrides))


def test_a_matched_run_records_what_it_reached_and_can_be_explained(tiny: Overrides):
    outcome = run(tiny("task=ner", "model=none", "match=parameters", "data.max_train=16"))
    record = files.read_record(outcome.folder)
    assert record == json.loads(json.dumps(outcome.record))
    assert record["status"] == "done", record["reason"]
    counted, match = record["costs"]["parameters"], record["match"]
    assert counted["total"] - counted["embedding"] == match["count"]
    assert match["ratio"] == pytest.approx(1, abs=0.02)
    assert match["width"] > match["reference_width"] == 10 * 16
    assert explain_some(SavedNetwork.load(record, outcome.folder), outcome.folder, 1)


def test_what_cannot_be_matched_is_a_hole_and_planned_as_one(tiny: Overrides):
    overrides = tiny("task=ner", "model=cross", "match=parameters", "match.expansion=1")
    forecast = plan_cell(("it", compose_configuration(overrides)))
    assert forecast.status == "unsupported"
    outcome = run(overrides)
    assert outcome.record["status"] == "unsupported"
    assert "cannot be matched to model=self" in outcome.record["reason"]


def test_unmatched_runs_are_as_they_were():
    config = compose_configuration(["task=ner", *TINY])
    assert match_model(config, None) == (config, None)  # type: ignore[arg-type]
