"""The parts of a corpus: rows that know their place, and the drawing of parts that a corpus lacks."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from zlib import crc32

import numpy as np

from tasks.base import Row

SPLITS = ("train", "validation", "test")


class Drawn(NamedTuple):
    """Splits that a data set lacked and ``seed`` drew from its train."""

    splits: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Split:
    """The rows of one split and where each of them stands: ``place(index)`` says it in words, for messages.

    ``said``: what was decided while its file was read, in words. ``drawn``: the drawings that chose its rows.
    """

    rows: list[Row]
    place: Callable[[int], str]
    said: tuple[str, ...] = ()
    drawn: tuple[Drawn, ...] = ()

    def take(self, indices: Sequence[int]) -> Split:
        """Some of the rows, which keep their places."""
        rows = [self.rows[index] for index in indices]
        return Split(rows, lambda index: self.place(indices[index]), drawn=self.drawn)


def split_off(
    splits: dict[str, Split],
    fractions: Mapping[str, float | None],
    *,
    seed: int,
    labels_of: Callable[[Row], Sequence[str]],
) -> dict[str, Split]:
    """Give every missing split its fraction of train's rows, drawn by ``seed``; rows keep their order.

    Each label has about the same share in all splits, and train keeps a row of each. Of a row with several labels the
    rarest decides where it goes.

    Raises ValueError for a fraction outside (0, 1), for fractions that leave a split empty, or a label out of train.
    """
    missing = {name: share for name, share in fractions.items() if name not in splits and share is not None}
    if not missing:
        return splits
    train = splits["train"]
    counts = _counts(missing, len(train.rows))
    random = np.random.default_rng([seed, crc32(b"split")])
    labels = [labels_of(row) for row in train.rows]
    stay, pool = first_of_each(labels, random.permutation(len(train.rows)).tolist())
    if len(stay) > counts["train"]:
        given = " and ".join(f"data.{name}_fraction={share:g}" for name, share in missing.items())
        raise ValueError(
            f"{given} leave {counts['train']} of {len(train.rows)} rows to train, but {len(stay)} are needed to show "
            "each label there; lower the fractions, or leave out rows of rare labels with data.exclude"
        )
    parts: dict[str, list[int]] = {}
    for name in missing:
        parts[name] = _drawn(strata(labels), pool, counts[name], random)
        gone = set(parts[name])
        pool = [row for row in pool if row not in gone]
    train = replace(train, drawn=(*train.drawn, Drawn(tuple(missing), seed)))
    return splits | {name: train.take(sorted(rows)) for name, rows in {"train": [*stay, *pool], **parts}.items()}


def _counts(shares: Mapping[str, float], rows: int) -> dict[str, int]:
    """How many of ``rows`` each split gets, and how many are left to train; ValueError if one gets none."""
    for name, share in shares.items():
        if not 0 < share < 1:
            raise ValueError(f"expected data.{name}_fraction between 0 and 1, got {share}")
    counts = {name: round(share * rows) for name, share in shares.items()}
    counts["train"] = rows - sum(counts.values())
    for name, count in counts.items():
        if count < 1:
            given = " and ".join(f"data.{other}_fraction={share:g}" for other, share in shares.items())
            raise ValueError(f"{rows} rows of train leave none for the split {name!r} by {given}; change the fractions")
    return counts


def first_of_each(labels: Sequence[Sequence[str]], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """The rows that show a label which none before them in ``order`` shows, and the others; both in that order.

    ``labels``: of each row.
    """
    shown: set[str] = set()
    first: list[int] = []
    others: list[int] = []
    for row in order:
        (others if shown.issuperset(labels[row]) else first).append(row)
        shown.update(labels[row])
    return first, others


def strata(labels: Sequence[Sequence[str]]) -> list[str | None]:
    """For each row the rarest of its labels, by the number of rows that have it; None where it has none."""
    rows = Counter(label for found in labels for label in set(found))
    return [min(found, key=lambda label: (rows[label], label), default=None) for found in labels]


def _drawn(strata: Sequence[str | None], pool: Sequence[int], count: int, random: np.random.Generator) -> list[int]:
    """``count`` rows of ``pool``, the first of each stratum, as many as its share of all rows; odd ones by lot."""
    groups: dict[str | None, list[int]] = defaultdict(list)
    for row in pool:
        groups[strata[row]].append(row)
    sizes = Counter(strata)
    shares = {stratum: count * sizes[stratum] / len(strata) for stratum in groups}
    taken = {stratum: min(int(share), len(groups[stratum])) for stratum, share in shares.items()}
    lots = dict(zip(groups, random.permutation(len(groups)).tolist(), strict=True))
    while (lacking := count - sum(taken.values())) > 0:
        open_ones = [stratum for stratum in groups if taken[stratum] < len(groups[stratum])]
        open_ones.sort(key=lambda stratum: (taken[stratum] - shares[stratum], lots[stratum]))
        for stratum in open_ones[:lacking]:
            taken[stratum] += 1
    return [row for stratum, rows in groups.items() for row in rows[: taken[stratum]]]


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
