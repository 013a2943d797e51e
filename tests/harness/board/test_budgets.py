"""Rows of one table that were not trained alike: the board says in what."""

from __future__ import annotations

from typing import Any

from harness.board.board import make_board
from harness.board.rows import group_records
from tests.harness.handmade import floor, record


def trained(
    model: str, *, steps: Any = 150, loss: dict[str, Any] | None = None, seeds: int = 2, **facts: Any
) -> list[dict[str, Any]]:
    config = {"model": {"name": model}, "training": {"steps": steps, "patience": 9}, "task": loss or {}}
    return [record(model=model, seed=seed, id=f"{model}{seed}", config=config, **facts) for seed in range(seeds)]


def differing(*entries: list[dict[str, Any]]) -> list[str]:
    (table,) = make_board(group_records([record for found in entries for record in found])).tables
    return [message for message in table.messages if "differs" in message]


def test_the_settings_that_differ_are_named_with_their_values_and_rows():
    others = [*trained("self"), *trained("none"), *trained("uniform")]
    assert differing(others, trained("dot", steps=60)) == ["training.steps differs: 60 (dot), 150 (others)"]
    assert differing(others, trained("dot", steps=60), trained("gated", steps=61)) == [
        "training.steps differs: 60 (dot), 61 (gated), 150 (others)"
    ]
    assert differing(trained("dot", steps=60), trained("self")) == ["training.steps differs: 60 (dot), 150 (self)"]
    plain, weighted = {"class_weights": "none", "label_smoothing": 0.1}, {"class_weights": "balanced"}
    assert differing(
        trained("dot", loss=plain | weighted), trained("self", loss=plain | {"label_smoothing": 0.0}),
        trained("none", loss=plain),
    ) == [
        "task.class_weights differs: balanced (dot), none (others)",
        "task.label_smoothing differs: 0.0 (self), 0.1 (others)",
    ]  # fmt: skip


def test_rows_of_one_mechanism_are_told_apart_and_many_are_not_all_named():
    assert differing(trained("dot", steps=60), trained("dot")) == [
        "training.steps differs: 150 (dot training.steps=150), 60 (dot training.steps=60)"
    ]
    many = [entry for n in range(7) for entry in trained(f"m{n}", steps=60, seeds=1)]
    usual = [entry for n in range(8) for entry in trained(f"u{n}", seeds=1)]
    (said,) = differing(many, usual)
    assert said.endswith("m4 and 2 more), 150 (others)")


def test_what_tells_rows_of_several_backbones_apart_stays():
    other = [record | {"backbone": "transformer"} for record in trained("dot", steps=60)]
    assert differing(trained("dot"), trained("self"), other) == [
        "training.steps differs: 60 (dot transformer), 150 (others)"
    ]


def test_nothing_is_said_of_what_is_alike_of_floors_of_holes_and_of_what_was_searched():
    failed = trained("gated", steps=3, status="failed", reason="no memory")
    short = {"model": {"floor": {}}, "training": {"steps": 1}}
    old = [record(model="old", config={"model": {"name": "old"}, "training": 3})]
    assert differing(trained("self"), trained("dot"), [floor(config=short)], failed, old) == []
    search = {"trials": 2, "space": {"training.steps": [60, 150]}}
    assert differing(trained("self", search=search), trained("dot", steps=60, search=search)) == []
