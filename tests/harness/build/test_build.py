"""What is built from a configuration: everything but the mechanism starts from the same weights."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.build import checks
from harness.build import data as run_data
from harness.build.checks import UnsupportedError
from harness.build.data import encode, make_task
from harness.build.model import make_model
from harness.configuration.compose import compose_configuration
from models.attention.base import Attention
from models.attention.dot import DotAttention
from models.attention.self import SelfAttention
from tests.harness.build.test_matching_sizes import MECHANISMS

WORDS = "embeddings.parts.words.table.weight"
SMALL = ["data.size=few", "data.max_train=16", "data.max_validation=4", "data.max_test=4"]


def weights(model: str, overrides: list[str], tmp_path: Path, seed: int = 1) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Those outside the mechanisms by name, and those of the mechanisms."""
    config = compose_configuration([*overrides, *SMALL, f"model={model}", f"seed={seed}", f"results_dir={tmp_path}"])
    task = make_task(config)
    made = make_model(config, encode(config, task, run_data.load_corpus(config, task)))
    places = tuple(f"{name}." for name, module in made.named_modules() if isinstance(module, Attention))
    state = made.state_dict()
    return (
        {name: value for name, value in state.items() if not name.startswith(places)},
        [value for name, value in state.items() if name.startswith(places)],
    )


@pytest.mark.parametrize(
    "overrides",
    [
        ["task=matching", "data.unseen_labels=drop"],
        ["task=ner", "backbone=transformer", "data.unseen_labels=drop"],
        pytest.param(["task=sentiment", "backbone=convolutional", "data.unseen_labels=drop"], marks=pytest.mark.slow),
        ["task=correction"],
        pytest.param(["task=translation", "backbone=transformer"], marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_mechanisms_share_the_weights_of_everything_else(overrides: list[str], tmp_path: Path):
    shared, _ = weights("dot", overrides, tmp_path)
    writes_by_transformer = {"task=translation", "backbone=transformer"} <= set(overrides)
    for model in MECHANISMS:
        if model == "none" and writes_by_transformer:
            continue  # refused: its decoder would not see what it has written
        rest, _ = weights(model, overrides, tmp_path)
        if rest[WORDS].shape != shared[WORDS].shape:
            assert model == "cross"  # its vocabulary holds the names of the labels
            rest = {name: value for name, value in rest.items() if not name.startswith("embeddings.")}
        assert len(shared.keys() & rest.keys()) > 4
        different = {name for name in shared.keys() & rest.keys() if not torch.equal(shared[name], rest[name])}
        assert not different, model


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["task=pos"], r"^generated_pos, train, row \d+: a text of \d+ symbols, but learned positions exist up to "),
        (["task=correction", "task.max_source=4"], r"^generated_correction, train, row \d+: a text of \d+ symbols"),
    ],
)
def test_texts_beyond_learned_positions_are_refused_before_training(overrides: list[str], said: str, tmp_path: Path):
    for longest, refused in ((5, True), (500, False)):
        options = [*SMALL, "position=learned", f"position.max_length={longest}", f"results_dir={tmp_path}"]
        config = compose_configuration([*overrides, "data.unseen_labels=drop", *options])
        task = make_task(config)
        corpus = run_data.load_corpus(config, task)
        with pytest.raises(ValueError, match=said) if refused else nullcontext():
            encode(config, task, corpus)


def test_a_mechanism_that_lacks_an_ability_is_answered_with_those_that_have_it(monkeypatch: pytest.MonkeyPatch):
    config = compose_configuration(["task=pos", "model=dot"])
    task = make_task(config)
    monkeypatch.setattr(SelfAttention, "supports", frozenset({"cross"}))
    monkeypatch.setattr(DotAttention, "supports", frozenset({"cross"}))
    with pytest.raises(UnsupportedError, match="model=dot supports cross, but task=pos") as caught:
        checks.check_combination(config, task)
    able = str(caught.value).partition("mechanisms that can: ")[2].split(", ")
    assert set(MECHANISMS) - set(able) == {"self", "dot", "none"}


def test_every_site_and_every_seed_begins_with_other_weights(tmp_path: Path):
    overrides = ["task=pos", "backbone=transformer", "data.unseen_labels=drop"]
    drawn = [
        value.flatten().tolist()[:8]
        for seed in (1, 2, 3)
        for value in weights("self", overrides, tmp_path, seed)[1]
        if value.dim() == 2 and value.unique().numel() > 1
    ]
    assert len(drawn) >= 12
    assert len(drawn) == len(set(map(tuple, drawn)))
