"""Which splits of a run's data were drawn from train and by which seed, and whether each seed of a table drew its own.

Only the standard library is needed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from harness.board.row import folds_of, replicate_of
from harness.records.record import DrawnSplits, Record

TOLD = re.compile(r"([\d.e-]+ % for \w+(?: and [\d.e-]+ % for \w+)*) drawn from train by seed (\d{1,20})(?!\d)")
"""How ``data_source`` tells it, in records of before ``drawn_splits`` too."""


def drawn_splits(record: Mapping[str, Any]) -> Sequence[DrawnSplits]:
    """As the record has it. Of an older one: as its ``data_source`` tells, or else as its configuration asks for."""
    if "drawn_splits" in record:
        known: Sequence[DrawnSplits] = record["drawn_splits"]
        return known
    told: list[DrawnSplits] = [
        {"splits": re.findall(r"for (\w+)", words), "seed": int(seed)}
        for words, seed in TOLD.findall(str(record.get("data_source", "")))
    ]
    return told or _asked_for(record["config"].get("data", {}))


def splits_are_drawn(records: Sequence[Record]) -> bool:
    """Whether each seed drew its own splits: most runs' own seed drew some, and no two of these have the same data.

    Folds are drawn splits too. A run whose ``data.seed`` is not its own (it is fixed) draws the same for every seed.
    """
    seeds: dict[str, set[int]] = defaultdict(set)
    drawing = [record for record in records if folds_of(record) is not None or drawn_by_own_seed(record)]
    for record in drawing:
        seeds[record["data_fingerprint"] or ""].add(replicate_of(record))
    return 2 * len(drawing) > len(records) and all(len(found) == 1 for found in seeds.values())


def drawn_by_own_seed(record: Mapping[str, Any]) -> list[str]:
    """The splits that the run's own seed drew."""
    return [name for drawn in drawn_splits(record) if drawn["seed"] == record["seed"] for name in drawn["splits"]]


def _asked_for(source: Mapping[str, Any]) -> list[DrawnSplits]:
    """The splits with a fraction, whether or not they were missing, of a source and of those inside it."""
    names = [name for name in ("validation", "test") if source.get(f"{name}_fraction") is not None]
    seed = source.get("seed")
    own: list[DrawnSplits] = [{"splits": names, "seed": seed}] if names and isinstance(seed, int) else []
    return own + [drawn for value in source.values() if isinstance(value, Mapping) for drawn in _asked_for(value)]
