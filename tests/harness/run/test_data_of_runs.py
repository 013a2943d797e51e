"""What a run says of its data: on the terminal before it is computed, and in its record."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.configuration.compose import compose_configuration
from harness.records.files import read_predictions
from harness.run.display import show_data, show_outcome
from harness.run.execute import execute
from harness.run.run import Outcome
from harness.sweep.display import show_summary
from harness.sweep.job import answer_from

Overrides = Callable[..., list[str]]


def write_splits(folder: Path, **splits: list[tuple[str, str]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in splits.items():
        lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in rows)
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return folder


def run(tiny: Overrides, folder: Path, *more: str) -> tuple[Outcome, str]:
    """The outcome, and what was said before it was computed."""
    console = Console(file=io.StringIO(), width=200)
    files = ("task=classification", "model=majority", "data=files", f"data.path={folder}", *more)
    config = compose_configuration(tiny(*files))
    outcome = execute(config, begun=lambda run: show_data(run, console=console))
    return outcome, console.file.getvalue()  # type: ignore[attr-defined]


TRAIN = [("good", "gut"), ("fine", "gut"), ("bad", "schlecht"), ("so", "gut ")]


def test_labels_leaks_and_losses_are_said_before_it_is_computed_and_recorded(tiny: Overrides, tmp_path: Path):
    folder = write_splits(
        tmp_path / "mine", train=TRAIN, validation=TRAIN[:1], test=[TRAIN[2], ("odd", "new"), ("bad", "gut")]
    )
    outcome, said = run(tiny, folder)
    assert [line.split("│")[1:-1] for line in said.splitlines() if line.startswith("│")] == [
        [" (rows)   ", "     4 ", "          1 ", "    3 "],
        [" gut      ", "     2 ", "          1 ", "    1 "],
        [" schlecht ", "     1 ", "          0 ", "    1 "],
        [" gut      ", "     1 ", "          0 ", "    0 "],
        [" new      ", "     0 ", "          0 ", "    1 "],
    ]
    record: Any = outcome.record
    assert record["label_counts"]["train"] == {"gut": 2, "schlecht": 1, "gut ": 1}
    assert record["repeated_rows"]["test"] == {"train": {"text": 2, "text_and_label": 1}}
    assert record["similar_labels"] == [["gut", "gut "]]
    assert record["dropped_rows"] == {"train": 0, "validation": 0, "test": 1}
    notes = [line for line in said.splitlines() if line.startswith("note: ")]
    assert [note.split(" also ")[0].split(" are ")[0].split(":")[1] for note in notes] == [
        " of 1 rows of validation 1",
        " of 3 rows of test 2",
        " of 3 rows of test 1",
        " labels that look alike, but",
    ]
    again, said_again = run(tiny, folder)
    assert (again.found, said_again) == (True, "")
    found, summary = Console(file=io.StringIO(), width=200), Console(file=io.StringIO(), width=200)
    show_outcome(again, console=found)
    show_summary(summary, ["a cell"], {0: answer_from(again.record, again.folder, found=True)})
    for console in (found, summary):
        assert [line for line in console.file.getvalue().splitlines() if line.startswith("note: ")] == notes  # type: ignore[attr-defined]


def test_many_labels_are_cut_and_steer_no_terminal(tiny: Overrides, tmp_path: Path):
    rows = [(f"text {number}", f"label {number}\x1b[31m") for number in range(30)]
    folder = write_splits(tmp_path / "mine", train=rows, validation=rows[:2], test=rows[:2])
    _, said = run(tiny, folder, "data.max_train=null")
    assert "label 11" in said
    assert "label 12" not in said
    assert "and 18 less frequent ones" in said
    assert "\x1b" not in said


def test_data_that_were_replaced_with_their_time_kept_are_another_run(tiny: Overrides, tmp_path: Path):
    swapped = [(text, {"gut": "schlecht", "schlecht": "gut"}.get(label, label)) for text, label in TRAIN]
    folder = write_splits(tmp_path / "mine", train=TRAIN, validation=TRAIN, test=TRAIN)
    os.utime(folder / "test.jsonl", (1_700_000_000, 1_700_000_000))
    before, _ = run(tiny, folder)
    write_splits(folder, test=swapped)
    os.utime(folder / "test.jsonl", (1_700_000_000, 1_700_000_000))
    after, _ = run(tiny, folder)
    assert not after.found
    assert (before.record["scores"]["accuracy"], after.record["scores"]["accuracy"]) == (0.5, 0.25)


def test_rows_of_train_that_stand_elsewhere_are_left_out_on_demand_and_counted(tiny: Overrides, tmp_path: Path):
    train = [*TRAIN[:3], ("new  one", "gut"), ("an other", "schlecht")]
    test = [("good", "gut"), ("bad", "gut"), (" new one", "gut")]
    folder = write_splits(tmp_path / "mine", train=train, validation=[("fine", "gut")], test=test)
    for how, left in (("none", 5), ("exact", 2), ("text", 1)):
        outcome, said = run(tiny, folder, f"data.deduplicate={how}")
        record: Any = outcome.record
        assert (record["data_sizes"]["train"], record["deduplicated_rows"]) == (left, 5 - left)
        assert (f"{5 - left} rows of train are left out, for they also stand in other splits" in said) == (left < 5)
        texts = record["repeated_rows"].get("test", {}).get("train", {"text": 0, "text_and_label": 0})
        assert texts["text_and_label"] == (2 if how == "none" else 0)
        assert texts["text"] == {"none": 3, "exact": 1, "text": 0}[how]


def test_labels_and_splits_that_deduplication_takes_away_are_told(tiny: Overrides, tmp_path: Path):
    folder = write_splits(tmp_path / "one", train=TRAIN[:3], validation=TRAIN[2:3], test=TRAIN[:1])
    reason = run(tiny, folder, "data.deduplicate=text", "data.unseen_labels=error")[0].record["reason"]
    assert "the label 'schlecht' never occurs in the rows of train that data.deduplicate leaves" in str(reason)
    assert "set data.deduplicate=none" in str(reason)
    folder = write_splits(tmp_path / "all", train=TRAIN[:2], validation=TRAIN[:1], test=TRAIN[:2])
    reason = run(tiny, folder, "data.deduplicate=exact")[0].record["reason"]
    assert "data.deduplicate=exact leaves no row of train, for all 2 also stand in other splits" in str(reason)


def test_the_record_tells_which_splits_were_drawn_and_by_which_seed(tiny: Overrides, tmp_path: Path):
    rows = [(f"{'good' if n % 2 else 'bad'} {n}", "gut" if n % 2 else "schlecht") for n in range(40)]
    write_splits(tmp_path, all=rows, train=rows[:30], validation=rows[30:34], test=rows[34:])
    marks = set()
    for seed in (3, 4):
        record: Any = run(tiny, tmp_path / "all.jsonl", f"seed={seed}")[0].record
        assert record["drawn_splits"] == [{"splits": ["validation", "test"], "seed": seed}]
        marks.add(record["data_fingerprint"])
    assert len(marks) == 2
    (tmp_path / "test.jsonl").unlink()
    record = run(tiny, tmp_path, "seed=3", "data.seed=9", "data.test_fraction=0.2")[0].record
    assert record["drawn_splits"] == [{"splits": ["test"], "seed": 9}]
    write_splits(tmp_path, test=rows[34:])
    assert run(tiny, tmp_path, "seed=3")[0].record["drawn_splits"] == []


def test_a_fold_is_a_run_of_its_own_whose_data_and_folder_say_so(tiny: Overrides, tmp_path: Path):
    rows = [(f"{'good' if n % 2 else 'bad'} {n}", "gut" if n % 2 else "schlecht") for n in range(12)]
    write_splits(tmp_path, all=rows)
    tested: set[str] = set()
    for fold in range(3):
        outcome, _said = run(tiny, tmp_path / "all.jsonl", "data.folds=3", f"data.fold={fold}", "data.max_train=null")
        record: Any = outcome.record
        assert record["data"] == "files:all.jsonl in 3 folds"
        assert f"-files_all.jsonl_in_3_folds-majority-s1_fold{fold}-" in outcome.folder.name
        assert record["data_sizes"] == {"train": 7, "validation": 1, "test": 4}
        assert record["label_counts"]["test"] == {"gut": 2, "schlecht": 2}
        assert f"fold {fold} of 3 is test" in record["data_source"]
        tested.update(row["text"] for row in read_predictions(outcome.folder))
    assert len(tested) == 12
