from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.board.board import make_board
from harness.board.markdown import markdown
from harness.board.references import error_removed
from harness.board.rows import group_records
from harness.board.tables import Board, BoardTable
from harness.statistics.over_seeds import holm
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


def test_all_seeds_of_each_row_count():
    few = [0.54, 0.55, 0.56] * 2
    table = only_table(*runs([0.5] * 6 + [0.9] * 6), *runs(few, model="dot"))
    best, other = table.rows
    assert (best.model, best.mean, other.mean) == ("self", pytest.approx(0.7), pytest.approx(0.55))
    assert other.vs_best is not None
    assert other.vs_best.difference == pytest.approx(-0.15)
    theirs = stats.ttest_ind([0.5] * 6 + [0.9] * 6, few, equal_var=False)
    assert other.vs_best.p_value == pytest.approx(theirs.pvalue)


def test_an_unknown_score_is_refused_though_a_table_has_holes_alone():
    hole = record(task="pos", status="failed", reason="no", scores={})
    with pytest.raises(ValueError, match="no run has the score 'typo'; there are: f1"):
        board(*runs([0.5]), hole, metric="typo")


def test_equal_models_are_not_told_apart():
    best, other = only_table(*runs(noisy(0.5, 10), model="dot"), *runs(noisy(0.5, 10, offset=1))).rows
    assert [(row.first, row.last) for row in (best, other)] == [(1, 2), (1, 2)]
    assert (best.reference, other.reference) == (True, False)
    assert (best.among_best, other.among_best) == (True, True)
    assert other.vs_best is not None
    assert other.vs_best.verdict == "as good as"
    noisier = [10 * score for score in noisy(0.05, 4)], [10 * score for score in noisy(0.05, 4, offset=1)]
    other = only_table(*runs(noisier[0], model="dot"), *runs(noisier[1])).rows[1]
    assert other.vs_best is not None
    assert other.vs_best.verdict == "undecided"
    assert other.vs_best.more_seeds


def test_a_real_difference_is_found_and_its_size_and_p_are_right():
    scores = {"self": noisy(0.7, 8), "dot": noisy(0.6, 8, offset=1), "none": noisy(0.699, 8, offset=2)}
    table = only_table(*(run for model, values in scores.items() for run in runs(values, model=model)))
    rows = table.rows
    assert [(row.model, row.first, row.last) for row in rows] == [("self", 1, 2), ("none", 1, 2), ("dot", 3, 3)]
    pairs = [("self", "none"), ("self", "dot"), ("none", "dot")]
    raw = [stats.ttest_ind(scores[a], scores[b], equal_var=False) for a, b in pairs]
    assert [pair.p_value for pair in table.pairs] == pytest.approx(holm([test.pvalue for test in raw]))
    found = rows[2].vs_best
    assert found is not None
    assert found.difference == pytest.approx(np.mean(scores["dot"]) - np.mean(scores["self"]))
    interval = raw[1].confidence_interval(1 - 0.05 / 3)
    assert (found.low, found.high) == (pytest.approx(-interval.high), pytest.approx(-interval.low))
    assert found.more_seeds == ""


def test_few_seeds_can_show_a_large_difference_and_three_are_warned_of():
    table = only_table(*runs([0.9, 0.91, 0.92]), *runs([0.1, 0.11, 0.12], model="dot"))
    assert [(row.first, row.last) for row in table.rows] == [(1, 1), (2, 2)]
    said = "3 seeds can miss what a run does one time in two: with chance 1/4 all three agree"
    assert table.messages.count(said) == 1
    five = only_table(*runs([0.9, 0.91, 0.92, 0.9, 0.9]), *runs([0.1, 0.11, 0.12, 0.1, 0.1], model="dot"))
    assert said not in five.messages


def test_rows_with_fewer_than_three_seeds_are_not_ranked_and_said():
    table = only_table(*runs([0.9, 0.91, 0.92]), *runs([0.5, 0.51, 0.52], model="dot"), *runs([0.95], model="one"))
    assert [(row.model, row.first, row.last) for row in table.rows] == [
        ("one", None, None), ("self", 1, 2), ("dot", 2, 3),
    ]  # fmt: skip
    assert "1 row has fewer than 3 seeds and is not ranked; it may stand anywhere" in table.messages
    assert table.answer.best == ["self recurrent"]
    assert table.answer.unranked == 1
    (only,) = board(*runs([0.9, 0.91]), *runs([0.5], model="dot")).tables
    assert "no ranks: every row needs 3 seeds" in only.messages
    assert {row.first for row in only.rows} == {None}
    assert not any(row.reference for row in only.rows)


def test_one_run_of_a_floor_stands_for_all():
    best, low = only_table(*runs([0.5, 0.51, 0.52, 0.5, 0.53, 0.5]), floor(scores={"f1": 0.1})).rows
    assert low.floor
    assert low.vs_best is not None
    assert low.vs_best.p_value == pytest.approx(stats.ttest_1samp([0.5, 0.51, 0.52, 0.5, 0.53, 0.5], 0.1).pvalue)
    assert (best.first, low.first) == (1, 2)


def test_a_floor_that_draws_by_chance_needs_seeds():
    random = floor(model="random", scores={"f1": 0.1}, deterministic=False)
    networks = runs([0.5, 0.51, 0.52])
    rows = only_table(*networks, random, floor()).rows
    assert {row.model: row.first is None for row in rows} == {"self": False, "majority": False, "random": True}
    thrice = [random | {"seed": seed, "scores": {"f1": 0.1 + seed / 100}} for seed in (1, 2, 3)]
    (row,) = [row for row in only_table(*networks, *thrice).rows if row.model == "random"]
    assert row.first == 2
    assert row.half_width is not None


def test_a_board_without_none_or_without_floors_says_so():
    bare = only_table(record(model="self")).messages
    assert "no row of model=uniform, so that what attention adds cannot be told" in bare
    assert "no row of model=none, so that what the plumbing around attention adds cannot be told" in bare
    assert any(message.startswith("no floor without a network") for message in bare)
    whole = only_table(record(model="self"), record(model="none"), record(model="uniform"), floor()).messages
    assert whole == ["no ranks: every row needs 3 seeds"]


def test_floors_that_no_seed_changes_are_equal_or_not():
    equal = only_table(floor(scores={"f1": 0.1}), floor(model="copy", scores={"f1": 0.1})).rows
    assert [(row.first, row.last) for row in equal] == [(1, 2), (1, 2)]
    assert equal[1].vs_best is not None
    assert equal[1].vs_best.verdict == "as good as"
    apart = only_table(floor(scores={"f1": 0.1}), floor(model="copy", scores={"f1": 0.2})).rows
    assert [(row.model, row.first, row.last) for row in apart] == [("copy", 1, 1), ("majority", 2, 2)]
    assert apart[1].vs_best is not None
    assert apart[1].vs_best.exact
    (thrice,) = only_table(*(floor(seed=seed) for seed in (1, 2, 3))).rows
    assert thrice.half_width is None


def test_a_floor_that_seeds_change_is_compared_over_them():
    _best, low = only_table(
        *runs([0.5, 0.6, 0.7]), *(floor(seed=s, scores={"f1": f}) for s, f in ((1, 0.1), (2, 0.2), (3, 0.1)))
    ).rows
    assert low.vs_best is not None
    theirs = stats.ttest_ind([0.5, 0.6, 0.7], [0.1, 0.2, 0.1], equal_var=False)
    assert low.vs_best.p_value == pytest.approx(theirs.pvalue)
    assert low.half_width is not None


# Against none


def test_rows_are_held_against_none_with_the_share_of_its_error_and_ratios_of_cost():
    costs = [{"parameters": {"total": p}, "train_seconds": t, "latency_seconds": 0.1} for p, t in ((10, 3.0), (5, 2.0))]
    networks = [*runs(noisy(0.9, 6), costs=costs[0]), *runs(noisy(0.6, 6, offset=1), model="none", costs=costs[1])]
    one, none, low = only_table(*networks, floor(scores={"f1": 0.5})).rows
    assert one.vs_none is not None
    assert (one.vs_none.over, one.vs_none.verdict) == ("none recurrent", "better")
    assert one.mean is not None
    assert none.mean is not None
    assert one.error_removed == pytest.approx(1 - (1 - one.mean) / (1 - none.mean))
    assert one.cost_ratios["parameters"] == 2
    assert one.cost_ratios["train_seconds"] == 1.5
    assert one.cost_ratios["flops_per_token"] is None
    assert (none.vs_none, none.error_removed, none.cost_ratios) == (None, None, {})
    assert low.error_removed == pytest.approx(1 - 0.5 / (1 - none.mean))
    assert low.cost_ratios == {}


def test_a_row_is_held_against_none_of_its_own_backbone():
    entries = [
        run
        for model, backbone, score in (
            ("self", "recurrent", 0.9), ("none", "recurrent", 0.5), ("self", "transformer", 0.8),
            ("none", "transformer", 0.7), ("dot", "embedding", 0.6),
        )
        for run in runs(noisy(score, 4), model=model, backbone=backbone, config={"backbone": {"name": backbone}})
    ]  # fmt: skip
    rows = only_table(*entries, floor()).rows
    against = {row.label: row.vs_none.over if row.vs_none else None for row in rows}
    assert against == {
        "self recurrent": "none recurrent", "self transformer": "none transformer", "none recurrent": None,
        "none transformer": None, "dot embedding": None, "majority": "none transformer",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("score", "none", "higher", "fractions", "expected"),
    [
        (0.9, 0.6, True, True, 0.75),
        (0.5, 0.6, True, True, -0.25),
        (0.1, 0.4, False, True, 0.75),
        (0.9, 1.0, True, True, None),
        (20.0, 40.0, False, False, None),
    ],
)
def test_the_share_of_the_error_that_is_removed(
    score: float, none: float, higher: bool, fractions: bool, expected: float | None
):
    found = error_removed(score, none, higher=higher, fractions=fractions)
    assert found == (None if expected is None else pytest.approx(expected))


def test_scores_are_fractions_by_definition_or_by_their_values():
    def margin(score: float, definition: str | None = None, **options: Any) -> float | None:
        definitions = {} if definition is None else {"score_definitions": {"f1": definition}}
        (table,) = make_board(group_records(runs([score, score], **definitions)), **options).tables
        return table.margin

    assert margin(0.5) == 0.01
    assert margin(0.5, "share of the texts, 0-1, higher is better") == 0.01
    assert margin(0.5, "mean distance in steps, 0 to labels - 1, lower is better") is None
    assert margin(40.0) is None
    assert margin(40.0, margin=2.0) == 2.0


def test_lower_is_better_where_the_definition_says_so():
    definitions = {"error": "distance, lower is better"}
    entries = [
        record(model=m, scores={"f1": f, "error": e}, score_definitions=definitions)
        for m, f, e in (("self", 0.9, 0.3), ("dot", 0.1, 0.2))
    ]
    table = only_table(*entries, metric="error")
    assert [row.model for row in table.rows] == ["dot", "self"]
    assert not table.higher_is_better
    assert [pair.difference for pair in table.pairs] == [pytest.approx(-0.1)]


# Holes and remarks


def test_a_failed_cell_is_a_hole_with_its_reason_and_stands_last():
    hole = {"model": "dot", "status": "failed", "reason": "loss became nan\nmore", "scores": {}}
    rows = only_table(record(seed=1, **hole), record(seed=2, **hole), record(model="none"), record()).rows
    assert [row.model for row in rows] == ["none", "self", "dot"]
    (found,) = rows[-1].holes
    assert (found.status, found.reason, found.seeds) == ("failed", "loss became nan", [1, 2])
    assert rows[-1].mean is None
    assert rows[-1].first is None


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


def test_what_to_know_of_the_data_is_a_remark_of_the_table():
    facts = {"data_sizes": {"test": 32}, "dropped_rows": {"test": 28}}
    told = "of 32 rows of test 28 are left out, for train never shows their label (data.unseen_labels=drop)"
    assert told in only_table(*runs([0.1, 0.2, 0.3], **facts)).messages


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
    shown, plain = (markdown(board(record(**more))) for more in (MATCHED, {}))
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
    assert [row.row for row in usual.rows] == [row.row for row in matched.rows]


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
    assert [row["row"] for row in json.loads(text)["across"][0]["rows"]] == [
        f"{m} recurrent" for m in ("dot", "none", "self")
    ]
