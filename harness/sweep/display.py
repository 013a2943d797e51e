"""What a person sees of a sweep: a line as each cell ends, and at the end what there is and which holes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness.records.printable import plain
from harness.sweep.forecast import Forecast
from harness.sweep.job import Answer

MOST_NOTES = 10
"""So many notes on the data are shown."""


def show_plan(forecasts: Sequence[Forecast], *, workers: int, console: Console | None = None) -> int:
    """Print the plan: each cell, why it would not run, the total. Returns the exit code: 1 if there would be holes."""
    console = console or Console()
    table = Table(Column("cell", overflow="fold"), "status", "parameters", "minutes", "MiB")
    for forecast in forecasts:
        parameters = "" if forecast.parameters is None else f"{forecast.parameters:,}"
        minutes = "" if forecast.minutes is None else f"{forecast.minutes:.2f}"
        memory = "" if forecast.memory_bytes is None else f"{forecast.memory_bytes / 2**20:,.0f}"
        table.add_row(forecast.label, forecast.status, parameters, minutes, memory)
    console.print(table)
    for forecast in forecasts:
        if forecast.reason is not None:
            line = f"{forecast.status}: {forecast.label}: {forecast.reason}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    told = ", ".join(f"{n} {status}" for status, n in Counter(forecast.status for forecast in forecasts).items())
    ahead = [forecast for forecast in forecasts if forecast.minutes is not None]
    total = sum(forecast.minutes or 0.0 for forecast in ahead)
    longest = max((forecast.minutes or 0.0 for forecast in ahead), default=0.0)
    memory_each = max((forecast.memory_bytes or 0 for forecast in ahead), default=0)
    console.print(f"cells: {told}", markup=False, highlight=False)
    console.print(
        f"to run: at most {total:.1f} minutes of training and scoring, {max(total / workers, longest):.1f} with "
        f"workers={workers}; up to {memory_each / 2**20:,.0f} MiB in each worker",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip
    return 1 if any(forecast.status in ("unsupported", "not composed", "would fail") for forecast in forecasts) else 0


def show_answer(console: Console, label: str, answer: Answer, *, done: int, of: int) -> None:
    """One line on a cell that has just ended."""
    what = _score(answer) if answer.status == "done" else f"{answer.status}: {_first_line(answer)}"
    how = "found" if answer.found else f"{answer.seconds:.0f} s"
    console.print(f"[{done}/{of}] {label}: {what} ({how})", markup=False, highlight=False, soft_wrap=True)


def show_summary(console: Console, labels: Sequence[str], answers: Mapping[int, Answer]) -> None:
    """The table of all cells, then each hole with its whole reason, then how many there are of each kind."""
    table = Table(Column("cell", overflow="fold"), "status", "score", "seconds")
    for number, label in enumerate(labels):
        answer = answers.get(number, Answer("not run"))
        seconds = "found" if answer.found else f"{answer.seconds:.1f}" if answer.seconds else ""
        table.add_row(*(Text(plain(words)) for words in (label, answer.status, _score(answer), seconds)))
    console.print(table)
    for number, answer in sorted(answers.items()):
        if answer.status != "done":
            line = f"{answer.status}: {labels[number]}: {answer.reason}"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
            if answer.status == "failed" and answer.folder is not None:
                console.print(f"  (record: {answer.folder})", markup=False, highlight=False, soft_wrap=True)
    _show_notes(console, answers)
    counts = Counter("found" if answer.found else answer.status for answer in answers.values())
    counts["not run"] = len(labels) - len(answers)
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    console.print(f"cells: {told}", markup=False, highlight=False)


def _show_notes(console: Console, answers: Mapping[int, Answer]) -> None:
    """What to know of the data, once for all cells that share it."""
    cells = Counter(note for answer in answers.values() for note in answer.notes)
    for note, count in list(cells.items())[:MOST_NOTES]:
        where = "" if count == len(answers) else f" ({count} of the cells)"
        console.print(f"note: {plain(note)}{where}", markup=False, highlight=False, soft_wrap=True)
    if len(cells) > MOST_NOTES:
        console.print(f"and {len(cells) - MOST_NOTES} more notes; the leaderboard sums them up", markup=False)


def _score(answer: Answer) -> str:
    return "" if answer.score is None else f"{answer.score[0]} {answer.score[1]:.4f}"


def _first_line(answer: Answer) -> str:
    return (answer.reason or "").partition("\n")[0]
