from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
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
    (header,) = [line for line in text.splitlines() if line.startswith("model ")]
    assert "score" in header
    assert "MiB" not in header
    assert "training.another_long_name=2" in text


def test_names_are_never_cut(tmp_path: Path, capsys: Captured):
    name = "somebody.elses.package.with_a_very_long_name.AndAClass" * 2
    place = write(tmp_path, record(model=name), record())
    assert name in shown(capsys, place)
    assert name in shown(capsys, place, "--answer")


COSTS = {
    "parameters": {"total": 2_240_000}, "flops_per_token": 1.5e6, "train_seconds": 100.0,
    "latency_seconds": 0.0047, "train_tokens_per_second": 9800.0, "peak_memory_bytes": {"process": 2**30},
}  # fmt: skip


def six(mean: float, model: str, *, number: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """Six runs whose scores have exactly this mean and a spread of 0.01."""
    drawn = np.random.default_rng(number).standard_normal(6)
    scores = mean + 0.01 * (drawn - drawn.mean()) / drawn.std(ddof=1)
    return runs(list(map(float, scores)), model=model, **changes)


def a_board() -> list[dict[str, Any]]:
    """Two tasks: in ner attention helps, in pos none is as good; a floor, and a hole."""
    cheap = COSTS | {"train_seconds": 50.0}
    steady = [0.9001, 0.9002, 0.8999, 0.9, 0.9001, 0.8998]
    return [
        *six(0.9, "self", number=1, costs=COSTS), *six(0.895, "dot", number=2, costs=COSTS),
        *six(0.6, "none", number=3, costs=cheap), floor(scores={"f1": 0.2}),
        *runs(steady, model="self", task="pos", costs=COSTS),
        *runs(steady[::-1], model="none", task="pos", costs=cheap),
        record(model="dot", task="pos", status="failed", reason="no memory"),
    ]  # fmt: skip


def head(text: str) -> list[list[str]]:
    """The names of the columns of each table of a terminal."""
    return [re.split(r"\s{2,}", line.strip()) for line in text.splitlines() if line.split()[:2] == ["rank", "model"]]


def test_a_table_has_at_most_eight_columns_unless_all_are_asked_for(tmp_path: Path, capsys: Captured):
    place = write(tmp_path, *a_board())
    (ner, _pos) = head(shown(capsys, place))
    assert ner == ["rank", "model", "score", "±", "vs best", "p", "more seeds", "train x"]
    (ner, _pos) = head(shown(capsys, place, "--columns", "all"))
    more = {"vs none", "verdict", "error removed", "latency x", "parameters x", "parameters", "train s", "MiB"}
    assert set(ner) > more
    header = next(line for line in shown(capsys, place, "--format", "markdown").splitlines() if "| rank |" in line)
    assert header.count("|") == 9


def test_costs_are_told_as_ratios_to_none(tmp_path: Path, capsys: Captured):
    text = shown(capsys, write(tmp_path, *a_board()))
    (line,) = [line for line in text.splitlines() if line.split()[1:2] == ["self"] and "best" in line]
    assert line.endswith(" 2.0x")
    assert "it takes 2.0x the training time, 1.0x the latency and 1.0x the parameters of none" in " ".join(text.split())


@pytest.mark.parametrize("style", ["terminal", "markdown"])
def test_the_answer_comes_first_and_can_be_had_alone(tmp_path: Path, capsys: Captured, style: str):
    place = write(tmp_path, *a_board())
    whole = shown(capsys, place, "--format", style)
    alone = shown(capsys, place, "--format", style, "--answer")
    assert whole.startswith(alone.rstrip())
    assert "vs best" not in alone
    text = " ".join(alone.split())
    assert "ner / generated (f1): the best is among: self, dot (95 %)" in text
    assert "over none, self gains +0.3000 (+0.2" in text.lower()
    assert "over majority, the strongest floor, +0.7000 (" in text
    assert "No attention is as good here: self differs from none by" in text
    assert "within ±0.01" in text
    assert "dot, pos / generated: failed: no memory" in text
    assert "across 2 tables: the best is among: self (95 %)" in text


def test_the_overview_has_score_places_difference_verdict_and_share_of_the_error(tmp_path: Path, capsys: Captured):
    lines = shown(capsys, write(tmp_path, *a_board()), "--answer").splitlines()
    self_line = next(n for n, line in enumerate(lines) if line.startswith("self"))
    assert re.search(r"0\.\d{4} 1-2\*  .*0\.9000 1-2\*", lines[self_line])
    assert re.search(r"\+0\.3000 better 75%  .*[+-]0\.0000 as good", lines[self_line + 1])
    dot = next(line for line in lines if line.startswith("dot"))
    assert dot.endswith("failed")
    assert "as good: shown to lie within ±0.01" in " ".join(" ".join(lines).split())


def test_a_task_alone_has_its_own_answer(tmp_path: Path, capsys: Captured):
    text = shown(capsys, write(tmp_path, *a_board()), "--answer", "--task", "pos")
    assert "pos / generated" in text
    assert "ner " not in text


def test_the_margin_is_an_option(tmp_path: Path, capsys: Captured):
    place = write(tmp_path, *a_board())
    assert "within ±0.05" in " ".join(shown(capsys, place, "--answer", "--margin", "0.05").split())
    assert "undecided" in shown(capsys, place, "--answer", "--margin", "0.000001")
    with pytest.raises(SystemExit):
        leaderboard.main([place, "--margin", "0"])
    assert "expected a difference above 0, such as 0.01, got '0'" in capsys.readouterr().err


def test_plumbing_and_attention_are_told_apart_where_there_is_a_uniform_row(tmp_path: Path, capsys: Captured):
    entries = [*six(0.9, "self", number=1), *six(0.7, "uniform", number=2), *six(0.6, "none", number=3)]
    text = " ".join(shown(capsys, write(tmp_path, *entries), "--answer").split())
    assert "Plumbing (uniform against none) brings +0.1000 (" in text
    assert "attention (self against uniform) brings +0.2000 (" in text
    assert "lumbing" not in shown(capsys, write(tmp_path / "other", *a_board()), "--answer")


def test_no_attention_is_better_where_that_was_found(tmp_path: Path, capsys: Captured):
    entries = [*six(0.6, "self", number=1), *six(0.8, "none", number=3)]
    text = " ".join(shown(capsys, write(tmp_path, *entries), "--answer").split())
    assert "the best is among: none (95 %)" in text
    assert "No attention is better here: self differs from none by -0.2000 (" in text


def test_what_is_undecided_is_not_called_equal_and_says_how_many_seeds_would_decide(tmp_path: Path, capsys: Captured):
    entries = [*runs([0.8, 0.7, 0.75], model="self"), *runs([0.65, 0.66, 0.74], model="none")]
    text = " ".join(shown(capsys, write(tmp_path, *entries), "--answer").split())
    assert re.search(
        r"Whether self gains anything over none is undecided: \+0\.\d+ \(.*?\); \d+ more seeds of both", text
    )
    assert "as good" not in text
    assert "equal" not in text


def test_many_tables_are_folded_into_blocks(tmp_path: Path, capsys: Captured):
    entries = [
        run for n in range(9) for model in ("self", "none") for run in six(0.5, model, number=n, task=f"task{n}")
    ]
    text = shown(capsys, write(tmp_path, *entries), "--answer")
    assert max(map(len, text.splitlines())) <= 120
    assert 2 <= sum(line.startswith("──") for line in text.splitlines()) <= 3
    assert all(f"task{n}" in text for n in range(9))


def test_csv_and_json_have_every_number(tmp_path: Path, capsys: Captured):
    place = write(tmp_path, *a_board())
    lines = list(csv.DictReader(io.StringIO(shown(capsys, place, "--format", "csv"))))
    best = lines[0]
    assert (best["record"], best["row"], best["first"], best["last"]) == ("row", "self recurrent", "1", "2")
    assert len(best["scores"].split()) == 6
    assert best["parameters"] == "2240000.0"
    assert best["train_seconds_ratio"] == "2.0"
    assert (best["vs_none_over"], best["vs_none_verdict"]) == ("none recurrent", "better")
    assert float(best["error_removed"]) == pytest.approx(0.75, abs=0.01)
    pairs = [line for line in lines if line["record"] == "pair"]
    assert [(line["row"], line["over"]) for line in pairs if line["task"] == "pos"] == [
        ("none recurrent", "self recurrent")
    ]
    assert len(pairs) == 6 + 1
    found = json.loads(shown(capsys, place, "--format", "json"))
    ner, pos = found["tables"]
    assert [pair["verdict"] for pair in ner["pairs"]] == ["undecided", "better", "better", "better", "better", "better"]
    assert pos["pairs"][0]["verdict"] == "as good as"
    assert pos["margin"] == 0.01
    assert ner["answer"]["best"] == ["self recurrent", "dot recurrent"]
    (overview,) = found["overviews"]
    assert overview["tables"] == ["ner / generated", "pos / generated"]
    assert overview["rows"][0]["cells"][0]["verdict"] == "better"
    only = json.loads(shown(capsys, place, "--format", "json", "--answer"))
    assert set(only) == {"overviews", "tables", "messages"}
    assert set(only["tables"][0]) >= {"answer", "margin"}
    assert "rows" not in only["tables"][0]


def test_latex_is_a_table_with_a_caption_that_says_how(tmp_path: Path, capsys: Captured):
    entries = [*a_board(), record(model="odd_name & co", task="ner")]
    text = shown(capsys, write(tmp_path, *entries), "--format", "latex")
    assert text.count("\\begin{table}") == text.count("\\end{table}") == 3  # the overview and two tables
    assert text.count("{") == text.count("}")
    assert "\\toprule" in text
    assert "odd\\_name \\& co" in text
    assert re.search(r"\\textbf\{0\.\d{4}\} \[1--\d\]", text)
    caption = re.search(r"\\caption\{ner / generated.*", text)
    assert caption is not None
    for words in ("1 to 6 seeds", "Welch's t over seeds", "Holm for all pairs", "Bold", r"within $\pm$0.01"):
        assert words in caption[0]
    for block in re.findall(r"\\toprule\n(.*?)\\bottomrule", text, re.DOTALL):
        rows = [line.replace("\\&", "") for line in block.splitlines() if line != "\\midrule"]
        assert len({row.count("&") for row in rows}) == 1
        assert all(row.endswith("\\\\") for row in rows)
    assert "\\begin{table}" in shown(capsys, str(tmp_path), "--format", "latex", "--answer")


def test_across_tables_is_printed_with_what_it_does_not_say(tmp_path: Path, capsys: Captured):
    entries = [
        run
        for task in ("ner", "pos")
        for n, model in enumerate(("self", "dot", "none"))
        for run in six(0.9 - n / 10, model, number=n, task=task)
    ]
    for style in ("terminal", "markdown"):
        text = " ".join(shown(capsys, write(tmp_path, *entries), "--format", style).replace("|", " ").split())
        assert "across 2 tables" in text
        assert "1 self 1.000 1.00" in text
        assert "3 none 0.000 3.00 0 2" in text
        assert "dot none 1.00 always" in text
        assert "nothing is said of another task" in text
        assert "across 2 tables: the best is among: self (95 %)" in text


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
    (line,) = [line for line in shown(capsys, place).splitlines() if "copy (floor)" in line and "vs" not in line][1:]
    assert line.split()[-2:] == ["-0.1000", "exact"]


def test_a_page_has_no_answer_alone(tmp_path: Path, capsys: Captured):
    assert leaderboard.main([write(tmp_path, record()), "--answer", "--format", "html"]) == 2
    assert "--answer is for the other formats" in capsys.readouterr().err


def test_rows_of_a_single_seed_are_not_said_to_be_decided_by_more(tmp_path: Path, capsys: Captured):
    entries = [record(scores={"f1": 0.9}), record(model="none", scores={"f1": 0.5})]
    text = " ".join(shown(capsys, write(tmp_path, *entries), "--answer").split())
    assert "which is best cannot be told, for a network needs 3 seeds" in text
    assert "undecided: +0.4000; ≥ 2 more seeds make a test" in text


def test_a_board_imports_nothing_heavy(tmp_path: Path):
    place = write(tmp_path, *a_board())
    code = (
        f"import sys\nfrom harness.leaderboard import main\nassert main([{place!r}]) == 0\n"
        "print([m for m in ('torch', 'scipy.stats', 'sklearn', 'sacrebleu', 'hydra') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


@pytest.mark.parametrize("module", ["harness.leaderboard", "harness.compare", "harness.publish"])
def test_help_imports_nothing_heavy(module: str):
    code = (
        f"import runpy, sys; sys.argv = ['x', '--help']\ntry: runpy.run_module('{module}', run_name='__main__')\n"
        "except SystemExit: print([m for m in ('torch', 'scipy', 'sklearn', 'rich', 'sacrebleu') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage:")
    assert done.stdout.strip().endswith("[]")
