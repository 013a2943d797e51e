"""Attention maps in the report: the same test examples for every row, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.comparison.scoring import is_right
from harness.records.printable import plain
from harness.report import charts
from harness.report.evidence import Folders, Line

EXAMPLES = 3
"""So many test examples have attention maps."""

MOST_TOKENS = 40
"""Longer texts have no map: it could not be read."""


def attention_maps(lines: Sequence[Line], folders: Folders) -> dict[str, Any]:
    """The same test examples for every row: of each kind of site the map of its last site, heads averaged."""
    stored = []
    for line in lines:
        found = next(filter(None, (folders.attention(record) for record in line.records)), None)
        if found is not None:
            stored.append((line, {row["row"]: row for row in found["rows"]}))
    examples = sorted({row for _line, rows in stored for row in rows})[:EXAMPLES]
    having = {line.number for line, _rows in stored}
    return {
        "missing": [line.name for line in lines if line.number not in having and not line.row.floor],
        "examples": [
            {
                "row": row,
                "gold": next(plain(_words(rows[row]["gold"])) for _line, rows in stored if row in rows),
                "kinds": _kinds([(line, rows[row]) for line, rows in stored if row in rows]),
            }
            for row in examples
        ],
    }


def _kinds(found: Sequence[tuple[Line, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """The maps of an example by kind of site, side by side over the rows of the table.

    ``site``: its name where it is the same in all of them; else each has its own beside it. ``width``: of the widest.
    """
    kinds = []
    for name in dict.fromkeys(made["kind"] for _line, row in found for made in row["maps"]):
        figures = [
            _figure(line, row, [made for made in row["maps"] if made["kind"] == name][-1])
            for line, row in found
            if any(made["kind"] == name for made in row["maps"])
        ]
        sites = {figure["site"] for figure in figures}
        site = next(iter(sites)) if len(sites) == 1 else ""
        kinds.append({"kind": name, "site": site, "width": max(f["width"] for f in figures), "figures": figures})
    return kinds


def _figure(line: Line, row: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    rows, columns = [plain(token) for token in made["rows"]], [plain(token) for token in made["columns"]]
    fits = 0 < len(rows) <= MOST_TOKENS and 0 < len(columns) <= MOST_TOKENS
    return {
        "label": line.name,
        "number": line.number,
        "site": made["site"],
        "right": is_right(row),
        "predicted": plain(_words(row["predicted"])),
        "width": round(charts.map_width(rows, columns)) if fits else 0,
        "chart": charts.heat_map(made["weights"], rows, columns, title=f"attention of {line.name}") if fits else "",
    }


def _words(value: Any) -> str:
    """A label or a text; tags and several references one after the other."""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 120 else f"{text[:120]} …"
