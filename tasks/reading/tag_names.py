"""Tags that are numbers, as many published files have them, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tasks.reading.splits import Split


def with_names(split: Split, names: Sequence[str], *, column: str) -> Split:
    """The split with the numbers in lists of tags replaced by ``names[number]``; what is a name already stays.

    Raises ValueError, with the place, for a number that has no name. What is no list is left to ``check_rows``.
    """
    known = [str(name) for name in names]
    rows = []
    for index, row in enumerate(split.rows):
        tags = row.get(column)
        if not isinstance(tags, list):
            rows.append(row)
            continue
        try:
            rows.append({**row, column: [_name(tag, known) for tag in tags]})
        except ValueError as error:
            raise ValueError(f"{split.place(index)}: {error}") from None
    return replace(split, rows=rows)


def _name(tag: Any, names: Sequence[str]) -> Any:
    text = str(tag)
    if isinstance(tag, bool) or not isinstance(tag, int | str) or text in names:
        return tag
    if text.isdecimal() and int(text) < len(names):
        return names[int(text)]
    raise ValueError(
        f"expected a tag among the {len(names)} of data.tag_names ({', '.join(names[:10])}), or its number from 0, got "
        f"{text[:40]!r}; name it there, or correct the row"
    )
