from __future__ import annotations

from typing import Any

import pytest

from harness.board import make_board
from harness.board_tasks import AcrossTasks
from harness.rows import group_records
from harness.statistics_tasks import friedman_test, probability_of_improvement
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
    (message,) = made.messages
    assert (
        "cross recurrent is left out: no score in events / generated, pos / generated (failed: out of memory)"
        in message
    )


def test_a_table_with_one_network_is_left_out():
    (made,) = across(*entries(), record(task="matching"), floor(task="matching"))
    assert len(made.tables) == 3
    assert made.messages == ["tables with fewer than two networks are left out: matching / generated"]


def test_nothing_is_said_of_one_table_or_one_common_row():
    assert across(*runs([0.1]), *runs([0.2], model="dot"), floor()) == []
    other = [*runs([0.1], task="pos"), *runs([0.2], task="pos", model="general")]
    assert across(*runs([0.1]), *runs([0.2], model="dot"), *other) == []


def test_two_rows_have_no_friedman_test_but_a_chance():
    two = [run for run in entries() if run["model"] != "none"]
    (made,) = across(*two)
    assert made.friedman is None
    assert len(made.chances) == 1


def test_tuned_rows_are_compared_among_themselves():
    default, tuned = across(*entries(), *entries(search={"trials": 5}))
    assert (default.tuned, tuned.tuned) == (False, True)
