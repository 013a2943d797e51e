"""What a person sees at the end of a run or a sweep: texts from data are shown as they are, and steer nothing."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from harness.run.display import show_outcome
from harness.run.run import Outcome
from harness.sweep.display import show_summary
from harness.sweep.job import Answer
from tests.harness.handmade import record

EVIL = "[/x]\x1b[31m[b]"
SHOWN = "[/x] [31m[b]"


def console() -> Console:
    return Console(file=io.StringIO(), width=200)


def said(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_types_of_the_data_are_no_markup(tmp_path: Path):
    shown = console()
    made = record(costs={}, data=EVIL, scores={"f1": 0.5, f"f1/{EVIL}": 0.25}, main_score="f1")
    show_outcome(Outcome(made, tmp_path), console=shown)
    assert f"f1/{SHOWN}" in said(shown)
    assert f"on {SHOWN}" in said(shown)
    assert "\x1b" not in said(shown)


def test_neither_is_what_names_a_failed_run_or_a_cell(tmp_path: Path):
    shown = console()
    show_outcome(Outcome(record(data=EVIL, status="failed", reason="no luck"), tmp_path), console=shown)
    show_summary(shown, [EVIL], {0: Answer("done", score=(EVIL, 0.5))})
    assert said(shown).count(SHOWN) >= 3
    assert "\x1b" not in said(shown)
