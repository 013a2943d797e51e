"""What tells rows of one name apart, in words: the settings in which they differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

from harness.board.row import Row
from harness.records.printable import cut, plain

ABSENT = "(not there)"
"""Shown in place of the value of a setting that a configuration lacks."""


def settings_that_differ(rows: Iterable[Row]) -> dict[str, str]:
    """For rows of the same names, the settings in which they differ, as ``key=value`` words; by the row's key."""
    words = {}
    for group in _by_names(rows):
        differing = _differing(group)
        words.update({row.key: _words(row.settings, differing) if differing else "" for row in group})
    return words


def names_across(tables: Sequence[Sequence[Row]]) -> dict[str, str]:
    """By its key, a name for each row that a system has in every table: its names and the settings that tell it apart.

    Told apart are rows of the same names by what parts them in some table, and by any setting of the mechanism or of
    positions. What else differs from table to table is the task's or its recipe's, and the same for all rows there.
    """
    names = {}
    inside: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for group in (group for table in tables for group in _by_names(table)):
        inside[group[0].names].update(_differing(group))
    for group in _by_names(row for table in tables for row in table):
        differing = inside[group[0].names]
        differing |= {key for key in _differing(group) if key.startswith(("model.", "position."))}
        for row in group:
            names[row.key] = " ".join(filter(None, (*row.names, _words(row.settings, sorted(differing)))))
    return names


def shared_words(labels: Iterable[str]) -> list[str]:
    """The backbone and the position where every label has the same; settings always stay."""
    found = [list(takewhile(lambda word: "=" not in word, label.split(" ")[1:])) for label in labels]
    return [word for word in (found[0] if found else []) if all(word in words for words in found)]


def without(label: str, words: Sequence[str]) -> str:
    """A label that leaves these words unsaid; the mechanism always stays."""
    model, *rest = label.split(" ")
    return plain(" ".join([model, *(word for word in rest if word not in words)]))


def _by_names(rows: Iterable[Row]) -> Iterable[list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.names].append(row)
    return groups.values()


def _differing(rows: Sequence[Row]) -> list[str]:
    """The settings in which the rows differ; of a single row none are read."""
    if len(rows) < 2:
        return []
    found = [row.settings for row in rows]
    keys = sorted({key for values in found for key in values})
    return [k for k in keys if len({repr(v.get(k, ABSENT)) for v in found}) > 1 and "names." not in k]


def _words(values: Mapping[str, Any], keys: Sequence[str]) -> str:
    return " ".join(cut(f"{key}={values.get(key, ABSENT)}") for key in keys)
