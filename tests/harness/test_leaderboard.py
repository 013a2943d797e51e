from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness import leaderboard
from tests.harness.handmade import floor, record, runs, write_run

Captured = pytest.CaptureFixture[str]


def write(folder: Path, *entries: dict[str, Any]) -> str:
    for number, made in enumerate(entries):
        write_run(folder / "runs" / str(number), made)
    return str(folder)


def shown(capsys: Captured, *arguments: str) -> str:
    assert leaderboard.main(list(arguments)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("style", ["terminal", "markdown", "csv", "json"])
def test_every_format_shows_score_and_hole(tmp_path: Path, capsys: Captured, style: str):
    place = write(tmp_path, record(scores={"f1": 0.1234}), record(model="dot", status="failed", reason="no memory"))
    text = shown(capsys, place, "--format", style)
    assert "0.1234" in text
    assert "failed: no memory" in text or '"reason": "no memory"' in text


def test_the_terminal_is_at_most_120_columns_wide_and_drops_the_least_important(tmp_path: Path, capsys: Captured):
    costs = {
        "parameters": {"total": 2_240_000}, "flops_per_token": 1.7e6, "train_seconds": 100.0, "latency_seconds": 0.002,
        "train_tokens_per_second": 9800.0, "peak_memory_bytes": {"process": 2**30},
    }  # fmt: skip
    settings = [{"training": {"a_long_name_of_a_setting": n, "another_long_name": n}} for n in (1, 2)]
    long = [record(seed=s, config=c, costs=costs, position="sinusoidal") for s in (1, 2) for c in settings]
    text = shown(capsys, write(tmp_path, *long, record(model="bidirectional", status="failed", reason="why " * 60)))
    assert max(map(len, text.splitlines())) <= 120
    header = text.splitlines()[1]
    assert "score" in header
    assert "MiB" not in header
    assert "training.another_long_name=2" in text


def test_names_are_never_cut(tmp_path: Path, capsys: Captured):
    name = "somebody.elses.package.with_a_very_long_name.AndAClass" * 2
    assert name in shown(capsys, write(tmp_path, record(model=name), record()))


def test_costs_that_fit_are_shown_parameters_first(tmp_path: Path, capsys: Captured):
    costs = {
        "parameters": {"total": 2_240_000}, "flops_per_token": 1.5e6, "train_seconds": 100.0,
        "latency_seconds": 0.0047, "train_tokens_per_second": 9800.0, "peak_memory_bytes": {"process": 2**30},
    }  # fmt: skip
    narrow = shown(capsys, write(tmp_path, record(costs=costs), record(model="dot", costs=costs)))
    assert "2.24M" in narrow
    assert "1.50M" in narrow
    assert "9.80k" not in narrow
    assert "4.70" in narrow


def test_csv_and_json_have_every_column(tmp_path: Path, capsys: Captured):
    place = write(tmp_path, *runs([0.4, 0.5]), *runs([0.1, 0.2], model="dot"))
    (best, _other) = csv.DictReader(io.StringIO(shown(capsys, place, "--format", "csv")))
    assert best["scores"] == "0.4 0.5"
    assert best["parameters"] == "1000.0"
    assert best["rank"] == "1"
    assert {"half_width", "p_value", "difference", "more_seeds", "trials", "flops_per_token", "memory_bytes"} <= set(
        best
    )
    (table,) = json.loads(shown(capsys, place, "--format", "json"))["tables"]
    assert [row["mean"] for row in table["rows"]] == pytest.approx([0.45, 0.15])


def test_across_tables_is_printed_with_its_weakness(tmp_path: Path, capsys: Captured):
    entries = [
        run
        for task in ("ner", "pos")
        for n, model in enumerate(("self", "dot", "none"))
        for run in runs([0.1 * n, 0.2 * n], task=task, model=model)
    ]
    for style in ("terminal", "markdown"):
        text = " ".join(shown(capsys, write(tmp_path, *entries), "--format", style).split())
        assert "across 2 tables" in text
        assert "N = 2 tables, 3 rows" in text
        assert "closer than 2.34 cannot be told apart" in text
        assert "Weak with few tables" in text


def test_filters_choose_and_several_are_parted_by_commas(tmp_path: Path, capsys: Captured):
    place = write(tmp_path, *(record(model=m, task=t) for m in ("self", "dot", "none") for t in ("ner", "pos")))
    tables = json.loads(shown(capsys, place, "--task", "ner", "--model", "self,none", "--format", "json"))["tables"]
    assert [{row["model"] for row in table["rows"]} for table in tables] == [{"self", "none"}]


def test_markup_of_records_is_escaped_and_control_characters_are_not_sent(tmp_path: Path, capsys: Captured):
    place = write(tmp_path, record(), record(model="<b>|x", status="failed", reason="\x1b[31mred | <script>"))
    text = shown(capsys, place, "--format", "markdown")
    assert "<script>" not in text
    assert "<b>" not in text
    assert "&lt;b&gt;\\|x" in text
    assert "\x1b" not in shown(capsys, place)


def test_output_goes_to_a_file(tmp_path: Path, capsys: Captured):
    path = tmp_path / "new" / "board.md"
    assert shown(capsys, write(tmp_path, record()), "--format", "markdown", "--output", str(path)) == ""
    assert "0.5000" in path.read_text()


def test_what_is_left_out_is_said(tmp_path: Path, capsys: Captured):
    place = write(tmp_path, record())
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "record.json").write_text("{")
    assert leaderboard.main([place, "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert "bad/record.json" in captured.err
    assert "bad/record.json" in json.loads(captured.out)["messages"][0]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path, capsys: Captured):
    assert leaderboard.main([str(tmp_path / "nowhere")]) == 1
    said = capsys.readouterr().err
    assert f"left out: {tmp_path / 'nowhere'}: there is no such folder or file" in said
    assert "force=true" not in said


def test_nothing_to_compare_is_an_error_that_says_what_there_is(tmp_path: Path, capsys: Captured):
    assert leaderboard.main([str(tmp_path)]) == 1
    assert "no records of runs in" in capsys.readouterr().err
    assert leaderboard.main([write(tmp_path, record()), "--model", "dto"]) == 1
    assert "there are: task: ner; data: generated; model: self" in capsys.readouterr().err


def test_an_unknown_score_is_an_error(tmp_path: Path, capsys: Captured):
    assert leaderboard.main([write(tmp_path, record()), "--metric", "bleu"]) == 2
    assert "error: no run has the score 'bleu'; there are: f1" in capsys.readouterr().err


def test_floors_are_marked_and_exact_comparisons_have_no_p(tmp_path: Path, capsys: Captured):
    place = write(tmp_path, floor(scores={"f1": 0.2}), floor(model="copy", scores={"f1": 0.1}))
    (line,) = [line for line in shown(capsys, place).splitlines() if "majority" not in line and "(floor)" in line]
    assert "-0.1000  exact" in line


@pytest.mark.parametrize("module", ["harness.leaderboard", "harness.compare", "harness.publish"])
def test_help_imports_nothing_heavy(module: str):
    code = (
        f"import runpy, sys; sys.argv = ['x', '--help']\ntry: runpy.run_module('{module}', run_name='__main__')\n"
        "except SystemExit: print([m for m in ('torch', 'scipy', 'sklearn', 'rich', 'sacrebleu') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage:")
    assert done.stdout.strip().endswith("[]")
