"""Presets: published systems build and learn a step; comparisons sweep over what their task supports."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.utils import instantiate
from omegaconf import OmegaConf

from harness.build import checks
from harness.build import data as run_data
from harness.build.checks import UnsupportedError
from harness.build.data import encode, make_task
from harness.build.model import make_model
from harness.configuration.compose import CONF, compose_configuration
from harness.records import files
from harness.run.execute import execute
from harness.sweep.cells import make_cells
from hydra_plugins.cells import CellSweeper
from tasks.base import Task
from tests.harness.conftest import COMMAND, command

ROOT = CONF.parent
SYSTEMS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
COMPARISONS = sorted(path.stem for path in (CONF / "experiment/compare").glob("*.yaml"))
TASKS = sorted(path.stem for path in (CONF / "task").glob("*.yaml"))
MODELS = {path.stem: OmegaConf.load(path) for path in sorted((CONF / "model").glob("*.yaml")) if path.stem != "custom"}
MECHANISMS = {name for name, node in MODELS.items() if "attention" in node}
SMALL = ["data.size=few", "data.max_train=32", "data.max_validation=8", "data.max_test=4", "data.unseen_labels=drop"]

# Published systems


def test_the_systems_are_those_of_the_plan():
    wanted = "bahdanau2015 disan2018 kim2014 lample2016 lin2017 luong2015 see2017 seq2seq2014 sukhbaatar2015 tfidf"
    assert set(SYSTEMS) == {*wanted.split(), "vaswani2017", "memory_correction"}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_names_its_paper_what_is_reproduced_and_what_departs(system: str):
    text = (CONF / f"experiment/{system}.yaml").read_text(encoding="utf-8")
    header = text[: text.index("\ndefaults:")]
    assert header.startswith("# @package _global_\n# ")
    assert re.search(r"\d{4}, *(# )?https://", header.replace("\n#", ""))
    assert "\n# Reproduced: " in header
    assert "\n# Departures: " in header


QUICK = ("kim2014", "lample2016", "see2017", "tfidf", "vaswani2017")


@pytest.mark.parametrize(
    "system", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SYSTEMS]
)
def test_a_system_builds_learns_a_step_and_is_named_on_its_record(system: str, tmp_path: Path):
    small = [*SMALL, "backbone.width=16", "training.batch_rows=8", "trainer.enable_progress_bar=false"]
    overrides = [f"experiment={system}", "debug=fast_dev_run", f"results_dir={tmp_path}", *small]
    if system in ("bahdanau2015", "luong2015", "see2017", "seq2seq2014", "vaswani2017", "memory_correction"):
        overrides.remove("data.unseen_labels=drop")
    outcome = execute(compose_configuration(overrides))
    assert outcome.record["status"] == "done", outcome.record["reason"]
    assert files.read_record(outcome.folder)["experiment"] == system


def test_systems_without_self_attention_have_no_token_site():
    config = compose_configuration(["experiment=lample2016", "data.size=few"])
    task = make_task(config)
    checks.check_combination(config, task)
    data = encode(config, task, run_data.load_corpus(config, task))
    names = [name for name, _ in make_model(config, data, device="meta").named_parameters()]
    assert not [name for name in names if "top." in name]
    with_site = compose_configuration(
        ["experiment=lample2016", "model=self", "backbone.token_site=true", "data.size=few"]
    )
    names = [name for name, _ in make_model(with_site, data, device="meta").named_parameters()]
    assert [name for name in names if "encoder.top.site." in name]


@pytest.mark.parametrize("more", [["model=cross"], ["model=self", "position=alibi"]])
def test_what_only_a_token_site_could_read_is_refused_without_one(more: list[str]):
    config = compose_configuration(["task=ner", "backbone.token_site=false", *more])
    with pytest.raises(UnsupportedError, match=r"set backbone\.token_site=true"):
        checks.check_combination(config, make_task(config))


def test_the_command_line_wins_over_a_system_and_the_recipe_of_the_data_is_picked():
    config = compose_configuration(["experiment=see2017", "task.max_source=99", "model=self"])
    assert config.task.max_source == 99
    assert config.task.vocabulary_size == 300  # of conf/recipe/summarization_generated.yaml
    assert (config.names.model, config.names.experiment) == ("self", "see2017")


# Comparisons


@contextmanager
def sweeper_of(arguments: Sequence[str]) -> Iterator[CellSweeper]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        plain = [argument for argument in arguments if "," not in argument]
        sweeper = instantiate(compose("config", overrides=plain, return_hydra_config=True).hydra.sweeper)
        sweeper.loader = GlobalHydra.instance().config_loader()
        yield sweeper


def cells_of(*arguments: str) -> list[dict[str, str]]:
    with sweeper_of(arguments) as sweeper:
        return [dict(part.split("=", 1) for part in cell) for cell in sweeper.combinations(arguments)[0]]


def supports(task: Task, model: str) -> bool:
    if model in MECHANISMS:
        return True  # conf/model has what each needs; test_matrix builds them all
    floor = instantiate(OmegaConf.create({"model": MODELS[model]}).model.floor)
    try:
        floor.check(task)
    except ValueError:
        return False
    return True


def test_every_task_has_its_comparison():
    assert sorted([*TASKS, "all"]) == COMPARISONS


@pytest.mark.parametrize("task", TASKS)
def test_a_comparison_has_every_mechanism_and_only_floors_that_serve_the_task(task: str):
    cells = cells_of(f"experiment=compare/{task}")
    models = {cell["model"] for cell in cells}
    made = make_task(compose_configuration([f"experiment=compare/{task}"]))
    assert made.name == task
    assert models >= MECHANISMS
    assert models - MECHANISMS
    assert all(supports(made, model) for model in models)
    assert {cell["seed"] for cell in cells} == set("123456")
    assert len(cells) == 6 * len(models)


@pytest.mark.slow
def test_the_comparison_of_all_tasks_has_the_cells_of_each():
    every = {(cell["task"], cell["model"], cell["seed"]) for cell in cells_of("experiment=compare/all")}
    each = {(task, c["model"], c["seed"]) for task in TASKS for c in cells_of(f"experiment=compare/{task}")}
    assert every == each


def test_the_command_line_wins_over_a_comparison():
    cells = cells_of("experiment=compare/ner", "seed=7,8", "model=self")
    assert [(cell["model"], cell["seed"]) for cell in cells] == [("self", "7"), ("self", "8")]
    with sweeper_of(["experiment=compare/ner"]) as sweeper:
        _, swept = sweeper.combinations(["experiment=compare/ner", "model=self", "training.steps=1,2"])
    assert sorted(swept) == ["seed", "training.steps"]


def test_several_sweeps_with_the_same_cells_run_them_once():
    with sweeper_of(["experiment=compare/all"]) as sweeper:
        combinations, swept = sweeper.combinations(["experiment=compare/all", "task=ner", "model=majority", "seed=1"])
    (cell,) = make_cells(combinations, swept=swept, compose=_composed)
    assert cell.problem is None


def test_comparisons_are_not_swept_over():
    combinations = [["experiment=compare/ner"], ["experiment=compare/pos"]]
    with pytest.raises(ValueError, match="run one at a time, or experiment=compare/all"):
        make_cells(combinations, swept=["experiment"], compose=_composed)


@pytest.mark.slow
def test_each_cell_gets_the_recipe_of_its_task_and_data_and_no_name_of_a_system():
    pairs = {"task=sentiment": "sentiment_generated", "task=summarization": "summarization_generated"}
    for override, recipe in pairs.items():
        assert _composed(["experiment=compare/all", override]).hydra.runtime.choices.recipe == recipe
    chosen = _composed(["experiment=compare/ner", "data=weibo_ner"]).hydra.runtime.choices
    assert chosen.recipe == "ner_weibo_ner"
    config = compose_configuration(["experiment=compare/ner", "model=dot"])
    assert "experiment" not in config.names
    assert config == compose_configuration(["task=ner", "model=dot"])


def _composed(overrides: Sequence[str]):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=list(overrides), return_hydra_config=True)


@pytest.mark.slow
def test_a_comparison_is_a_sweep_by_itself(tmp_path: Path):
    options = ["model=majority", "seed=1,2", f"results_dir={tmp_path}", "data.size=few"]
    done = command("experiment=compare/ner", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    found = [files.read_record(path.parent) for path in tmp_path.glob("runs/*/record.json")]
    assert sorted((record["task"], record["model"], record["seed"]) for record in found if record) == [
        ("ner", "majority", 1), ("ner", "majority", 2),
    ]  # fmt: skip


@pytest.mark.slow
def test_help_names_presets_comparisons_and_matching():
    text = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, cwd=ROOT, check=True).stdout
    assert "experiment: bahdanau2015, " in text
    assert "experiment/compare: all, " in text
    assert "match: flops, none, parameters" in text
