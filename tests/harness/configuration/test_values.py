"""What a configuration's values may be."""

from __future__ import annotations

import copy
import re
from functools import cache
from typing import get_args

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel

from harness.configuration.compose import CONF, compose_configuration
from harness.configuration.effect import flatten
from harness.configuration.kinds import Expected, OneOf
from harness.configuration.paths import PATHS
from harness.configuration.schema import Configuration
from harness.configuration.values import check_settings

GROUPS = {path.name for path in CONF.iterdir() if path.is_dir()}

ENCODER = ["embedding=encoder", "embedding.path=folder"]
VECTORS = ["embedding=vectors", "embedding.path=glove.txt"]

FOUND = {
    "embedding=encoder": ENCODER[1:],
    "embedding=vectors": VECTORS[1:],
    "data=files": ["data.path=folder"],
    "data=hub": ["data.name=x", "data.hub.path=x"],
}


@cache
def composed(*choices: str) -> DictConfig:
    return compose_configuration(choices)


def check(*overrides: str) -> None:
    """As the overrides would be checked, each kind of choices composed once, which takes long."""
    choices = [word for word in overrides if word.partition("=")[0] in GROUPS or "_target_" in word]
    config = copy.deepcopy(composed(*choices))
    for override in OverridesParser.create().parse_overrides([word for word in overrides if word not in choices]):
        if override.is_delete():
            above, _, last = override.key_or_group.rpartition(".")
            with open_dict(config):
                del (OmegaConf.select(config, above) if above else config)[last]
        else:
            OmegaConf.update(config, override.key_or_group, override.value(), force_add=True)
    check_settings(config)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["force=no"], "force: expected true or false, got 'no'"),
        (["backbone.token_site=off"], "backbone.token_site: expected true or false, got 'off'"),
        (["encoding.lowercase=flase"], "encoding.lowercase: expected true or false, got 'flase'"),
        (["seed=abc"], "seed: expected a whole number from 0 to 4294967295, got 'abc'"),
        (["seed=-1"], "seed: expected a whole number from 0 to 4294967295, got -1"),
        (["seed=1.5"], "seed: expected a whole number from 0 to 4294967295, got 1.5"),
        (["seed=true"], "seed: expected a whole number from 0 to 4294967295, got true"),
        (["seed="], "seed: expected a whole number from 0 to 4294967295, got ''"),
        (["seed=12345678901234567890"], "seed: expected a whole number from 0 to 4294967295, got 12345678901234567890"),
        (["retry=some"], "retry: expected failed, none or all, got 'some'"),
        (["max_minutes=0"], "max_minutes: expected a number above 0, or null, got 0"),
        (["workers=0.5"], "workers: expected a whole number from 1, got 0.5"),
        (["plan=1"], "plan: expected true or false, got 1"),
        (["training.steps=1k"], "training.steps: expected a whole number from 1, got '1k'"),
        (["training.patience=null"], "training.patience: expected a whole number from 1, got null"),
        (["training.evaluation_batch_rows=0"], "training.evaluation_batch_rows: expected a whole number from 1, got 0"),
        (["training.learning_rate=fast"], "training.learning_rate: expected a number above 0, got 'fast'"),
        (["training.learning_rate=inf"], "training.learning_rate: expected a number above 0, got inf"),
        (["training.gradient_clip=0"], "training.gradient_clip: expected a number above 0, or null, got 0"),
        (["training.schedule=linear"], "training.schedule: expected cosine, inverse_sqrt or stable, got 'linear'"),
        (["training=3"], "training: expected a group of options, such as {a: 1}, got 3"),
        (["encoding=null"], "encoding: expected a group of options, such as {a: 1}, got null"),
        (["task=pos", "task.class_weights=inverse"], "task.class_weights: expected none, balanced, or weights above 0"),
        (["task=pos", "task.class_weights={DET:0}"], "task.class_weights: expected none, balanced, or weights above 0"),
        (["task=pos", "task.class_weights={1:2,a:3}"], "task.class_weights: expected none, balanced, or weights"),
        (["task=pos", "task.focal_gamma=-1"], "task.focal_gamma: expected a number from 0, got -1"),
        (
            ["data=files", "data.path=folder", "data.folds=1"],
            "data.folds: expected a whole number from 2 to 1000",
        ),
        (["data=files", "data.path=folder", "data.folds_over=test"], "data.folds_over: expected train or all"),
        (["trainer.threads=0"], "trainer.threads: expected a whole number from 1 to 1000, got 0"),
        (["trainer.precision=bf16"], "trainer.precision: expected 32-true, bf16-mixed or 16-mixed, got 'bf16'"),
        (
            ["trainer.devices=auto"],
            "trainer.devices: expected a whole number from 1 or a list of devices such as [0,1]",
        ),
        (["trainer.devices=-1"], "trainer.devices: expected a whole number from 1 or a list of devices such as [0,1]"),
        (["trainer.devices=[]"], "trainer.devices: expected a whole number from 1 or a list of devices such as [0,1]"),
        (["trainer.devices=true"], "trainer.devices: expected a whole number from 1 or a list of devices such as"),
        (["trainer.num_nodes=0"], "trainer.num_nodes: expected a whole number from 1, got 0"),
        (["backbone.layers=0"], "backbone.layers: expected a whole number from 1, got 0"),
        (["task=translation", "backbone.width=0"], "backbone.width: expected a whole number from 1, got 0"),
        (
            ["backbone=convolutional", "backbone.kernel=2"],
            "backbone.kernel: expected an odd whole number from 1, got 2",
        ),
        (["embedding.width=0"], "embedding.width: expected a whole number from 1, or null, got 0"),
        (["embedding.parts.words.width=-1"], "embedding.parts.words.width: expected a whole number from 0, got -1"),
        (["embedding=encoder"], "embedding.path has no value; give it one"),
        ([*ENCODER, "embedding.parts.encoder.layers=1"], "embedding.parts.encoder.layers: expected mix or last, got 1"),
        ([*ENCODER, "training.encoder_learning_rate=0"], "training.encoder_learning_rate: expected a number above 0"),
        (["embedding=vectors"], "embedding.path has no value; give it one"),
        ([*VECTORS, "embedding.parts.vectors.train=yes"], "embedding.parts.vectors.train: expected true or false, got"),
        ([*VECTORS, "embedding.parts.vectors.width=9"], "nothing reads embedding.parts.vectors.width; "),
        (
            [*VECTORS, "embedding.content=abc"],
            "embedding.content: expected a SHA-256 in 64 hexadecimal digits, or null",
        ),
        (["embedding=vectors", "embedding.path=6"], "embedding.path: expected a path, or null; put what is read as"),
        (["model=dot", "model.dropout=1.5"], "model.dropout: expected a number from 0 to below 1, got 1.5"),
        (["model.heads=two"], "model.heads: expected a whole number from 1, got 'two'"),
        (
            ["model=additive", "model.hidden_width=0"],
            "model.hidden_width: expected a whole number from 1, or null, got",
        ),
        (["model.normalizer=hardmax"], "model.normalizer: expected softmax, sparsemax, entmax15 or sigmoid, got 'hard"),
        (["task=sentiment", "task.hidden=-4"], "task.hidden: expected a whole number from 0, got -4"),
        (["task=sentiment", "task.order=good"], "task.order: expected a list of texts, such as [a,b], or null, got"),
        (["data.max_train=-3"], "data.max_train: expected a whole number from 1, or null, got -3"),
        (
            ["data=files", "data.path=2024"],
            "data.path: expected a path, or null; put what is read as a number in quotes",
        ),
        (["data=files", "data.columns=text:review"], "data.columns: expected columns by the names that the task has"),
        (
            ["data=files", "data.validation_fraction=abc"],
            "data.validation_fraction: expected a number above 0 and below",
        ),
        (["match=parameters", "match.expansion=big"], "match.expansion: expected a number above 0, got 'big'"),
        (["search=random", "search.seeds=11"], "search.seeds: expected a list of different whole numbers, such as [1,"),
        (["search=random", "search.seeds=[1,1]"], "search.seeds: expected a list of different whole numbers, such as"),
        (["search=random", "search.seeds=[]"], "search.seeds: expected a list of different whole numbers, such as"),
        (["search=random", "search.seeds=[a]"], "search.seeds: expected a list of different whole numbers, such as"),
        (["search=random", "search.trials=1.5"], "search.trials: expected a whole number from 1 to 100000, got 1.5"),
        (
            ["search=random", "search.method=magic"],
            "search.method: expected none, random, sobol, halton or optuna, got",
        ),
        (["search=optuna", "search.prune_after=2"], "search.prune_after: expected a number from 0 to 1, got 2"),
        (
            ["backbone._partial_=false"],
            "backbone._partial_: expected true, for it is made once the data are read, got f",
        ),
        (["embedding.parts.words._partial_=no"], "embedding.parts.words._partial_: expected true, for it is made once"),
        (["model.attention._partial_=null"], "model.attention._partial_: expected true, for it is made once the data"),
        (["++task._partial_=true"], "task._partial_: expected false, for it is made once, got true"),
        (
            ["embedding._target_="],
            "embedding._target_: expected the dotted path of a class, such as package.Class, got",
        ),
        (["task._target_=NER"], "task._target_: expected the dotted path of a class, such as package.Class, got 'NER'"),
        (["+training.step=7"], "nothing reads training.step; did you mean training.steps?"),
        (["+sed=7"], "nothing reads sed; did you mean seed?"),
        (["+backbone.layer=2"], "nothing reads backbone.layer; did you mean backbone.layers?"),
        (["+backbone.kernel=3"], "nothing reads backbone.kernel; there are: backbone.dropout, "),
        (["+model.attention.hops=3"], "nothing reads model.attention.hops; "),
        (["+model.scale=false"], "nothing reads model.scale; did you mean"),
        (["model=memory", "+model.heads=4"], "nothing reads model.heads; there are: model.attention, model.dropout, "),
        (["+search.trials=5"], "nothing reads search.trials; choose a search: search=random"),
        (["~seed"], "seed has no value; give it one (seed=…), or do not take it away (~seed)"),
        (["~training.steps"], "training.steps has no value; give it one (training.steps=…), or do not take it away (~"),
        (["backbone.width=${foo}"], "backbone.width cannot be made of others: Interpolation key 'foo' not found"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(overrides: list[str], said: str):
    with pytest.raises(ValueError, match="^" + re.escape(said)) as refused:
        check(*overrides)
    assert "\n" not in str(refused.value)


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["???", "${seed}", "${nothing}", "${", "~", "yes", 10**30, -1, 0]),
    st.lists(st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text("abc_", min_size=1, max_size=3), st.integers() | st.text(max_size=3), max_size=2),
)
"""Values of every kind that a YAML file or a command line may hold."""


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_an_option_is_set_to_it_passes_or_is_refused_in_one_line(data: st.DataObject):
    choices = data.draw(st.sampled_from([(), ("task=translation", "data=files"), ("search=optuna", "match=flops")]))
    config = copy.deepcopy(composed(*choices))
    keys = [*flatten(OmegaConf.to_container(config)), *map(str, config)]
    key = data.draw(st.sampled_from([key for key in keys if key != "names" and not key.startswith("names.")]))
    try:
        OmegaConf.update(config, key, data.draw(ODD), merge=False)
    except OmegaConfBaseException:
        return  # an unfinished interpolation: Hydra reads none
    said = ""
    try:
        check_settings(config)
    except ValueError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 1000


def test_what_has_no_value_is_asked_for():
    with pytest.raises(ValueError, match=r"^data\.name has no value; give it one: data\.name=…"):
        check("data=hub", "data.hub.path=x")


def test_a_home_folder_is_found_in_paths_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", "/somewhere")
    config = copy.deepcopy(composed("data=files"))
    config.data.train, config.results_dir, config.data.separator = "~/my data/a=b.csv", "~", "~"
    check_settings(config)
    assert (config.data.train, config.results_dir, config.data.separator) == (
        "/somewhere/my data/a=b.csv",
        "/somewhere",
        "~",
    )


def test_every_option_that_is_a_path_is_known_as_one():
    """Those that the schema has as paths are those that may be typed unquoted."""
    assert sorted(_paths(Configuration)) == sorted([*PATHS, "data.data_dir"])


def _paths(group: type[BaseModel], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in group.model_fields.items():
        inner = [
            field.annotation,
            *(one for extra in field.metadata if isinstance(extra, OneOf) for one in extra.kinds.values()),
        ]
        inner += [
            one
            for part in get_args(field.annotation)
            for extra in getattr(part, "__metadata__", ())
            if isinstance(extra, OneOf)
            for one in extra.kinds.values()
        ]
        for kind in inner:
            if isinstance(kind, type) and issubclass(kind, BaseModel) and name != "train_from":
                found |= _paths(kind, f"{prefix}{name}.")
        if any(isinstance(extra, Expected) and extra.words.startswith("a path") for extra in field.metadata):
            found.add(prefix + name)
    return found


@pytest.mark.parametrize(
    "overrides",
    [
        ["+data.knobs.length=8", "data.seed=0", "data.max_train=100", "training.gradient_clip=null"],
        ["data=files", "data.path=folder", "data.exclude={label:[no]}", "data.columns={text:review,label:on}"],
        ["task=translation", "data=files", "data.path=folder", "data.language=no", "task.max_source=null"],
        ["model=custom", "model.attention._target_=my_package.MyAttention", "+model.attention.heads=2"],
        ["backbone._target_=my_package.Encoder", "+backbone.experts=[1,2]"],
        ["task._target_=my_package.MyTask", "+task.margin=0.2"],
        ["+trainer.limit_train_batches=0.5", "trainer.devices=[0,1]"],
        ["search=random", "search.trials=5", "seed=0", "training.learning_rate=1"],
    ],
)
def test_what_can_be_passes(overrides: list[str]):
    check(*overrides)


@pytest.mark.parametrize(
    "choice",
    sorted(
        f"{group}={path.relative_to(CONF / group).with_suffix('')}"
        for group in sorted(GROUPS - {"hydra", "recipe", "search_space"})
        for path in (CONF / group).rglob("*.yaml")
        if path.stem != "custom"
    ),
)
def test_every_choice_passes(choice: str):
    """Also: every option in these files has its line in the schema, and every line of the schema its option."""
    check(choice, *FOUND.get(choice, []))
