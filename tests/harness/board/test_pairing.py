"""The comparison of all rows of a table: on published scores, on planted ones, and what must hold for any."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.board.pairing import MARGIN, Compared, SeedScores, compare
from harness.statistics.over_seeds import ALPHA

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))
"""Made by ``scripts/board_fixture.py`` from results/boards."""


def row(*scores: float, constant: bool = False) -> SeedScores:
    return SeedScores(dict(enumerate(scores)), constant)


def constant(score: float) -> SeedScores:
    return row(score, constant=True)


def compared(rows: dict[str, SeedScores], **options: Any) -> Compared:
    return compare(list(rows.values()), list(rows), **options)


def verdict(made: Compared, a: str, b: str) -> tuple[str, str]:
    labels = made.pairs.labels
    pair = made.pairs.of(labels.index(a), labels.index(b))
    assert (pair.row, pair.over) == (a, b)
    return pair.verdict, pair.more_seeds


def near(mean: float, seeds: int, spread: float, *, number: int = 0) -> SeedScores:
    """Scores of exactly this mean and standard deviation."""
    drawn = np.random.default_rng(number).normal(size=seeds)
    drawn = (drawn - drawn.mean()) / drawn.std(ddof=1)
    return row(*(mean + spread * drawn))


# Published scores


def published(board: str, table: str) -> Compared:
    found = PUBLISHED[board][table]
    rows = {
        model: row(*made["scores"], constant=made["floor"] and len(set(made["scores"])) == 1)
        for model, made in found["rows"].items()
    }
    return compared(rows, higher=found["higher"], margin=MARGIN)


def ranks(made: Compared) -> dict[str, str]:
    words = {}
    for label, places in zip(made.pairs.labels, made.ranges, strict=True):
        assert places is not None
        words[label] = str(places[0]) if places[0] == places[1] else f"{places[0]}-{places[1]}"
    return words


def test_the_bundled_correction_board_is_ordered():
    found = ranks(published("bundled", "correction/generated"))
    expected = {"dot": "1", "gated": "2-3", "general": "2-3", "copy": "7-9", "none": "10"}
    assert {model: found[model] for model in expected} == expected


def test_the_bundled_boards_best_and_last():
    sentiment = published("bundled", "sentiment/generated")
    best = [label for label, kept in zip(sentiment.pairs.labels, sentiment.best, strict=True) if kept]
    assert best == ["self"]
    ner = ranks(published("bundled", "ner/generated"))
    assert (ner["none"], ner["majority"]) == ("9", "10")


def test_real_data_with_three_seeds():
    assert ranks(published("real-data", "matching/sick")) == {
        "none": "1", "tfidf": "2-4", "self": "2-4", "cross": "2-4", "majority": "5",
    }  # fmt: skip
    assert ranks(published("real-data", "ner/btc")) == {"cross": "1", "none": "2", "majority": "3"}


@pytest.mark.parametrize(("board", "told", "pairs"), [("bundled", 269, 445), ("real-data", 56, 85)])
def test_how_many_pairs_of_the_published_boards_are_told_apart(board: str, told: int, pairs: int):
    tables = [published(board, table).pairs for table in PUBLISHED[board]]
    assert sum(len(table) for table in tables) == pairs
    assert sum(int(table.told.sum()) for table in tables) == told
    assert sum(pair.verdict in ("better", "worse") for table in tables for pair in table) == told


# Planted scores


def test_equal_rows_of_ten_steady_seeds_are_as_good_as_each_other():
    rows = {"a": near(0.9, 10, 0.004), "b": near(0.9005, 10, 0.004, number=1)}
    assert verdict(compared(rows, margin=0.01), "a", "b") == ("as good as", "")
    assert verdict(compared(rows, margin=0.002), "a", "b")[0] == "undecided"
    assert verdict(compared(rows), "a", "b") == ("undecided", "over 100")  # without a margin nothing is equal


def test_noisy_rows_of_three_seeds_are_undecided_and_say_how_many_more_would_decide():
    rows = {"a": near(0.8, 3, 0.05), "b": near(0.75, 3, 0.05, number=1)}
    found, more = verdict(compared(rows, margin=0.01), "a", "b")
    assert found == "undecided"
    assert 5 < int(more) < 30


def test_a_difference_of_five_spreads_is_found_with_six_seeds():
    rows = {f"row {n}": near(0.5 + 0.05 * (n > 4), 6, 0.01, number=n) for n in range(10)}
    made = compared(rows)
    assert verdict(made, "row 9", "row 0") == ("better", "")
    assert verdict(made, "row 0", "row 9") == ("worse", "")
    assert ranks(made) == {f"row {n}": "1-5" if n > 4 else "6-10" for n in range(10)}


def test_what_is_told_better_though_within_the_margin_is_better():
    rows = {"a": near(0.905, 10, 0.001), "b": near(0.9, 10, 0.001, number=1)}
    made = compared(rows, margin=0.01)
    pair = made.pairs.of(0, 1)
    assert pair.verdict == "better"
    assert pair.p_equal is not None
    assert pair.p_equal < ALPHA


def test_a_bimodal_row_has_a_wide_range():
    steady = {f"row {n}": near(0.9 - 0.02 * n, 6, 0.002, number=n) for n in range(5)}
    made = compared({**steady, "odd": row(0.95, 0.5, 0.94, 0.55, 0.96, 0.52)})
    assert ranks(made)["odd"] == "1-6"
    assert verdict(made, "row 0", "row 4") == ("better", "")


def test_lower_is_better_turns_ranks_and_keeps_the_sign_of_differences():
    rows = {"a": near(0.2, 6, 0.01), "b": near(0.5, 6, 0.01, number=1)}
    made = compared(rows, higher=False)
    assert made.ranges == [(1, 1), (2, 2)]
    assert made.reference == 0
    pair = made.pairs.of(1, 0)
    assert (pair.verdict, pair.difference) == ("worse", pytest.approx(0.3))
    assert pair.low is not None
    assert pair.high is not None
    assert 0 < pair.low < 0.3 < pair.high


def test_rows_of_few_seeds_are_unranked_and_widen_the_others():
    rows = {"a": near(0.9, 6, 0.01), "b": near(0.5, 6, 0.01, number=1), "one": row(0.95), "two": row(0.1, 0.2)}
    made = compared(rows)
    assert made.ranges == [(1, 3), (2, 4), None, None]
    assert made.best == [True, False, False, False]
    assert made.reference == 0
    assert verdict(made, "a", "one") == ("undecided", "≥ 2")
    assert verdict(made, "two", "a") == ("undecided", "≥ 1")
    assert verdict(made, "two", "one") == ("undecided", "≥ 2")
    assert made.pairs.of(0, 2).p_value is None


def test_without_a_pair_to_test_nothing_is_ranked():
    made = compared({"a": row(0.9, 0.8), "b": row(0.1), "floor": constant(0.2)})
    assert made.ranges == [None] * 3
    assert made.best == [False] * 3
    assert made.reference is None


def test_floors_are_exact_between_each_other_and_tested_against_networks():
    made = compared({"a": near(0.9, 3, 0.01), "low": constant(0.1), "same": constant(0.1), "high": constant(0.5)})
    assert made.ranges == [(1, 1), (3, 4), (3, 4), (2, 2)]
    assert verdict(made, "high", "low") == ("better", "")
    assert verdict(made, "same", "low") == ("as good as", "")
    assert made.pairs.of(3, 1).exact
    assert made.pairs.of(3, 1).p_value is None
    assert made.pairs.of(0, 1).p_value is not None
    floors = compared({"low": constant(0.1), "high": constant(0.2)})
    assert floors.ranges == [(2, 2), (1, 1)]
    assert floors.best == [False, False]  # said only where some row varies


def test_networks_without_spread_have_the_table_s():
    steady = {f"row {n}": near(0.5 + n / 10, 3, 0.01, number=n) for n in range(4)}
    made = compared({**steady, "a": row(0.2, 0.2, 0.2), "b": row(0.21, 0.21, 0.21)})
    assert made.pairs.of(4, 5).verdict == "undecided"
    alone = compared({"a": row(0.2, 0.2, 0.2), "b": row(0.3, 0.3, 0.3)})
    assert alone.pairs.of(0, 1).p_value == pytest.approx(2 / math.comb(6, 3))


def test_pairs_are_listed_in_order_and_agree_with_those_asked_for():
    made = compared({f"row {n}": near(n / 10, 4, 0.1, number=n) for n in range(5)}, margin=0.01)
    listed = list(made.pairs)
    assert [(pair.row, pair.over) for pair in listed] == [
        (f"row {i}", f"row {j}") for i in range(5) for j in range(i + 1, 5)
    ]
    assert listed[5] == made.pairs.of(1, 3)
    assert made.pairs.of(3, 1) == listed[5].turned()
    assert made.pairs.against(1) == {n: made.pairs.of(n, 1) for n in (0, 2, 3, 4)}


def test_many_rows_overflow_nothing():
    rng = np.random.default_rng(0)
    made = compared({str(n): row(*rng.normal(n / 50, 1, size=3)) for n in range(171)}, margin=0.01)
    assert len(made.pairs) == 171 * 85
    assert np.isfinite(made.pairs.p_values).all()


# What must hold for any scores

SCORES = st.lists(st.floats(0, 1, width=32).map(lambda x: round(x, 3)), min_size=1, max_size=6)
TABLES = st.lists(st.tuples(SCORES, st.booleans()), min_size=2, max_size=7)


def made_of(table: list[tuple[list[float], bool]], change: Any = lambda x: x, **options: Any) -> Compared:
    rows = [row(*([change(scores[0])] if floor else map(change, scores)), constant=floor) for scores, floor in table]
    return compare(rows, [str(n) for n in range(len(rows))], **options)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(TABLES, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_seeds_does_not_matter(table: list[tuple[list[float], bool]], random: Any):
    order = list(range(len(table)))
    random.shuffle(order)
    shuffled = [
        (table[n][0] if table[n][1] else random.sample(table[n][0], len(table[n][0])), table[n][1]) for n in order
    ]
    one, other = made_of(table, margin=0.01), made_of(shuffled, margin=0.01)
    assert [one.ranges[n] for n in order] == other.ranges
    assert [one.best[n] for n in order] == other.best


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_the_other_sign_and_another_unit_give_the_same_ranges(table: list[tuple[list[float], bool]]):
    one = made_of(table)
    assert made_of(table, lambda x: -x, higher=False).ranges == one.ranges
    # Powers of two and small integers keep equal means equal.
    assert made_of(table, lambda x: 4 * x + 2).ranges == one.ranges


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_places_hold_the_place_by_mean_and_the_best_mean_is_among_the_best(table: list[tuple[list[float], bool]]):
    made = made_of(table)
    means = made.pairs.sample.mean
    for n, places in enumerate(made.ranges):
        if places is not None:
            above, below = (means > means[n] + 1e-12).sum(), (means < means[n] - 1e-12).sum()
            assert places[0] <= len(table) - below
            assert above + 1 <= places[1]
            assert 1 <= places[0] <= places[1] <= len(table)
    if any(made.best):
        assert made.reference is not None
        assert made.best[made.reference]
    tested = made.pairs.p_values[made.pairs.tested]
    assert (tested > 0).all()


@settings(max_examples=100, deadline=None)
@given(TABLES)
def test_a_copy_of_a_row_is_never_told_apart_from_it(table: list[tuple[list[float], bool]]):
    made = made_of([*table, table[0]])
    assert made.pairs.of(0, len(table)).verdict in ("undecided", "as good as")


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(TABLES, st.floats(0, 1))
def test_an_unranked_row_changes_no_p_and_adds_at_most_one_place(table: list[tuple[list[float], bool]], score: float):
    one, more = made_of(table), made_of([*table, ([score], False)])
    for i in range(len(table)):
        for j in range(i + 1, len(table)):
            assert one.pairs.of(i, j).p_value == more.pairs.of(i, j).p_value
    for before, after in zip(one.ranges, more.ranges, strict=False):
        if before is not None and after is not None:
            assert after[0] == before[0]
            assert before[1] <= after[1] <= before[1] + 1
