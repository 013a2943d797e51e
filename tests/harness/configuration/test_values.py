"""What a configuration's values may be."""

from __future__ import annotations

import re

import pytest

from harness.configuration.compose import CONF, compose_configuration
from harness.configuration.values import check_settings

FOUND = {"data=files": ["data.path=folder"], "data=hub": ["data.name=x", "data.hub.path=x"]}


def check(*overrides: str) -> None:
    check_settings(compose_configuration(list(overrides)))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["force=no"], "force=no is a text; write true or false"),
        (["backbone.token_site=off"], "backbone.token_site=off is a text; write true or false"),
        (["seed=abc"], "seed: expected a whole number from 0, got 'abc'"),
        (["seed=-1"], "seed: expected a whole number from 0, got -1"),
        (["seed=1.5"], "seed: expected a whole number from 0, got 1.5"),
        (["seed=true"], "seed: expected a whole number from 0, got True"),
        (["training.steps=1k"], "training.steps: expected a whole number from 1, got '1k'"),
        (["training.patience=null"], "training.patience: expected a whole number from 1, got None"),
        (["training.evaluation_batch_rows=0"], "training.evaluation_batch_rows: expected a whole number from 1, got 0"),
        (["trainer.threads=0"], "trainer.threads: expected a whole number from 1, got 0"),
        (["backbone.layers=0"], "backbone.layers: expected a whole number from 1, got 0"),
        (["model=dot", "model.dropout=1.5"], "model.dropout: expected a number from 0 to below 1, got 1.5"),
        (["model.heads=two"], "model.heads: expected a whole number from 1, got 'two'"),
        (["training.learning_rate=fast"], "training.learning_rate: expected a number above 0, got 'fast'"),
        (["training.gradient_clip=0"], "training.gradient_clip: expected a number above 0, or null, got 0"),
        (["training.schedule=linear"], "training.schedule: expected cosine, inverse_sqrt or stable, got 'linear'"),
        (["trainer.precision=bf16"], "trainer.precision: expected 32-true, bf16-mixed or 16-mixed, got 'bf16'"),
        (["data.max_train=-3"], "data.max_train: expected a whole number from 1, or null, got -3"),
        (["match=parameters", "match.expansion=big"], "match.expansion: expected a whole number from 0, got 'big'"),
        (["+training.step=7"], "nothing reads training.step; did you mean training.steps?"),
        (["+sed=7"], "nothing reads sed; did you mean seed?"),
        (["+model.scale=false"], "nothing reads model.scale; did you mean"),
        (["model=memory", "+model.heads=4"], "nothing reads model.heads; there are: attention, dropout, floor, hops, "),
        (["+search.trials=5"], "nothing reads search.trials; choose a search: search=random"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(overrides: list[str], said: str):
    with pytest.raises(ValueError, match="^" + re.escape(said)):
        check(*overrides)


def test_what_has_no_value_is_asked_for():
    with pytest.raises(ValueError, match=r"^data\.name has no value; give it one: data\.name=…"):
        check("data=hub", "data.hub.path=x")


@pytest.mark.parametrize(
    "overrides",
    [
        ["+data.knobs.length=8", "data.max_train=100", "training.gradient_clip=null"],
        ["data=files", "data.path=folder", "data.exclude={label:[no]}", "data.columns={text:review,label:on}"],
        ["task=translation", "data=files", "data.path=folder", "data.language=no", "task.max_source=null"],
        ["model=custom", "model.attention._target_=my_package.MyAttention", "+model.attention.heads=2"],
        ["search=random", "search.trials=5", "seed=0", "training.learning_rate=1"],
    ],
)
def test_what_can_be_passes(overrides: list[str]):
    check(*overrides)


@pytest.mark.parametrize(
    "choice",
    sorted(
        f"{group}={path.relative_to(CONF / group).with_suffix('')}"
        for group in ("task", "model", "backbone", "position", "embedding", "data", "match", "debug", "experiment")
        for path in (CONF / group).rglob("*.yaml")
        if path.stem != "custom"
    ),
)
def test_every_choice_passes(choice: str):
    check(choice, *FOUND.get(choice, []))
