"""A board as text: for a terminal, as Markdown, CSV or JSON.

Terminal and Markdown show the columns that fit; CSV and JSON have all. Texts from records are shown as they are,
without control characters, and escaped where a format has markup.
"""

from __future__ import annotations

import csv
import html
import io
import json
import math
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

from harness.board.pairing import ALPHA
from harness.board.tables import AcrossTasks, Board, BoardRow, BoardTable, kind_in_words
from harness.records.printable import plain

WIDTH = 120

LEFT = ("model", "backbone", "position", "settings", "row", "over")
"""Columns of words; the others hold numbers and stand to the right."""

GAP = 2
"""Blanks between two columns."""

IF_THERE_IS_ROOM = ("±", "parameters", "train s", "latency ms", "FLOPs/token", "tokens/s", "MiB")
"""What a narrow table does without, the last first."""

WRAPPED = "settings"
"""The one column that may be wrapped, to between ``NARROW`` and ``WIDE`` characters."""


NARROW, WIDE = 16, 40

LEGEND = (
    "score: mean over seeds; ±: half of its 95 % interval (Student's t). rank: shared by rows that cannot be told "
    "apart; vs best: mean difference over common seeds; p: by the exact sign-flip test, corrected by Holm; more seeds: "
    f"how many would show this difference (p ≤ {ALPHA}) with chance 0.8. Costs are means over seeds; train s: training "
    "without validation; latency: one example alone."
)


def cells(row: BoardRow) -> dict[str, str]:
    """Every column of a row in words."""
    costs = row.costs
    latency, memory = costs.get("latency_seconds"), costs.get("gpu_memory_bytes") or costs.get("memory_bytes")
    return {
        "rank": "" if row.rank is None else str(row.rank),
        "model": plain(row.model),
        "backbone": "(floor)" if row.floor else plain(row.backbone),
        "position": plain(row.position),
        "settings": plain(row.settings),
        "trials": "" if row.floor else str(row.trials),
        "seeds": str(len(row.seeds)) if row.seeds else "",
        "score": _score(row),
        "±": "" if row.half_width is None else f"{row.half_width:.4f}",
        "vs best": "best" if row.best else "" if row.difference is None else f"{row.difference:+.4f}",
        "p": _p_text(row),
        "more seeds": row.more_seeds,
        "ff width": "" if row.feedforward_width is None else f"{row.feedforward_width:.0f}",
        "ratio": "" if row.match_ratio is None else f"{row.match_ratio:.4f}",
        "parameters": short(costs.get("parameters")),
        "FLOPs/token": short(costs.get("flops_per_token")),
        "train s": short(costs.get("train_seconds")),
        "tokens/s": short(costs.get("train_tokens_per_second")),
        "latency ms": short(None if latency is None else 1000 * latency),
        "MiB": short(None if memory is None else memory / 2**20),
    }


def _score(row: BoardRow) -> str:
    if row.mean is not None:
        return f"{row.mean:.4f}"
    return row.holes[0].status if row.holes else ""


def _p_text(row: BoardRow) -> str:
    if row.p_value is None:
        return ""
    if not row.paired_seeds:
        return "exact"
    return "<0.001" if row.p_value < 0.001 else f"{row.p_value:.3f}"


def short(value: float | None) -> str:
    """A number in few characters: 2.24M, 980, 4.70."""
    if value is None:
        return ""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return _three_digits(value / size) + unit
    return _three_digits(value)


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def shown_columns(lines: Sequence[dict[str, str]], *, width: float) -> dict[str, int]:
    """The columns that say something, with their widths; as many of the dispensable ones as fit into ``width``."""
    columns = [name for name in lines[0] if any(line[name] for line in lines)]
    for name, silent in (("trials", ("", "1")), ("vs best", ("", "best"))):
        if all(line[name] in silent for line in lines):
            columns = [column for column in columns if column != name]
    widths = {name: max(len(name), *(len(line[name]) for line in lines)) for name in columns}
    chosen = [name for name in columns if name not in IF_THERE_IS_ROOM]
    room = width - sum(widths[name] + GAP for name in chosen)
    if WRAPPED in chosen:
        room += widths[WRAPPED]
        widths[WRAPPED] = min(widths[WRAPPED], int(max(NARROW, min(WIDE, room))))
        room -= widths[WRAPPED]
    for name in IF_THERE_IS_ROOM:
        if name in columns and widths[name] + GAP <= room:
            chosen.append(name)
            room -= widths[name] + GAP
    return {name: widths[name] for name in columns if name in chosen}


def notes(table: BoardTable) -> list[str]:
    """What stands below a table: holes with their reasons, remarks on rows, messages."""
    lines = []
    for row in table.rows:
        for hole in row.holes:
            seeds = ", ".join(map(str, hole.seeds))
            lines.append(f"{row.label}, seed{'s' * (len(hole.seeds) > 1)} {seeds}: {hole.status}: {hole.reason}")
        lines += [f"{row.label}: {remark}" for remark in row.remarks]
    return [plain(line) for line in [*lines, *table.messages]]


def across_lines(across: AcrossTasks) -> tuple[str, list[dict[str, str]], list[dict[str, str]], list[str]]:
    """Title, lines of ranks, lines of chances, and notes of the comparison across tables."""
    kind = kind_in_words(across.tuned, across.matched)
    title = f"across {len(across.tables)} tables: {', '.join(across.tables)}{kind}"
    ranks = [
        {"row": plain(row), "mean rank": f"{rank:.2f}"}
        for row, rank in zip(across.rows, across.mean_ranks, strict=True)
    ]
    chances = [
        {
            "row": plain(chance.row),
            "over": plain(chance.over),
            "P(improvement)": f"{chance.probability:.2f}",
            "95 % interval": "" if chance.low is None else f"{chance.low:.2f} to {chance.high:.2f}",
        }
        for chance in across.chances
    ]
    return plain(title), ranks, chances, [plain(line) for line in [_friedman_text(across), *across.messages]]


def _friedman_text(across: AcrossTasks) -> str:
    size = f"N = {len(across.tables)} tables, {len(across.rows)} rows"
    if across.friedman is None:
        return f"{size}: Friedman's test needs three rows"
    test = across.friedman
    f = "infinite (all tables agree)" if test.f is None else f"{test.f:.2f}"
    return (
        f"{size}. Friedman's test (Iman and Davenport): F = {f}, p = {test.p_value:.3g}. Nemenyi: mean ranks that are "
        f"closer than {test.critical_difference:.2f} cannot be told apart (p ≤ 0.05). Weak with few tables; blind to "
        "the size of differences; takes data sets of one task for independent; changes with the rows that take part."
    )


def terminal(board: Board, *, width: int = WIDTH) -> str:
    """Tables no wider than ``width`` unless names are; what was left out is not repeated."""
    parts = []
    for table in board.tables:
        lines = [cells(row) for row in table.rows]
        parts += _draw(table.title, lines, shown_columns(lines, width=width))
        parts += [*(_wrapped(f"  {note}", width) for note in notes(table)), ""]
    for across in board.across:
        title, ranks, chances, further = across_lines(across)
        parts += [*_draw(title, ranks), ""]
        parts += _draw("the chance that a run of a row beats one of another", chances)
        parts += [*(_wrapped(f"  {note}", width) for note in further), ""]
    return "\n".join([*parts, _wrapped(LEGEND, width)])


def _draw(title: str, lines: Sequence[dict[str, str]], columns: Mapping[str, int] | None = None) -> list[str]:
    """A table of the ``columns``, name -> width (None: all of the lines')."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = list(columns or lines[0])
    drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False)
    for name in names:
        limit = columns[name] if columns and name == WRAPPED else None
        drawn.add_column(name, justify="left" if name in LEFT else "right", no_wrap=limit is None, max_width=limit)
    for line in lines:
        drawn.add_row(*(Text(line[name]) for name in names))
    # Columns were chosen to fit already; what is still too wide must not be cut.
    console = Console(file=io.StringIO(), width=10_000, color_system=None)
    with console.capture() as captured:
        console.print(drawn)
    return [plain(title), *(line.rstrip() for line in captured.get().splitlines() if line.strip())]


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def markdown(board: Board) -> str:
    """The terminal's tables in GitHub's Markdown, with every column that says something."""
    parts = []
    for table in board.tables:
        lines = [cells(row) for row in table.rows]
        parts += [f"### {_safe(table.title)}", "", *_markdown_table(shown_columns(lines, width=math.inf), lines), ""]
        parts += _bullets(notes(table))
    for across in board.across:
        title, ranks, chances, further = across_lines(across)
        parts += [f"### {_safe(title)}", "", *_markdown_table(list(ranks[0]), ranks), ""]
        parts += [*_markdown_table(list(chances[0]), chances), "", *_bullets(further)]
    return "\n".join(
        [*parts, LEGEND, "", *_bullets(f"left out: {plain(message)}" for message in board.messages)]
    ).rstrip()


def _markdown_table(columns: Iterable[str], lines: Sequence[dict[str, str]]) -> list[str]:
    columns = list(columns)
    rule = ["---" if name in LEFT else "--:" for name in columns]
    body = [[_safe(line[name]) for name in columns] for line in lines]
    return ["| " + " | ".join(row) + " |" for row in [columns, rule, *body]]


def _bullets(lines: Iterable[str]) -> list[str]:
    written = [f"- {_safe(line)}" for line in lines]
    return [*written, ""] if written else []


def _safe(text: str) -> str:
    return html.escape(text, quote=False).replace("|", "\\|")


def as_json(board: Board) -> str:
    """The whole board."""
    return json.dumps(board.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)


def as_csv(board: Board) -> str:
    """Every column of every row, numbers in full; lists are joined by spaces, holes and remarks by semicolons."""
    lines = []
    for table in board.tables:
        place = {name: getattr(table, name) for name in ("task", "data", "test_set", "tuned", "matched", "metric")}
        for row in table.rows:
            line = place | asdict(row)
            line |= line.pop("costs")
            line["seeds"], line["scores"] = (" ".join(map(str, line[name])) for name in ("seeds", "scores"))
            line["holes"] = "; ".join(f"{hole.status}: {hole.reason}" for hole in row.holes)
            line["remarks"] = "; ".join(row.remarks)
            lines.append(line)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().rstrip("\n")


FORMATS: dict[str, Callable[[Board], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "csv": as_csv,
    "json": as_json,
}
