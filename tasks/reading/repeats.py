"""Rows that stand in more than one split: what makes them the same, and how train is freed of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from tasks.base import Row, Task
from tasks.reading.columns import text_of

Deduplicate = Literal["none", "exact", "text"]

Texts = tuple[str, ...]


def texts_of(row: Row, task: Task) -> Texts:
    """The texts of a row; they are compared up to blanks, a pair by both."""
    return tuple(" ".join(text_of(row[column]).split()) for column in task.text_columns)


def answers_of(row: Row, task: Task) -> list[str]:
    """What may be right, each as one text: the label, all tags, or each of the texts that may be written."""
    value = row[task.label_column]
    if task.generates:
        return value if isinstance(value, list) else [value]
    return [repr(value)]


def answers_by_texts(rows: Iterable[Row], task: Task) -> Mapping[Texts, set[str]]:
    """What may be right for each text of some rows."""
    found: dict[Texts, set[str]] = defaultdict(set)
    for row in rows:
        found[texts_of(row, task)].update(answers_of(row, task))
    return dict(found)


def not_repeated(rows: Sequence[Row], others: Iterable[Row], task: Task, *, by: Deduplicate) -> list[int]:
    """The rows that do not stand among ``others``: ``exact`` by text and label (one in common), or by ``text``."""
    known = answers_by_texts(others, task)
    kept = []
    for index, row in enumerate(rows):
        there = known.get(texts_of(row, task))
        same = there is not None and (by == "text" or not there.isdisjoint(answers_of(row, task)))
        if by == "none" or not same:
            kept.append(index)
    return kept
