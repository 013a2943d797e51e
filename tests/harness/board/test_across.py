from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.board.board import make_board
from harness.board.rows import group_records
from harness.board.tables import AcrossTasks
from harness.statistics.over_tables import win_rates
from tests.harness.handmade import floor, record, runs

SCORES = {
    ("ner", "self"): [0.5, 0.6], ("ner", "dot"): [0.4, 0.55], ("ner", "none"): [0.1, 0.2],
    ("pos", "self"): [0.9, 0.9], ("pos", "dot"): [0.91, 0.92], ("pos", "none"): [0.8, 0.7],
    ("events", "self"): [0.3, 0.4], ("events", "dot"): [0.2, 0.3], ("events", "none"): [0.1, 0.1],
}  # fmt: skip


def entries(**changes: Any) -> list[dict[str, Any]]:
    return [run for (task, model), scores in SCORES.items() for run in runs(scores, task=task, model=model, **changes)]


def across(*found: dict[str, Any]) -> list[AcrossTasks]:
    return make_board(group_records(found)).across


def test_win_rates_are_those_of_the_common_cells():
    (made,) = across(*entries(), floor(task="ner"))
    assert [row.row for row in made.rows] == ["self recurrent", "dot recurrent", "none recurrent"]
    assert [row.mean_rank for row in made.rows] == pytest.approx([4 / 3, 5 / 3, 3])
    assert made.tables == ["events / generated", "ner / generated", "pos / generated"]
    expected = win_rates(
        [[SCORES[task, model] for model in ("self", "dot", "none")] for task in ("events", "ner", "pos")]
    )
    assert [row.rate for row in made.rows] == pytest.approx(expected.rate.tolist())
    chance = made.chances[0]
    assert (chance.row, chance.over) == ("self recurrent", "dot recurrent")
    found = (chance.probability, chance.low, chance.high, chance.p_value)
    theirs = (expected.chance, expected.low, expected.high, expected.p_value)
    assert found == pytest.approx(tuple(values[0, 1] for values in theirs))
    assert len(made.chances) == 3
    assert made.messages == []


def test_places_and_the_tables_in_which_a_row_is_told_apart_from_the_first():
    def scores(mean: float, number: int) -> list[float]:
        return list(mean + 0.01 * np.random.default_rng(number).standard_normal(6))

    means = {"self": (0.9, 0.9), "dot": (0.5, 0.95), "none": (0.1, 0.1)}
    found = [
        run
        for n, (model, both) in enumerate(means.items())
        for m, (task, mean) in enumerate(zip(("ner", "pos"), both, strict=True))
        for run in runs(scores(mean, 10 * n + m), task=task, model=model)
    ]
    (made,) = across(*found)
    first, second, third = made.rows
    assert [(row.first, row.last) for row in made.rows] == [(1, 2), (1, 2), (3, 3)]
    assert {first.row, second.row} == {"self recurrent", "dot recurrent"}
    assert (second.tables_better, second.tables_worse) == (1, 1)
    assert (third.tables_better, third.tables_worse) == (0, 2)


def test_a_row_without_a_score_somewhere_is_left_out_with_the_reason():
    odd = runs([0.9, 0.9], task="ner", model="cross")
    hole = record(task="pos", model="cross", status="failed", reason="out of memory", scores={})
    (made,) = across(*entries(), *odd, hole)
    assert "cross recurrent" not in [row.row for row in made.rows]
    (message,) = made.messages
    assert (
        "cross recurrent is left out: no score in events / generated, pos / generated (failed: out of memory)"
        in message
    )


def test_a_table_with_one_network_is_left_out():
    (made,) = across(*entries(), record(task="matching"), floor(task="matching"))
    assert len(made.tables) == 3
    assert made.messages[0] == "tables with fewer than two networks are left out: matching / generated"


def test_a_single_run_leaves_rates_without_ranges_and_the_reason():
    (made,) = across(*(entry for entry in entries() if entry["seed"] == 1))
    assert {(chance.low, chance.high, chance.p_value) for chance in made.chances} == {(None, None, None)}
    assert {(row.first, row.last) for row in made.rows} == {(None, None)}
    assert made.messages == ["a row has a single run in some table, which says nothing of how runs vary: no ranges"]


def test_171_rows_over_two_tables_overflow_nothing():
    found = [
        run
        for n in range(171)
        for task in ("ner", "pos")
        for run in runs([n / 200, (n + 1) / 200], task=task, model=f"m{n}")
    ]
    (made,) = across(*found)
    assert len(made.rows) == 171
    assert made.rows[0].row == "m170 recurrent"
    assert made.rows[0].first == 1
    assert len(made.chances) == 170


def test_the_same_system_is_found_in_every_table_whatever_else_a_table_has():
    def heads(task: str, model: str, count: int) -> list[dict[str, Any]]:
        return runs([0.5, 0.6], task=task, model=model, config={"model": {"name": model, "heads": count}})

    common = [run for task in ("ner", "pos") for model in ("self", "dot") for run in heads(task, model, 4)]
    (made,) = across(*common, *heads("ner", "self", 8))
    assert {row.row for row in made.rows} == {"dot recurrent", "self recurrent model.heads=4"}
    assert "self recurrent model.heads=8 is left out: no score in pos / generated" in made.messages[0]


def test_systems_of_other_settings_of_the_mechanism_are_not_taken_for_one():
    def heads(task: str, count: int, *, steps: int) -> list[dict[str, Any]]:
        return [
            run
            for model in ("self", "dot")
            for run in runs(
                [0.5, 0.6],
                task=task,
                model=model,
                config={"model": {"name": model, "heads": count}, "training": {"steps": steps}},
            )
        ]

    unlike = make_board(group_records([*heads("ner", 4, steps=1), *heads("pos", 8, steps=1)]))
    assert unlike.across == []
    (said,) = unlike.messages
    assert said.startswith("the comparison across 2 tables: fewer than two networks have a score in all of them")
    (made,) = across(*heads("ner", 4, steps=1), *heads("pos", 4, steps=2))  # the steps are those of the recipe
    assert {row.row for row in made.rows} == {"dot recurrent", "self recurrent"}
