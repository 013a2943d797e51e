"""Several batches that make one step: it is the step of one large batch, and steps are counted as the optimiser's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.configuration.compose import compose_configuration
from harness.records.record import Record
from harness.run.execute import execute

Overrides = Callable[..., list[str]]

NO_CHANCE = [
    "task.dropout=0",
    "embedding.dropout=0",
    "embedding.token_dropout=0",
    "embedding.parts.words.word_dropout=0",
    "backbone.dropout=0",
]
"""Without dropout, which large and small batches draw otherwise."""


def recorded(overrides: list[str]) -> Record:
    record = execute(compose_configuration(overrides)).record
    assert record["status"] == "done", record["reason"]
    return record


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "more"),
    [
        ("sentiment", ["model=none"]),
        ("ner", ["model=none"]),
        ("correction", ["model=none", "decoder.dropout=0"]),
    ],
)
def test_a_run_of_small_batches_is_the_run_of_large_ones(request: pytest.FixtureRequest, task: str, more: list[str]):
    """Three batches, one of them smaller than others, make a step that has room for a fourth."""
    make: Overrides = request.getfixturevalue("writing" if task == "correction" else "tiny")
    options = [f"task={task}", *more, *NO_CHANCE, "training.steps=4", "data.max_train=40", "training.batch_tokens=9999"]
    small = recorded(make(*options, "training.batch_rows=16", "training.accumulate_batches=4"))
    large = recorded(make(*options, "training.batch_rows=40"))
    assert small["costs"]["train_steps"] == large["costs"]["train_steps"] == 4
    for ours, theirs in zip(small["curves"], large["curves"], strict=True):
        for key in ours.keys() - {"train_seconds"}:
            assert ours[key] == pytest.approx(theirs[key], rel=2e-4), (key, ours["epoch"])


@pytest.mark.slow
def test_the_steps_of_a_record_are_those_of_the_optimiser(tiny: Overrides):
    options = ("task=pos", "model=none", "data.max_train=80", "training.steps=20", "training.patience=99")
    record = recorded(tiny(*options, "training.accumulate_batches=4"))
    assert [point["step"] for point in record["curves"]] == list(range(2, 21, 2))  # 4 of 5 batches and the last one
    assert record["costs"]["train_steps"] == 20
