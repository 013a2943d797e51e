"""What a reader of scores must know of the data, in words: of one run, or of all runs of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MANY = 0.05
"""From this share on, rows of a split that also stand in train are more than chance leaves in most real data."""

HALF = 0.5
"""Where pretrained vectors are those of fewer words, or tokens, they do little."""

MOST_GROUPS = 5
"""So many groups of labels that look alike are named."""


def data_notes(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """By what texts are scored, rows that splits share, rows left out, labels that look alike; or of facts of runs.

    Where runs differ (each seed draws its own splits), the largest number stands for all.
    """
    about = (_said, _deduplicated, _repeated, _dropped, _similar, encoded_notes)
    return [note for notes in about for note in notes(records)]


def encoded_notes(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is known only once the texts are encoded."""
    return [*overlong_notes(records), *coverage_notes(records)]


def overlong_notes(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many texts are longer than ``encoding.max_length``; known only once they are encoded."""
    return [
        f"{_most(texts)} texts of {split} are longer than encoding.max_length, and were read as "
        "encoding.overlong says (in windows unless it says otherwise)"
        for split, texts in _counted(records, "overlong_texts")
    ]


def coverage_notes(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of which splits pretrained vectors cover less than half, and what of their file is left out."""
    notes = []
    for record in records:
        vectors = record.get("vectors")
        if not isinstance(vectors, Mapping):
            continue
        coverage = vectors.get("coverage")
        for split, shares in coverage.items() if isinstance(coverage, Mapping) else ():
            types, tokens = (_share(shares, name) for name in ("types", "tokens"))
            if min(types, tokens) < HALF:
                notes.append(
                    f"{vectors.get('path')} has a vector for {types:.0%} of the different words of {split} and for "
                    f"{tokens:.0%} of its tokens; are these vectors of its language, and its words written alike?"
                )
        if _number(vectors, "undecodable"):
            notes.append(
                f"{vectors.get('path')}: {_number(vectors, 'undecodable'):,} words are no UTF-8 and left out, the "
                f"first in {vectors.get('first_undecodable')}; convert the file to UTF-8"
            )
    return list(dict.fromkeys(notes))


def _share(shares: Any, name: str) -> float:
    value = shares.get(name) if isinstance(shares, Mapping) else None
    return float(value) if isinstance(value, int | float) else 1.0


def _said(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the runs themselves noted of their texts."""
    found = [record["text_notes"] for record in records if isinstance(record.get("text_notes"), list)]
    return list(dict.fromkeys(str(note) for notes in found for note in notes))


def _deduplicated(records: Sequence[Mapping[str, Any]]) -> list[str]:
    counts = [_number(record, "deduplicated_rows") for record in records]
    if not any(counts):
        return []
    return [f"{_most(counts)} rows of train are left out, for they also stand in other splits (data.deduplicate)"]


def _repeated(records: Sequence[Mapping[str, Any]]) -> list[str]:
    answer = "label" if any(record.get("label_counts") for record in records) else "target"
    notes = []
    for split in _splits(records, "repeated_rows"):
        rows = max(_number(record, "data_sizes", split) for record in records)
        known = max(_number(record, "repeated_rows", split, "train", "text") for record in records)
        parts = []
        for earlier in ("train", "validation"):
            texts = [_number(record, "repeated_rows", split, earlier, "text") for record in records]
            same = [_number(record, "repeated_rows", split, earlier, "text_and_label") for record in records]
            if max(texts):
                parts.append(f"{_most(texts)} also stand in {earlier} ({_most(same)} with the same {answer})")
        if parts:
            warning = "; what is scored on these can be learnt by heart" if known >= MANY * rows else ""
            notes.append(f"of {rows:,} rows of {split} {' and '.join(parts)}{warning}")
    return notes


def _dropped(records: Sequence[Mapping[str, Any]]) -> list[str]:
    notes = []
    for split, dropped in _counted(records, "dropped_rows"):
        rows = max(_number(record, "data_sizes", split) for record in records)
        notes.append(
            f"of {rows:,} rows of {split} {_most(dropped)} are left out, for train never shows their label "
            "(data.unseen_labels=drop)"
        )
    return notes


def _similar(records: Sequence[Mapping[str, Any]]) -> list[str]:
    found = [record["similar_labels"] for record in records if isinstance(record.get("similar_labels"), list)]
    groups = {tuple(map(str, group)) for alike in found for group in alike if isinstance(group, list)}
    if not groups:
        return []
    shown = [" and ".join(repr(label[:40]) for label in group) for group in sorted(groups)]
    more = f" and {len(shown) - MOST_GROUPS} more" if len(shown) > MOST_GROUPS else ""
    return [
        f"labels that look alike, but are different ones: {'; '.join(shown[:MOST_GROUPS])}{more}; "
        "if they are meant as one, correct the data"
    ]


def _most(counts: Sequence[int]) -> str:
    return f"{'up to ' if len(set(counts)) > 1 else ''}{max(counts):,}"


def _counted(records: Sequence[Mapping[str, Any]], key: str) -> Iterator[tuple[str, list[int]]]:
    """Each split of which some record counts more than none, with the count of every record."""
    for split in _splits(records, key):
        counts = [_number(record, key, split) for record in records]
        if max(counts):
            yield split, counts


def _splits(records: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(split for record in records for split in record.get(key) or ()))


def _number(record: Mapping[str, Any], *path: str) -> int:
    """A number in a record; 0 if there is none, as in records of before."""
    value: Any = record
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) else 0
