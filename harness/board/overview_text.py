"""The overview and the answers in words, for any format that lays them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.board.across_text import across_sentence
from harness.board.cells import percent, rank_in_words
from harness.board.tables import Board, Cell, Overview, kind_in_words
from harness.records.printable import plain

SHORT_VERDICTS = {"as good as": "as good"}


def overview_title(overview: Overview) -> str:
    """What the overview is of."""
    shared = f" (all networks: {overview.shared})" if overview.shared else ""
    return plain(f"overview{kind_in_words(overview.tuned, overview.matched)}{shared}")


def score_in_words(cell: Cell) -> str:
    """Score and rank range of a cell; the status of a hole; nothing where the row was not run."""
    if cell.score is None:
        return plain(cell.status)
    return f"{cell.score:.4f} {rank_in_words(cell.first, cell.last)}"


def verdict_in_words(cell: Cell) -> str:
    """Difference to ``none``, its verdict, and the share of the error of ``none`` that is removed."""
    if cell.difference is None:
        return ""
    removed = "" if cell.error_removed is None else f" {percent(cell.error_removed)}"
    return f"{cell.difference:+.4f} {SHORT_VERDICTS.get(cell.verdict, cell.verdict)}{removed}"


def overview_legend(overview: Overview, margins: Sequence[float | None], *, best: str, shaded: bool = False) -> str:
    """How to read a cell.

    ``best``: how a format marks the rows among which the best is; ``shaded``: whether it shows shares as shades.
    """
    words = [f"score and the places it may have; {best}: the best is among these (95 %)"]
    verdicts = {cell.verdict for row in overview.rows for cell in row.cells}
    if verdicts - {""}:
        share = "" if shaded else ", share of the error of none that is removed"
        words.append(f"below, against none: difference, verdict{share}")
    if "as good as" in verdicts:
        known = sorted({margin for margin in margins if margin is not None})
        words.append(f"as good: shown to lie within {', '.join(f'±{margin:g}' for margin in known)}")
    if "undecided" in verdicts:
        words.append("undecided: neither a difference nor its absence is shown")
    return "; ".join(words) + "."


def hole_lines(overview: Overview) -> list[str]:
    """Of each cell without a score, why."""
    return [
        plain(f"{row.name}, {table}: {cell.status}: {cell.reason}")
        for row in overview.rows
        for table, cell in zip(overview.tables, row.cells, strict=True)
        if cell.status
    ]


def answer_lines(board: Board) -> Iterator[str]:
    """The sentences of each table, and of the comparison across tables."""
    for table in board.tables:
        kind = kind_in_words(table.tuned, table.matched).strip()
        yield plain(" ".join([*([kind] if kind else []), *table.answer.sentences]))
    for across in board.across:
        yield plain(across_sentence(across))
