"""A board in LaTeX, for a paper: tables in the manner of booktabs with captions that say what the numbers are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from harness.board.cells import notes, p_in_words, rank_in_words, table_lines
from harness.board.overview_text import overview_title, score_in_words
from harness.board.tables import Board, BoardTable, Cell, Overview, Pair

MOST_TABLES = 4
"""So many tables stand beside each other in an overview."""

SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$", "≥": r"$\geq$", "≤": r"$\leq$", "–": "--", "·": r"$\cdot$",
}  # fmt: skip


def latex(board: Board, *, answer: bool = False) -> str:
    """Overviews, then (unless ``answer``) a table for each of the board's. Needs ``\\usepackage{booktabs}``."""
    parts = ["% \\usepackage{booktabs}"]
    for overview in board.overviews:
        tables = [table for table in board.tables if (table.tuned, table.matched) == (overview.tuned, overview.matched)]
        for start in range(0, len(overview.tables), MOST_TABLES):
            parts += ["", *_overview(overview, tables, start, start + MOST_TABLES)]
    for table in () if answer else board.tables:
        parts += ["", *_table(table)]
    return "\n".join(parts)


def _overview(overview: Overview, tables: Sequence[BoardTable], start: int, stop: int) -> Iterator[str]:
    columns = overview.tables[start:stop]
    rows = [
        [_safe(f"{row.name} (floor)" if row.floor else row.name), *map(_cell, row.cells[start:stop])]
        for row in overview.rows
        if any(map(score_in_words, row.cells[start:stop]))
    ]
    shown = tables[start:stop]
    caption = f"{overview_title(overview)}: score with the places that a row may have, and its difference to none"
    yield from _float(_caption(caption, shown), "l" * (1 + len(columns)), ["", *map(_safe, columns)], rows)


def _cell(cell: Cell) -> str:
    if cell.score is None:
        return _safe(cell.status) or "--"
    text = f"{cell.score:.4f}"
    text = f"\\textbf{{{text}}}" if cell.among_best else text
    difference = "" if cell.difference is None else f" {_signed(cell.difference)}"
    return f"{text} [{_safe(rank_in_words(cell.first, cell.last)).replace('-', '--')}]{difference}"


def _table(table: BoardTable) -> Iterator[str]:
    rows = []
    for row, words in zip(table.rows, table_lines(table), strict=True):
        score = words["score"] + (f" $\\pm$ {row.half_width:.4f}" if row.half_width is not None else "")
        none = row.vs_none
        rows.append([
            _safe(words["rank"]).replace("-", "--"),
            _safe(f"{words['model']} {words['settings']}".strip()),
            f"\\textbf{{{score}}}" if row.among_best else score,
            "" if none is None else f"{_signed(none.difference)}{_interval(none)}",
            "" if none is None else none.verdict,
            "" if row.vs_best is None else _safe(p_in_words(row.vs_best)),
            words["train x"].replace("x", "$\\times$"),
        ])  # fmt: skip
    heads = ["rank", "model", "score", "difference to none", "verdict", "$p$ (best)", "training"]
    yield from _float(_caption(f"{table.title}, mean over {table.replicates}", [table]), "rlrrlrr", heads, rows)
    yield from (f"% {note}" for note in notes(table, ()))


def _caption(what: str, tables: Sequence[BoardTable]) -> str:
    """What is shown, over how many seeds, by which test and with which correction."""
    counts = {len(row.seeds) for table in tables for row in table.rows if row.seeds and not row.floor}
    seeds = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else str(next(iter(counts), 0))
    which = " and ".join(sorted({table.replicates for table in tables}, reverse=True)) or "seeds"
    folds = " Folds share training data, so intervals, ranks and bold print are too sure." if "folds" in which else ""
    margins = sorted({table.margin for table in tables if table.margin is not None})
    alike = f" As good as: within {', '.join(f'±{margin:g}' for margin in margins)}." if margins else ""
    return _safe(
        f"{what}; {seeds} {which} a network. ±: half of the 95 % interval of the mean. Bold: the best is among these "
        "(95 %). Ranks: from 1 + the rows told better to the last place but for the rows told worse. Differences by "
        f"Welch's t over {which}, corrected by Holm for all pairs of a table, with simultaneous 95 % intervals."
        f"{alike}{folds}"
    )


def _float(caption: str, columns: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (
        "\\begin{table}",
        "\\centering",
        "\\small",
        f"\\caption{{{caption}}}",
        f"\\begin{{tabular}}{{{columns}}}",
    )
    yield from ("\\toprule", f"{' & '.join(heads)} \\\\", "\\midrule")
    yield from (f"{' & '.join(row)} \\\\" for row in rows)
    yield from ("\\bottomrule", "\\end{tabular}", "\\end{table}")


def _interval(pair: Pair) -> str:
    return "" if pair.low is None or pair.high is None else f" [{_signed(pair.low)}, {_signed(pair.high)}]"


def _signed(value: float) -> str:
    return f"${value:+.4f}$"


def _safe(text: str) -> str:
    """Text without the signs that LaTeX takes for commands."""
    return re.sub("|".join(map(re.escape, SIGNS)), lambda sign: SIGNS[sign[0]], text)
