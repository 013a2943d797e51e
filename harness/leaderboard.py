"""``python -m harness.leaderboard``: the records, compared.

Reads records alone: no task code, no torch; safe while a sweep writes. One table a task and data set, one row a
configuration: the mean over seeds with its interval, the places that the row may have, costs, and for each hole its
reason. First comes the answer: all tables at a glance, and what each says in two sentences.
The way there: records -> ``board.rows`` -> ``board.board`` -> ``board.formats``, or ``report`` for HTML.
"""

from __future__ import annotations

import argparse
import gc
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.board.rows import group_records, told_trials
from harness.records.pipes import ended
from harness.records.printable import plain
from harness.records.reading import read_records

if TYPE_CHECKING:
    from harness.board.tables import Board

FILTERS = ("task", "data", "model", "backbone")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, read, print. Exit codes: 1 if there is nothing to compare, 2 for a bad argument."""
    options = _parser().parse_args(arguments)
    if options.answer and options.format == "html":
        print("error: --answer is for the other formats; a page has everything", file=sys.stderr)
        return 2
    gc.disable()  # records hold no circles, and looking for some among millions of values takes a third of the time
    try:
        return _show(options)
    finally:
        gc.enable()


def _show(options: argparse.Namespace) -> int:
    found, left_out = read_records(options.places)
    chosen = [record for _path, record in found if _wanted(record, options)]
    left_out += told_trials(chosen)
    tables = group_records(chosen)
    if not tables:
        _say(left_out)
        print(_nothing([record for _path, record in found], options), file=sys.stderr)
        return 1
    from harness.board.board import make_board

    try:
        board = make_board(tables, metric=options.metric, margin=options.margin, messages=left_out)
    except ValueError as error:
        _say(left_out)
        print(f"error: {error}", file=sys.stderr)
        return 2
    _say(board.messages)
    wanted = [(path, record) for path, record in found if _wanted(record, options)]
    if options.figures:
        from harness.report.figures import write_figures

        print(f"{write_figures(board, tables, wanted, options.figures)} figures in {options.figures}", file=sys.stderr)
    if options.format == "html":
        from harness.report.page import html_report

        text = html_report(board, tables, wanted)
    else:
        text = _text(board, options)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return _upload(board, options.wandb) if options.wandb else 0


def _text(board: Board, options: argparse.Namespace) -> str:
    from harness.board.formats import written
    from harness.board.terminal import WIDTH

    shown = options.format == "terminal" and not options.output and sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, WIDTH) if shown else WIDTH
    return written(board, options.format, all_columns=options.columns == "all", answer=options.answer, width=width)


def _say(messages: Sequence[str]) -> None:
    for message in messages:
        print(f"left out: {plain(message)}", file=sys.stderr)


def _upload(board: Board, project: str) -> int:
    from harness.board.upload import upload_board

    try:
        upload_board(board, project=project)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.leaderboard", description=__doc__)
    parser.add_argument("places", nargs="*", default=["results"], help="folders or record files (default: results)")
    for name in FILTERS:
        parser.add_argument(f"--{name}", help=f"only this {name}; several with commas")
    parser.add_argument("--metric", help="the score to show (default: the main score of each task)")
    parser.add_argument(
        "--margin",
        type=_margin,
        help="rows that differ by less are as good as each other (default: 0.01 for fractions)",
    )
    parser.add_argument("--answer", action="store_true", help="only the overview and what each table says in words")
    parser.add_argument(
        "--columns",
        choices=["few", "all"],
        default="few",
        help="of tables in terminal and Markdown (few: the 8 most telling)",
    )
    styles = ["terminal", "markdown", "latex", "csv", "json", "html"]
    parser.add_argument("--format", choices=styles, default="terminal")
    parser.add_argument("--output", type=Path, help="write there instead of printing")
    parser.add_argument("--figures", type=Path, metavar="FOLDER", help="also write its charts there: SVG, PNG, PDF")
    parser.add_argument("--wandb", metavar="PROJECT", help="also send the board there, as a table and an artifact")
    return parser


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = 0.0
    if not 0 < margin < math.inf:
        raise argparse.ArgumentTypeError(f"expected a difference above 0, such as 0.01, got {text!r}")
    return margin


def _wanted(record: Mapping[str, Any], options: argparse.Namespace) -> bool:
    choices = ((name, getattr(options, name)) for name in FILTERS)
    return all(choice is None or record[name] in choice.split(",") for name, choice in choices)


def _nothing(records: Sequence[Mapping[str, Any]], options: argparse.Namespace) -> str:
    """Why there is no board: no records at all, or none that the filters let through."""
    real = [record for record in records if not record["debug"]]
    places = ", ".join(map(str, options.places))
    if not real:
        return f"no records of runs in {places}; run some first: python -m harness task=ner model=self"
    there = (f"{name}: {', '.join(sorted({record[name] for record in real}))}" for name in FILTERS)
    return f"no records in {places} pass the filters; there are: {'; '.join(there)}"


if __name__ == "__main__":
    sys.exit(ended(main))
