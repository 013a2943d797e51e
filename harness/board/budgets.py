"""Whether the rows of a table were trained alike: with the same budget and the same loss.

Only the standard library is needed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from harness.board.names import shared_words, without
from harness.board.row import Row, effort_of
from harness.board.tables import BoardRow
from harness.records.printable import cut, plain

ALIKE = (
    *(("training", key) for key in ("steps", "patience", "batch_tokens", "batch_rows", "accumulate_batches")),
    *(("task", key) for key in ("class_weights", "focal_gamma", "label_smoothing")),
)
"""What every mechanism of a table gets the same of."""

MOST_NAMED = 5
"""So many rows are named by each value."""


def budget_remarks(rows: Sequence[tuple[BoardRow, Row]]) -> list[str]:
    """The settings of ``ALIKE`` in which the trained networks differ: value and rows, those of most rows "others".

    What a search chose is no difference in what was given, and a row that does not have the setting tells nothing.
    """
    remarks = []
    trained = [(line, row) for line, row in rows if row.records and not row.floor]
    shared = shared_words(line.label for line, row in rows if not row.floor)
    for part, key in ALIKE:
        found: dict[str, list[str]] = defaultdict(list)
        for line, row in trained:
            values = row.sample["config"].get(part)
            if isinstance(values, Mapping) and key in values and not _searched(row, f"{part}.{key}"):
                found[plain(cut(str(values[key]), 40))].append(without(line.label, shared))
        if len(found) > 1:
            remarks.append(f"{part}.{key} differs: {_told(found)}")
    return remarks


def _searched(row: Row, key: str) -> bool:
    space: Any = effort_of(row.sample).get("space")
    return isinstance(space, Mapping) and key in space


def _told(found: Mapping[str, Sequence[str]]) -> str:
    """Each value with its rows, those of the fewest rows first."""
    *fewer, (usual, most) = sorted(found.items(), key=lambda item: (len(item[1]), item[1]))
    told = [f"{value} ({_named(labels)})" for value, labels in fewer]
    return ", ".join([*told, f"{usual} ({'others' if len(most) > 1 else most[0]})"])


def _named(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - MOST_NAMED} more" if len(labels) > MOST_NAMED else ""
    return ", ".join(labels[:MOST_NAMED]) + more
