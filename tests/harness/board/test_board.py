from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from harness.board.board import make_board
from harness.board.formats import FORMATS
from harness.board.pairing import more_seeds
from harness.board.rows import group_records
from harness.board.tables import Board, BoardTable
from harness.statistics.seeds import holm, sign_flip_test
from tests.harness.handmade import floor, record, runs


def board(*entries: dict[str, Any], metric: str | None = None) -> Board:
    return make_board(group_records(entries), metric=metric)


def only_table(*entries: dict[str, Any], metric: str | None = None) -> BoardTable:
    (table,) = board(*entries, metric=metric).tables
    return table


def noisy(mean: float, seeds: int, *, offset: int = 0) -> list[float]:
    """Scores around ``mean``, always the same."""
    return list(mean + 0.01 * np.random.default_rng(offset).standard_normal(seeds))


def test_seeds_share_a_row_and_give_mean_and_interval():
    (row,) = only_table(*runs([0.4, 0.5, 0.6])).rows
    assert row.mean == pytest.approx(0.5)
    assert row.seeds == [1, 2, 3]
    # t(2, 0.975) = 4.3027, s = 0.1: 4.3027 * 0.1 / sqrt(3)
    assert row.half_width == pytest.approx(0.24841, abs=1e-5)


def test_one_seed_has_no_interval():
    assert only_table(record()).rows[0].half_width is None


def test_costs_are_means_over_seeds():
    costs = [{"train_seconds": 1.0, "peak_memory_bytes": {"process": 10}}, {"train_seconds": 3.0}]
    (row,) = only_table(*(record(seed=s, costs=c) for s, c in enumerate(costs))).rows
    assert row.costs["train_seconds"] == 2.0
    assert row.costs["memory_bytes"] == 10.0
    assert row.costs["flops_per_token"] is None


# Comparisons


def test_a_row_that_is_better_over_common_seeds_is_not_ranked_below_for_it():
    table = only_table(*runs([0.5] * 6 + [0.9] * 6), *runs([0.55] * 6, model="dot"))
    best, other = table.rows
    assert (best.model, best.rank, other.rank) == ("self", 1, 1)
    assert other.difference == pytest.approx(0.05)
    assert other.p_value == pytest.approx(2 / 2**6)
    assert other.remarks == [
        "over the seeds that it shares with self recurrent it is the better one, and only other seeds decide: run both "
        "over the same"
    ]


def test_an_unknown_score_is_refused_though_a_table_has_holes_alone():
    hole = record(task="pos", status="failed", reason="no", scores={})
    with pytest.raises(ValueError, match="no run has the score 'typo'; there are: f1"):
        board(*runs([0.5]), hole, metric="typo")


def test_equal_models_tie():
    best, other = only_table(*runs(noisy(0.5, 10), model="dot"), *runs(noisy(0.5, 10, offset=1))).rows
    assert (best.rank, other.rank) == (1, 1)
    assert best.best
    assert not other.best
    assert other.p_value is not None
    assert other.p_value > 0.05


def test_a_real_difference_is_found_and_its_size_and_p_are_right():
    scores = {"self": noisy(0.7, 8), "dot": noisy(0.6, 8, offset=1), "none": noisy(0.699, 8, offset=2)}
    rows = only_table(*(run for model, values in scores.items() for run in runs(values, model=model))).rows
    assert [(row.model, row.rank) for row in rows] == [("self", 1), ("none", 1), ("dot", 3)]
    differences = {model: np.array(values) - np.array(scores["self"]) for model, values in scores.items()}
    expected = holm([sign_flip_test(differences[model]) for model in ("none", "dot")])
    assert [row.p_value for row in rows[1:]] == pytest.approx(expected)
    assert rows[2].difference == pytest.approx(differences["dot"].mean())
    assert rows[2].paired_seeds == 8
    assert rows[2].more_seeds == ""
    assert rows[1].more_seeds


def test_too_few_seeds_are_never_called_significant():
    table = only_table(*runs([0.9, 0.91, 0.92, 0.9, 0.9]), *runs([0.1, 0.11, 0.12, 0.1, 0.1], model="dot"))
    assert [row.rank for row in table.rows] == [1, 1]
    assert table.rows[1].p_value == pytest.approx(2 / 2**5)
    assert table.rows[1].more_seeds == "1"
    assert "6 common seeds are the fewest" in table.messages[-1]
    assert "at most 5" in table.messages[-1]


def test_a_test_that_fails_although_a_plan_would_do_asks_for_one_seed_more():
    # By the t test's plan 6 such seeds would do; but one sign is against, so that p = 4 / 2^6.
    assert more_seeds(np.array([1, 1, 1, 1, 1, -0.01]), comparisons=1) == "1"


def test_only_common_seeds_are_compared():
    a = [record(seed=s, scores={"f1": f}) for s, f in ((1, 0.9), (2, 0.8), (3, 0.1))]
    b = [record(seed=s, scores={"f1": f}, model="dot") for s, f in ((1, 0.7), (2, 0.5))]
    best, other = only_table(*a, *b).rows
    # By their means (0.6 each) nothing parts them; over seeds 1 and 2 they differ by 0.2 and 0.3.
    assert {best.model, other.model} == {"self", "dot"}
    assert abs(other.difference or 0) == pytest.approx(0.25)
    assert other.paired_seeds == 2


def test_rows_without_a_common_seed_cannot_be_told_apart():
    best, other = only_table(record(seed=1, scores={"f1": 0.9}), record(seed=2, model="dot", scores={"f1": 0.1})).rows
    assert (best.rank, other.rank) == (1, 1)
    assert other.difference is None
    assert other.p_value is None
    assert not other.best


def test_one_seed_of_a_floor_stands_for_all():
    best, low = only_table(*runs([0.5, 0.51, 0.52, 0.5, 0.53, 0.5]), floor(scores={"f1": 0.1})).rows
    assert low.floor
    assert low.paired_seeds == 6
    assert low.p_value == pytest.approx(2 / 2**6)
    assert (best.rank, low.rank) == (1, 2)


def test_a_board_without_none_or_without_floors_says_so():
    bare = only_table(record(model="self")).messages
    assert "no row of model=uniform, so that what attention adds cannot be told" in bare
    assert "no row of model=none, so that what the plumbing around attention adds cannot be told" in bare
    assert any(message.startswith("no floor without a network") for message in bare)
    whole = only_table(record(model="self"), record(model="none"), record(model="uniform"), floor()).messages
    assert not any(message.startswith("no ") for message in whole)


def test_floors_that_no_seed_changes_are_equal_or_not():
    equal = only_table(floor(scores={"f1": 0.1}), floor(model="copy", scores={"f1": 0.1})).rows
    assert [row.rank for row in equal] == [1, 1]
    assert equal[1].p_value == 1.0
    apart = only_table(floor(scores={"f1": 0.1}), floor(model="copy", scores={"f1": 0.2})).rows
    assert [(row.model, row.rank) for row in apart] == [("copy", 1), ("majority", 2)]
    assert apart[1].paired_seeds == 0
    (thrice,) = only_table(*(floor(seed=seed) for seed in (1, 2, 3))).rows
    assert thrice.half_width is None


def test_a_floor_that_seeds_change_is_compared_over_common_seeds():
    _best, low = only_table(
        *runs([0.5, 0.6, 0.7]), *(floor(seed=s, scores={"f1": f}) for s, f in ((1, 0.1), (2, 0.2)))
    ).rows
    assert low.paired_seeds == 2
    assert low.half_width is not None


def test_lower_is_better_where_the_definition_says_so():
    definitions = {"error": "distance, lower is better"}
    entries = [
        record(model=m, scores={"f1": f, "error": e}, score_definitions=definitions)
        for m, f, e in (("self", 0.9, 0.3), ("dot", 0.1, 0.2))
    ]
    table = only_table(*entries, metric="error")
    assert [row.model for row in table.rows] == ["dot", "self"]
    assert not table.higher_is_better
    assert table.rows[1].difference == pytest.approx(0.1)


# Holes and remarks


def test_a_failed_cell_is_a_hole_with_its_reason_and_stands_last():
    hole = {"model": "dot", "status": "failed", "reason": "loss became nan\nmore", "scores": {}}
    rows = only_table(record(seed=1, **hole), record(seed=2, **hole), record(model="none"), record()).rows
    assert [row.model for row in rows] == ["none", "self", "dot"]
    (found,) = rows[-1].holes
    assert (found.status, found.reason, found.seeds) == ("failed", "loss became nan", [1, 2])
    assert rows[-1].mean is None
    assert rows[-1].rank is None


def test_a_score_that_is_not_a_number_is_a_hole_not_a_zero():
    (row,) = only_table(record(seed=1), record(seed=2, scores={"f1": float("nan")})).rows
    assert row.mean == 0.5
    assert row.holes[0].seeds == [2]


def test_different_versions_of_the_code_share_a_row_with_a_remark():
    (row,) = (table := only_table(record(seed=1, code_version="old"), record(seed=2, code_version="new"))).rows
    assert row.seeds == [1, 2]
    assert row.remarks == ["its seeds ran different versions of the code (new: seeds 2; old: seeds 1)"]
    assert "different versions of the code: new, old" in " ".join(table.messages)
    assert not only_table(record(seed=1), record(seed=2)).rows[0].remarks


def test_costs_of_different_machines_get_a_remark():
    places = [{"gpu": None, "processor": "slow", "threads": 1}, {"gpu": "fast", "processor": "slow", "threads": 1}]
    table = only_table(*(record(seed=s, environment=e) for s, e in enumerate(places)))
    assert table.messages[-1:] == ["times and memory are from different machines: fast; slow, 1 threads"]


# Tables


def test_default_and_tuned_rows_stand_in_tables_of_their_own_and_floors_in_both():
    tuned = record(model="dot", search={"trials": 20}, scores={"f1": 0.9})
    default, searched = board(record(), tuned, floor()).tables
    assert {row.model for row in default.rows} == {"self", "majority"}
    assert {(row.model, row.trials) for row in searched.rows} == {("dot", 20), ("majority", 1)}
    assert (default.tuned, searched.tuned) == (False, True)
    assert "(tuned rows)" in searched.title


MATCHED = {
    "config": {"match": {"by": "parameters", "reference": "self", "expansion": 8}},
    "match": {"width": 1279, "ratio": 0.9998},
}


def test_matched_rows_stand_in_tables_of_their_own_with_width_and_ratio():
    flops = {"config": {"match": {"by": "flops", "reference": "self", "expansion": 8}}}
    unmatched = record(model="dot", config={"match": {"by": "none"}})
    usual, by_flops, matched = board(record(), unmatched, record(**MATCHED), record(**flops), floor()).tables
    assert {row.model for row in usual.rows} == {"self", "dot", "majority"}
    assert {row.model for row in matched.rows} == {row.model for row in by_flops.rows} == {"self", "majority"}
    assert matched.matched == "parameters matched to self, expansion 8"
    assert matched.title.endswith("f1 (parameters matched to self, expansion 8)")
    (row,) = [row for row in matched.rows if not row.floor]
    assert (row.feedforward_width, row.match_ratio) == (1279, 0.9998)
    shown, plain = (FORMATS["markdown"](board(record(**more))) for more in (MATCHED, {}))
    assert "| ff width | ratio |" in shown
    assert "| 1279 | 0.9998 |" in shown
    assert "ff width" not in plain


def test_matched_rows_are_compared_across_tasks_among_themselves():
    entries = [
        record(task=task, model=model, config=config)
        for task in ("ner", "pos")
        for model in ("self", "dot", "none")
        for config in ({}, MATCHED["config"])
    ]
    usual, matched = board(*entries).across
    assert (usual.matched, matched.matched) == ("", "parameters matched to self, expansion 8")
    assert usual.rows == matched.rows


def test_rows_tuned_with_different_effort_get_a_remark():
    tuned = [record(model=m, search={"trials": t}) for m, t in (("self", 10), ("dot", 20))]
    assert "the rows were tuned with different numbers of trials" in only_table(*tuned).messages


def test_rows_tuned_over_other_spaces_or_by_other_methods_get_a_remark():
    searches = [{"trials": 5, "space": {"a": {"low": 0}}, "method": "random"},
                {"trials": 5, "space": {"a": {"low": 1}}, "method": "sobol"}]  # fmt: skip
    messages = only_table(*(record(model=str(n), search=search) for n, search in enumerate(searches))).messages
    assert "the rows were tuned over different spaces" in messages
    assert "the rows were tuned by different methods" in messages
    same = only_table(record(search=searches[0]), record(model="dot", search=searches[0])).messages
    assert not [message for message in same if "tuned" in message]


def test_further_test_sets_are_tables_of_their_own():
    entries = [record(seed=s, extra_scores={"hard": {"f1": 0.2, "recall": 0.1}}) for s in (1, 2)]
    usual, hard = board(*entries, record(model="dot")).tables
    assert (usual.test_set, hard.test_set) == ("test", "hard")
    assert [row.mean for row in hard.rows] == [pytest.approx(0.2), None]
    assert hard.rows[1].holes[0].status == "no score"
    assert [t.test_set for t in board(*entries, metric="recall").tables] == ["hard"]


def test_validation_scores_are_not_shown():
    assert len(board(record(validation_scores={"f1": 1.0})).tables) == 1


def test_an_unknown_score_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="no run has the score 'bleu'; there are: f1"):
        board(record(), metric="bleu")


def test_records_of_other_data_are_named_in_the_table():
    table = only_table(*runs([0.1, 0.2]), record(model="dot", id="odd", data_fingerprint="g"))
    assert [row.model for row in table.rows] == ["self"]
    assert "dot seed 1 (odd)" in table.messages[0]


def test_the_board_is_plain_data():
    entries = [
        run for task in ("ner", "pos") for m in ("self", "dot", "none") for run in runs([0.1, 0.2], task=task, model=m)
    ]
    text = json.dumps(board(*entries, floor()).as_dict(), allow_nan=False)
    assert json.loads(text)["across"][0]["rows"] == ["dot recurrent", "none recurrent", "self recurrent"]
