"""The parts of a corpus: rows that know their place, and the drawing of parts that a corpus lacks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from tasks.base import Row

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """The rows of one split and where each of them stands: ``place(index)`` says it in words, for messages."""

    rows: list[Row]
    place: Callable[[int], str]

    def take(self, indices: Sequence[int]) -> Split:
        """Some of the rows, which keep their places."""
        return Split([self.rows[index] for index in indices], lambda index: self.place(indices[index]))


def split_off(splits: dict[str, Split], fractions: Mapping[str, float | None], *, seed: int) -> dict[str, Split]:
    """Give every missing split its fraction of train's rows, drawn by ``seed``; rows keep their order.

    Raises ValueError for a fraction outside (0, 1) and for fractions that leave a split empty.
    """
    if all(name in splits or fractions[name] is None for name in ("validation", "test")):
        return splits
    train = splits["train"]
    order = np.random.default_rng([seed, crc32(b"split")]).permutation(len(train.rows))
    parts: dict[str, list[int]] = {}
    for name in ("validation", "test"):
        fraction = fractions[name]
        if name in splits or fraction is None:
            continue
        if not 0 < fraction < 1:
            raise ValueError(f"expected data.{name}_fraction between 0 and 1, got {fraction}")
        count = round(fraction * len(train.rows))
        parts[name], order = sorted(order[:count].tolist()), order[count:]
    parts["train"] = sorted(order.tolist())
    for name, indices in parts.items():
        if not indices:
            raise ValueError(f"{len(train.rows)} rows of train leave none for the split {name!r}; change the fractions")
    return splits | {name: train.take(indices) for name, indices in parts.items()}


def fingerprint_of(splits: Mapping[str, Sequence[Row]]) -> str:
    """SHA-256 over all rows of all splits, in order: equal exactly if the data are equal."""
    digest = hashlib.sha256()
    encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=str).encode
    for name, rows in splits.items():
        digest.update(f"{name} {len(rows)}\n".encode())
        for row in rows:
            digest.update(encode(dict(row)).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def row_namer(where: str) -> Callable[[int], str]:
    """The ``place`` of rows that stand in no file with lines."""
    return lambda index: f"{where}, row {index + 1}"
