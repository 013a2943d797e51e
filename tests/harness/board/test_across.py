from __future__ import annotations

from typing import Any

import pytest

from harness.board.board import make_board
from harness.board.rows import group_records
from harness.board.tables import AcrossTasks
from harness.statistics.tasks import friedman_test, probability_of_improvement
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


def test_mean_ranks_and_tests_are_those_of_the_common_cells():
    (made,) = across(*entries(), floor(task="ner"))
    assert made.rows == ["self recurrent", "dot recurrent", "none recurrent"]
    assert made.mean_ranks == pytest.approx([4 / 3, 5 / 3, 3])
    assert made.tables == ["events / generated", "ner / generated", "pos / generated"]
    means = [[sum(SCORES[task, model]) / 2 for model in ("self", "dot", "none")] for task in ("ner", "pos", "events")]
    expected = friedman_test(means)
    assert made.friedman is not None
    assert made.friedman.p_value == pytest.approx(expected.f_p)
    assert made.friedman.f == pytest.approx(expected.f)
    chance = made.chances[0]
    assert (chance.row, chance.over) == ("self recurrent", "dot recurrent")
    scores = [{task: SCORES[task, model] for task in ("ner", "pos", "events")} for model in ("self", "dot")]
    assert chance.probability == pytest.approx(probability_of_improvement(*scores).probability)
    assert len(made.chances) == 3


def test_a_row_without_a_score_somewhere_is_left_out_with_the_reason():
    odd = runs([0.9, 0.9], task="ner", model="cross")
    hole = record(task="pos", model="cross", status="failed", reason="out of memory", scores={})
    (made,) = across(*entries(), *odd, hole)
    assert "cross recurrent" not in made.rows
    message, _few = made.messages
    assert (
        "cross recurrent is left out: no score in events / generated, pos / generated (failed: out of memory)"
        in message
    )


def test_a_table_with_one_network_is_left_out():
    (made,) = across(*entries(), record(task="matching"), floor(task="matching"))
    assert len(made.tables) == 3
    assert made.messages[0] == "tables with fewer than two networks are left out: matching / generated"


def test_intervals_of_few_runs_are_said_to_be_too_narrow_and_a_single_run_has_none():
    (made,) = across(*entries())
    assert made.messages == [
        "chances of improvement: their intervals are too narrow with 2 runs; 5 seeds and more are wanted"
    ]
    (made,) = across(*(entry for entry in entries() if entry["seed"] == 1))
    assert {(chance.low, chance.high) for chance in made.chances} == {(None, None)}
    assert "a single run has no interval" in made.messages[0]
    enough = [run for task in ("ner", "pos") for model in ("a", "b") for run in runs([0.5] * 5, task=task, model=model)]
    assert across(*enough)[0].messages == []


def test_the_same_system_is_found_in_every_table_whatever_else_a_table_has():
    def heads(task: str, model: str, count: int) -> list[dict[str, Any]]:
        return runs([0.5, 0.6], task=task, model=model, config={"model": {"name": model, "heads": count}})

    common = [run for task in ("ner", "pos") for model in ("self", "dot") for run in heads(task, model, 4)]
    (made,) = across(*common, *heads("ner", "self", 8))
    assert made.rows == ["dot recurrent", "self recurrent model.heads=4"]
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
    assert made.rows == ["dot recurrent", "self recurrent"]
