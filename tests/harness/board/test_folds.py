"""Rows over folds: folds stand in the place of seeds, and the board says what that means."""

from __future__ import annotations

from typing import Any

import pytest

from harness.board.board import make_board
from harness.board.cells import notes
from harness.board.latex import latex
from harness.board.rows import group_records
from harness.board.tables import BoardTable
from tests.harness.handmade import floor, record


def folded(model: str, scores: list[float], *, seed: int = 1, folds: int = 3, of: Any = record) -> list[dict[str, Any]]:
    """A run for each fold, the first ones of ``folds``."""
    return [
        of(
            model=model, seed=seed, scores={"f1": score}, data="toy in 3 folds", data_fingerprint=f"fold {fold}",
            id=f"{model}{seed}{fold}",
            config={
                "model": {"name": model} | ({"floor": {"_target_": model}} if of is floor else {}),
                "data": {"folds": folds, "fold": fold, "fold_seed": 1, "seed": seed, "validation_fraction": None},
            },
        )
        for fold, score in enumerate(scores)
    ]  # fmt: skip


def table_of(*records: dict[str, Any]) -> BoardTable:
    (table,) = make_board(group_records(records)).tables
    return table


def test_folds_are_the_replicates_of_a_row_and_no_data_are_left_out():
    table = table_of(*folded("self", [0.5, 0.6, 0.7]), *folded("dot", [0.3, 0.3, 0.4]))
    assert [(row.model, row.seeds, row.scores) for row in table.rows] == [
        ("self", [0, 1, 2], [0.5, 0.6, 0.7]),
        ("dot", [0, 1, 2], [0.3, 0.3, 0.4]),
    ]
    assert not any("left out" in remark for remark in table.messages)
    (said,) = [remark for remark in table.messages if "Bengio" in remark]
    assert "where it says seeds, folds of one data set are meant (3 of them, from 0). Folds share" in said
    assert "intervals, p and ranks are too sure" in said


def test_several_seeds_of_a_fold_count_as_their_mean():
    records = [*folded("self", [0.5, 0.6, 0.7]), *folded("self", [0.7, 0.6, 0.9], seed=2)]
    table = table_of(*records)
    (row,) = table.rows
    assert row.scores == pytest.approx([0.6, 0.6, 0.8])
    assert any("; of several seeds of a fold the mean counts. Folds share" in remark for remark in table.messages)
    assert not row.remarks


def test_a_row_that_lacks_a_fold_says_so():
    table = table_of(*folded("self", [0.5, 0.6]), *folded("dot", [0.5, 0.6, 0.5]))
    remarks = {row.model: row.remarks for row in table.rows}
    assert remarks == {"self": ["it lacks the folds 2, so that its score is on a part of the examples"], "dot": []}


def test_a_floor_is_another_on_each_fold():
    table = table_of(*folded("majority", [0.2, 0.2, 0.2], of=floor), *folded("self", [0.5, 0.6, 0.7]))
    (row,) = [row for row in table.rows if row.floor]
    assert row.seeds == [0, 1, 2]
    assert table.pairs.of(0, 1).p_value is not None  # tested, not exact


@pytest.mark.parametrize(("folds", "fold"), [(10**400, 0), (3, 3), (3, -1), (3, None)])
def test_what_is_no_fold_is_a_run_over_seeds(folds: Any, fold: Any):
    odd = folded("self", [0.5])[0]
    odd["config"]["data"] |= {"folds": folds, "fold": fold}
    (row,) = table_of(odd).rows
    assert (row.seeds, row.remarks) == ([1], [])


def test_one_fold_of_other_data_is_left_out():
    odd = folded("dot", [0.9])[0] | {"data_fingerprint": "other"}
    table = table_of(*folded("self", [0.5, 0.6, 0.7]), *folded("gated", [0.5, 0.6, 0.7]), odd)
    assert {row.model for row in table.rows} == {"self", "gated"}
    assert any("left out, for their data (other) are not those of the others: dot" in note for note in table.messages)


def test_words_speak_of_folds_where_seeds_are_none():
    hole = folded("gated", [0.0])[0] | {"status": "failed", "reason": "no memory", "scores": None}
    entries = [*folded("self", [0.5, 0.6, 0.7]), *folded("dot", [0.3, 0.3, 0.4]), hole]
    table = table_of(*entries)
    assert "gated recurrent, fold 0: failed: no memory" in notes(table, ())
    assert "3 folds a network" in notes(table, ())
    caption = next(line for line in latex(make_board(group_records(entries))).splitlines() if "mean over folds" in line)
    assert "3 folds a network" in caption
    assert "Welch's t over folds" in caption
    assert "Folds share training data, so intervals, ranks and bold print are too sure." in caption
