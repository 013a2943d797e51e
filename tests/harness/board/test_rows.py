from __future__ import annotations

from typing import Any

import pytest

from harness.board.board import make_board
from harness.board.drawn import drawn_splits
from harness.board.names import settings_that_differ
from harness.board.rows import group_records, keep_one_fingerprint, told_trials
from tests.harness.handmade import floor, record, runs


def only_table(*entries):
    ((_, table),) = group_records(entries).items()
    return table


def test_a_later_success_fills_the_hole_whatever_the_order():
    failed = record(status="failed", reason="x", finished="2026-01-02")
    for entries in ([failed, record(finished="2026-01-01")], [record(finished="2026-01-01"), failed]):
        (row,) = only_table(*entries).values()
        assert len(row.records) == 1
        assert not row.holes


def test_of_two_finished_runs_of_a_seed_the_newer_counts():
    old, new = record(id="old", finished="2026-01-01"), record(id="new", finished="2026-01-02")
    (row,) = only_table(new, old).values()
    assert [found["id"] for found in row.records] == ["new"]


def test_debug_runs_never_count():
    assert group_records([record(debug=True)]) == {}


def test_rows_with_other_settings_are_kept_apart_and_say_which():
    table = only_table(record(config={"training": {"lr": 1}}), record(config={"training": {"lr": 2}}))
    assert sorted(settings_that_differ(table.values()).values()) == ["training.lr=1", "training.lr=2"]


def test_tuned_runs_are_a_row_of_their_own():
    assert len(only_table(record(), record(search={"trials": 20}))) == 2


def test_a_published_system_is_a_row_of_its_own_with_its_name():
    table = only_table(record(), record(experiment="vaswani2017", config={"names": {"experiment": "vaswani2017"}}))
    assert sorted(row.names[0] for row in table.values()) == ["self", "vaswani2017 (self)"]
    assert set(settings_that_differ(table.values()).values()) == {""}
    (row,) = only_table(floor("tfidf"), floor("tfidf", experiment="tfidf", seed=2)).values()
    assert row.names == ("tfidf", "", "")


def test_what_cannot_change_a_result_does_not_part_the_seeds_of_a_row():
    entries = [
        record(seed=s, config={"trainer": {"enable_progress_bar": s == 1}, "data": {"data_dir": str(s)}})
        for s in (1, 2)
    ]
    assert len(only_table(*entries)) == 1


def test_the_seed_that_draws_missing_splits_does_not_part_the_seeds_of_a_row():
    drawn = [record(seed=s, config={"data": {"seed": s, "validation_fraction": 0.1}}) for s in (1, 2)]
    assert len(only_table(*drawn)) == 1
    generated = [record(config={"data": {"seed": s, "size": "small"}}) for s in (1, 2)]
    assert len(only_table(*generated)) == 2


def test_a_further_source_inside_the_data_does_not_part_the_seeds_of_a_row_either():
    def entry(seed: int) -> dict[str, Any]:
        source = {"seed": seed, "validation_fraction": 0.1, "data_dir": f"/home/{seed}"}
        return record(seed=seed, config={"data": {**source, "columns": {"source": "seed"}, "train_from": source}})

    assert len(only_table(entry(1), entry(2))) == 1


def test_training_settings_do_not_part_the_rows_of_a_floor():
    config = {"model": {"floor": {}}, "task": {}, "data": {}}
    floors = [floor(seed=s, config=config | {"training": {"steps": s}}) for s in (1, 2)]
    assert len(only_table(*floors)) == 1


# Data


def test_other_data_stay_out_with_a_message_that_names_the_run():
    table, (message,) = keep_one_fingerprint(
        only_table(*runs([0.1, 0.2]), record(seed=3, id="odd", data_fingerprint="other"))
    )
    (row,) = table.values()
    assert list(row.scores("f1")) == [1, 2]
    assert message == "left out, for their data (other) are not those of the others: self seed 3 (odd)"


def test_a_row_on_other_data_alone_disappears_but_for_its_message():
    odd = record(model="dot", id="odd", data_fingerprint="other")
    table, (message,) = keep_one_fingerprint(only_table(*runs([0.1, 0.2]), odd))
    assert [row.sample["model"] for row in table.values()] == ["self"]
    assert "dot seed 1 (odd)" in message


def test_holes_from_before_the_data_were_read_stay():
    hole = record(model="dot", status="unsupported", reason="no", data_fingerprint=None)
    table, messages = keep_one_fingerprint(only_table(*runs([0.1, 0.2]), hole))
    assert len(table) == 2
    assert messages == []


def drawing(seed: int, mark: str, *, data_seed: int | None = None, model: str = "self") -> dict[str, Any]:
    """A run of data that lack a split, which its own seed draws unless it is told another."""
    data = {"validation_fraction": 0.1, "seed": seed if data_seed is None else data_seed}
    return record(
        seed=seed, data_fingerprint=mark, model=model, id=model, config={"data": data, "model": {"name": model}}
    )


def test_splits_drawn_by_the_seed_give_each_seed_its_own_data():
    drawn = [drawing(s, f"f{s}", model=m) for s in (1, 2) for m in ("self", "dot")]
    table, messages = keep_one_fingerprint(only_table(*drawn))
    assert [list(row.scores("f1")) for row in table.values()] == [[1, 2], [1, 2]]
    assert messages == []
    # A data set that has the split is the same for all seeds, though one might have been drawn.
    fixed = [drawing(s, "f") for s in (1, 2)]
    assert len(keep_one_fingerprint(only_table(*fixed, drawing(3, "other")))[1]) == 1


def one_file(seed: int, *, by: int, mark: str, model: str = "self", **facts: Any) -> dict[str, Any]:
    """A run of a single file, which is divided though no fraction is given."""
    data = {"path": "reviews.csv", "validation_fraction": None, "test_fraction": None, "seed": by}
    config = {"data": data, "model": {"name": model}}
    return record(seed=seed, data_fingerprint=mark, model=model, id=f"{model}{seed}", config=config, **facts)


def test_the_record_says_what_was_drawn_and_an_older_one_in_words():
    drawn = [
        one_file(s, by=s, mark=f"f{s}", model=m, drawn_splits=[{"splits": ["validation", "test"], "seed": s}])
        for s in (1, 2, 3)
        for m in ("self", "dot")
    ]
    told = "files (/a/reviews.csv); 10 % for validation and 12.5 % for test drawn from train by seed {}, label by label"
    old = [one_file(s, by=s, mark=f"f{s}", data_source=told.format(s)) for s in (1, 2, 3)]
    for entries in (drawn, old, [*drawn, *(entry | {"model": "gated"} for entry in old)]):
        table, messages = keep_one_fingerprint(only_table(*entries))
        assert [list(row.scores("f1")) for row in table.values()] == [[1, 2, 3]] * len(table)
        assert messages == []
    assert drawn_splits(old[2]) == [{"splits": ["validation", "test"], "seed": 3}]
    # What the record says counts, not what was asked for: here nothing was missing, or another seed drew.
    for facts in ({"drawn_splits": []}, {"drawn_splits": [{"splits": ["test"], "seed": 9}]}):
        other = [drawing(s, f"f{s}") | facts for s in (1, 2, 3)]
        assert len(keep_one_fingerprint(only_table(*other))[1]) == 2
    assert drawn_splits(drawing(4, "f")) == [{"splits": ["validation"], "seed": 4}]
    assert drawn_splits(record()) == []


@pytest.mark.parametrize(
    ("splits", "named"), [(["validation", "test"], "train, validation and test"), (["test"], "train and test")]
)
def test_a_table_says_that_its_seeds_differ_in_data_too(splits: list[str], named: str):
    def said(*seeds: int, by: int | None = None) -> list[str]:
        drawn = [(s, s if by is None else by) for s in seeds]
        entries = [
            one_file(s, by=d, mark=f"f{d}", model=model, drawn_splits=[{"splits": splits, "seed": d}])
            for s, d in drawn
            for model in ("self", "dot")
        ]
        (table,) = make_board(group_records(entries)).tables
        return [message for message in table.messages if "drew" in message]

    remark = f"each seed drew its own {named} rows, so differences between seeds hold those of data too"
    assert said(1, 2, 3) == [remark]
    assert said(1) == []
    assert said(1, 2, 3, by=1) == []


def test_a_single_run_of_splits_drawn_otherwise_is_the_one_left_out():
    drawn = [drawing(s, f"f{s}", model=m) for s in (1, 2, 3) for m in ("self", "dot")]
    table, (message,) = keep_one_fingerprint(only_table(*drawn, drawing(2, "f1", data_seed=1, model="odd")))
    assert [list(row.scores("f1")) for row in table.values()] == [[1, 2, 3], [1, 2, 3]]
    assert "odd seed 2 (odd)" in message


def test_one_seed_for_all_splits_draws_the_same_data_for_every_seed():
    fixed = [drawing(s, "f", data_seed=7) for s in (1, 2)]
    table, (message,) = keep_one_fingerprint(only_table(*fixed, drawing(3, "other version", data_seed=7)))
    assert [list(row.scores("f1")) for row in table.values()] == [[1, 2]]
    assert "self seed 3" in message


def test_a_seed_run_again_on_other_data_still_counts_on_those_of_the_others():
    again = record(seed=1, id="again", data_fingerprint="new", finished="2026-02-02", scores={"f1": 0.9})
    table, (message,) = keep_one_fingerprint(only_table(*runs([0.1, 0.2, 0.3]), again))
    assert [row.scores("f1") for row in table.values()] == [{1: 0.1, 2: 0.2, 3: 0.3}]
    assert "self seed 1 (again)" in message


def test_a_setting_that_is_not_there_is_not_taken_for_one_that_is_null():
    without, null = record(), record(config={"model": {"name": "self", "window": None}})
    words = set(settings_that_differ(only_table(without, null).values()).values())
    assert words == {"model.window=(not there)", "model.window=None"}


def trial(number: int, **changes: Any) -> dict[str, Any]:
    """A trial of a search, which has no test score."""
    search = {"study": "s", "method": "random", "space": {"x": {"low": 0, "high": 1}}, "trial": number, "values": {}}
    return record(**{"search": search, "scores": {}, "validation_scores": {"f1": 0.9}, "seed": 0} | changes)


def chosen(**changes: Any) -> dict[str, Any]:
    """A run of what such a search chose."""
    search = {
        "study": "s",
        "method": "random",
        "space": {"x": {"low": 0, "high": 1}},
        "trials": 2,
        "scores": [0.9, 0.9],
    }
    return record(**{"search": search} | changes)


def test_trials_are_no_rows_but_counted():
    table = only_table(record(), trial(0), trial(1), chosen())
    assert sorted((row.tuned, row.trials, len(row.records)) for row in table.values()) == [(False, 1, 1), (True, 2, 1)]
    assert told_trials([record(), trial(0), trial(1), trial(2, model="dot"), trial(3, debug=True)]) == [
        "ner / generated: 3 trials of searches are on record and no rows (dot 1, self 2)"
    ]


def test_a_search_that_has_chosen_nothing_is_a_hole():
    lost = trial(1, status="failed", reason="out of luck")
    (row,) = only_table(trial(0), lost).values()
    (hole,) = row.holes
    assert (row.records, row.tuned, row.trials) == ([], True, 2)
    assert hole["status"] == "failed"
    assert hole["reason"] == "its search has chosen nothing, 1 of 2 trials are done; failed: out of luck"
    assert [again.holes for again in only_table(hole).values()] == [[hole]]  # as a published board is read
    (row,) = only_table(trial(0)).values()
    assert row.holes[0]["status"] == "interrupted"
    assert not [row for row in only_table(trial(0), lost, chosen()).values() if row.holes]


def test_searches_of_other_effort_are_other_rows():
    other = {"study": "t", "method": "optuna", "space": {"x": {"low": 0, "high": 1}}, "trials": 2}
    rows = only_table(chosen(), chosen(seed=2), chosen(search=other)).values()
    assert sorted(len(row.records) for row in rows) == [1, 2]
    assert set(settings_that_differ(rows).values()) == {"search.method=random", "search.method=optuna"}
