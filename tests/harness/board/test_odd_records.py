"""Records that no run wrote: each is named and left out, or shown, and the rest of the board stands."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness import leaderboard
from harness.records import files
from harness.records.printable import cut
from tests.harness.handmade import record

Captured = pytest.CaptureFixture[str]

FORMATS = ("terminal", "markdown", "latex", "csv", "json")


def board(folder: Path, capsys: Captured, style: str = "terminal") -> tuple[str, str]:
    """What the leaderboard of a folder prints, and what it says beside it."""
    assert leaderboard.main([str(folder), "--format", style]) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A folder with two rows of three seeds."""
    for model, scores in {"none": (0.4, 0.41, 0.42), "self": (0.9, 0.91, 0.92)}.items():
        for seed, score in enumerate(scores):
            files.write_record(tmp_path / f"{model}{seed}", record(model=model, seed=seed, scores={"f1": score}))
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"costs": {"train_seconds": float("nan")}}, "costs.train_seconds is nan"),
        ({"costs": {"parameters": {"total": float("inf")}}}, "costs.parameters.total is inf, expected a whole"),
        ({"scores": {"f1": 1e308}}, "scores.f1 is 1e+308"),
        ({"scores": {"f1": -1e308}}, "scores.f1 is -1e+308"),
        ({"scores": {"f1": 10**400}}, "scores.f1 is 1000"),
        ({"scores": {"f1": True}}, "scores.f1 is True, expected a number"),
        ({"extra_scores": {"other": {"f1": 1e200}}}, "extra_scores.other.f1 is 1e+200"),
        ({"label_counts": {"train": {"PER": 10**400}}}, "label_counts.train.PER is 1000"),
        ({"calibration": {"counts": [float("nan")]}}, "calibration.counts.0 is nan, expected a whole number"),
        ({"curves": [{"step": 10**400}]}, "curves.0.step is 1000"),
        ({"seed": 10**400}, "the seed has 401 digits"),
    ],
)
def test_a_number_that_no_run_comes_to_leaves_its_record_out(
    sound: Path, capsys: Captured, changes: dict[str, Any], told: str
):
    before = {style: board(sound, capsys, style)[0] for style in FORMATS}
    files.write_record(sound / "odd", record(model="odd") | changes)
    for style in FORMATS:
        text, said = board(sound, capsys, style)
        assert f"{sound / 'odd' / 'record.json'} is no record of a run: {told}" in said
        assert [line for line in before[style].split("\n") if line not in text] in ([], [' "messages": []'])


def test_a_score_that_is_nan_is_a_hole(sound: Path, capsys: Captured):
    files.write_record(sound / "diverged", record(model="dot", scores={"f1": float("nan")}))
    for style in FORMATS:
        text, said = board(sound, capsys, style)
        assert said == ""
        assert style == "latex" or "it has no f1, or none that is a number" in text


@pytest.mark.parametrize("text", ["[" * 200_000, '{"format":1,"a":' + "[" * 200_000, "9" * 5000, "\x00"])
@pytest.mark.parametrize("name", ["record.json", "records.jsonl"])
def test_what_cannot_be_parsed_is_named(sound: Path, capsys: Captured, text: str, name: str):
    (sound / "odd").mkdir()
    lines = "".join(json.dumps(record(model="general", seed=seed)) + "\n" for seed in range(3))
    (sound / "odd" / name).write_text(text if name == "record.json" else f"{text}\n{lines}")
    shown, said = board(sound, capsys)
    assert str(sound / "odd" / name) in said
    assert said.count("\n") == 1
    assert len(said) < 500
    assert re.search(r"self +0.9100", shown)
    assert ("general" in shown) == (name == "records.jsonl")


def test_names_and_reasons_without_end_are_cut_where_they_are_shown(sound: Path, capsys: Captured):
    for model in ("x" * 10_000, "x" * 9_999):
        for seed in range(3):
            made = record(model=model, data="d" * 10_000, seed=seed, scores={"f1": 0.5 + seed / 100})
            files.write_record(sound / f"{len(model)}-{seed}", made)
    files.write_record(sound / "hole", record(model="dot", status="failed", reason="y" * 10_000))
    for style in FORMATS:
        text, _said = board(sound, capsys, style)
        assert max(map(len, text.split("\n"))) < 2000
    table = json.loads(board(sound, capsys, "json")[0])["tables"][0]
    assert len({row["model"] for row in table["rows"]}) == 2
    assert cut("x" * 200) == "x" * 200
    assert len(cut("x" * 201)) == 199


def test_a_seed_that_finished_twice_is_told(sound: Path, capsys: Captured):
    again = record(model="self", seed=1, scores={"f1": 0.5}, id="again", finished="2026-02-01T00:00:00+00:00")
    files.write_record(sound / "again", again)
    text, _said = board(sound, capsys)
    assert "self recurrent: of several finished runs of a seed the newest counts: seeds 1" in text
    assert "0.7733" in text  # 0.9, 0.5, 0.92
    (sound / "again" / "record.json").write_text((sound / "self1" / "record.json").read_text())
    assert "several finished runs" not in board(sound, capsys)[0]  # the same run, read twice


@pytest.mark.slow
def test_many_rows_and_many_seeds_over_two_tables_have_a_comparison(tmp_path: Path, capsys: Captured):
    for data in ("a", "b"):
        made = [record(model=f"m{n}", data=data, seed=seed, id=f"{n}-{seed}", scores={"f1": n / 400 + seed / 1000})
                for n, seeds in ((n, 200 if n < 2 else 3) for n in range(171)) for seed in range(seeds)]  # fmt: skip
        (tmp_path / f"{data}.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in made))
    assert leaderboard.main([str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"), "--format", "json"]) == 0
    across = json.loads(capsys.readouterr().out)["across"]
    assert len(across[0]["rows"]) == 171


def test_a_spreadsheet_takes_no_text_for_a_formula(sound: Path, capsys: Captured):
    for model in ("=1+1", "@SUM(A1)", "-2"):
        files.write_record(sound / f"odd{model[0]}", record(model=model, scores={"f1": 0.1}))
    text, _said = board(sound, capsys, "csv")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert {"'=1+1", "'@SUM(A1)", "'-2", "self"} <= {line["model"] for line in lines}
    cells = [cell for line in lines for cell in line.values() if cell and cell[0] in "=+-@"]
    assert all(float(cell) < 0 for cell in cells)
