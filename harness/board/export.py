"""A board for other programs: JSON has everything, CSV one line a row, pair, win rate and chance."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from harness.board.tables import AcrossTasks, Board, BoardRow, BoardTable, Pair


def as_json(board: Board, *, answer: bool = False) -> str:
    """The whole board; with ``answer`` its overviews, the answers of its tables and what was left out."""
    content = board.as_dict()
    if answer:
        kept = ("task", "data", "test_set", "tuned", "matched", "metric", "margin", "answer")
        content["tables"] = [{name: table[name] for name in kept} for table in content["tables"]]
        del content["across"]
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)


def as_csv(board: Board, *, answer: bool = False) -> str:
    """One line a ``record``: ``row`` and ``pair`` of each table, ``win rate`` and ``chance`` of each comparison across.

    Numbers in full; lists are joined by spaces, holes and remarks by semicolons; columns of other kinds of record stay
    empty. With ``answer`` only rows, which have every number of the overview.
    """
    lines = [line for table in board.tables for line in _rows(table)]
    if not answer:
        lines += [line for table in board.tables for line in _pairs(table)]
        lines += [line for across in board.across for line in _across(across)]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for line in lines for name in line)), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in line.items()} for line in lines)
    return text.getvalue().rstrip("\n")


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula, behind an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _place(table: BoardTable, record: str) -> dict[str, Any]:
    names = ("task", "data", "test_set", "tuned", "matched", "metric", "margin")
    return {"record": record} | {name: getattr(table, name) for name in names}


def _rows(table: BoardTable) -> Iterator[dict[str, Any]]:
    place = _place(table, "row")
    for row in table.rows:
        own = {name: value for name, value in vars(row).items() if name not in ("vs_best", "vs_none", "cost_ratios")}
        line = place | {"row": row.label} | own | own.pop("costs")
        line.pop("costs")
        line["seeds"], line["scores"] = (" ".join(map(str, line[name])) for name in ("seeds", "scores"))
        line["holes"] = "; ".join(f"{hole.status}: {hole.reason}" for hole in row.holes)
        line["remarks"] = "; ".join(row.remarks)
        yield line | _against(row) | {f"{name}_ratio": row.cost_ratios.get(name) for name in row.costs}


def _against(row: BoardRow) -> dict[str, Any]:
    """The comparisons with the best and with ``none``, each number in a column of its own."""
    found: dict[str, Any] = {}
    for name, pair in (("vs_best", row.vs_best), ("vs_none", row.vs_none)):
        numbers: dict[str, Any] = dict.fromkeys(Pair.__dataclass_fields__) if pair is None else vars(pair)
        found |= {f"{name}_{key}": value for key, value in numbers.items() if key != "row"}
    return found


def _pairs(table: BoardTable) -> Iterator[dict[str, Any]]:
    place = _place(table, "pair")
    for pair in table.pairs:
        yield place | vars(pair)


def _across(across: AcrossTasks) -> Iterator[dict[str, Any]]:
    place = {"tuned": across.tuned, "matched": across.matched, "tables": "; ".join(across.tables)}
    for row in across.rows:
        yield {"record": "win rate"} | place | asdict(row)
    for chance in across.chances:
        yield {"record": "chance"} | place | asdict(chance)
