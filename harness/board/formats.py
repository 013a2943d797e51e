"""The ways to show a board as text, by name."""

from __future__ import annotations

from typing import Literal

from harness.board.export import as_csv, as_json
from harness.board.latex import latex
from harness.board.markdown import markdown
from harness.board.tables import Board
from harness.board.terminal import WIDTH, terminal

Format = Literal["terminal", "markdown", "latex", "csv", "json"]


def written(board: Board, style: Format, *, all_columns: bool = False, answer: bool = False, width: int = WIDTH) -> str:
    """The board in a format. ``answer``: only overview and answers; CSV and JSON always have all columns."""
    match style:
        case "terminal":
            return terminal(board, all_columns=all_columns, answer=answer, width=width)
        case "markdown":
            return markdown(board, all_columns=all_columns, answer=answer)
        case "latex":
            return latex(board, answer=answer)
        case "csv":
            return as_csv(board, answer=answer)
        case "json":
            return as_json(board, answer=answer)
