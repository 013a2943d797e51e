"""BIO tags (IOB2): ``B-X`` begins a span of type X, ``I-X`` continues one, ``O`` is outside of every span.

A sequence is valid if each ``I-X`` directly follows ``B-X`` or ``I-X`` of the same type.
Ramshaw & Marcus 1995, https://aclanthology.org/W95-0107; the variant in which every span begins with B is IOB2,
Tjong Kim Sang & Veenstra 1999, https://aclanthology.org/E99-1023

K number of tags
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from tasks.labels.names import label_name

OUTSIDE = "O"


Remedy = Literal["error", "repair"]


class Legal(NamedTuple):
    """Which tags may follow which: ``transitions_KK[i, j]`` (from i to j) and ``start_K``, True = allowed."""

    transitions_KK: Tensor
    start_K: Tensor


def split_tag(tag: str) -> tuple[str, str]:
    """The prefix and the type of a tag; the type of ``O`` is empty.

    Raises ValueError for what is not a BIO tag.
    """
    prefix, _, kind = tag.partition("-")
    if tag == OUTSIDE or (prefix in ("B", "I") and kind):
        return prefix, kind
    raise ValueError(
        f"expected BIO tags (O, B-TYPE, I-TYPE), got {tag!r}; convert the tags to BIO, "
        "or name the numbers of tags with data.tag_names=[O,B-PER,…]"
    )


def may_follow(previous: str, tag: str) -> bool:
    """True if ``tag`` may stand right after ``previous``; a text starts as after ``O``."""
    prefix, kind = split_tag(tag)
    return prefix != "I" or (previous != OUTSIDE and split_tag(previous)[1] == kind)


def check_tags(tags: Sequence[str]) -> None:
    """Raise ValueError, naming the first offending tag and its place, unless the sequence is valid BIO."""
    previous = OUTSIDE
    for place, tag in enumerate(tags):
        if not may_follow(previous, tag):
            kind = split_tag(tag)[1]
            after = f"after {previous}" if place else "at the start"
            raise ValueError(
                f"expected {tag} to continue a span of type {kind}, got it {after} (tag {place}); "
                "correct the tags, or set task.invalid_bio=repair to begin a span there"
            )
        previous = tag


def repaired(tags: Sequence[str]) -> list[str]:
    """Valid BIO: each ``I-X`` that continues nothing becomes ``B-X``, as conlleval reads it."""
    valid: list[str] = []
    for tag in tags:
        if not may_follow(valid[-1] if valid else OUTSIDE, tag):
            tag = f"B-{split_tag(tag)[1]}"
        valid.append(tag)
    return valid


def checked_remedy(remedy: Remedy) -> Remedy:
    """What to do with invalid tags, if it is something known; else ValueError."""
    if remedy not in ("error", "repair"):
        raise ValueError(f"expected task.invalid_bio to be error or repair, got {remedy!r}")
    return remedy


def valid_tags(tags: Sequence[str], *, remedy: Remedy) -> list[str]:
    """The tags, valid: repaired, or ValueError if they are not."""
    if remedy == "repair":
        return repaired(tags)
    check_tags(tags)
    return list(tags)


def inventory(sequences: Iterable[Sequence[str]]) -> list[str]:
    """``O``, then ``B-X`` and ``I-X`` of every type that occurs, sorted by type."""
    kinds = sorted({split_tag(tag)[1] for tag in {tag for tags in sequences for tag in tags}} - {""})
    return [OUTSIDE, *(f"{prefix}-{kind}" for kind in kinds for prefix in "BI")]


def type_words(labels: Sequence[str]) -> list[list[str]]:
    """The words of each type, once; ``other`` where there is no type at all."""
    kinds = dict.fromkeys(kind for _, kind in map(split_tag, labels) if kind)
    return [label_name(kind) for kind in kinds] or [["other"]]


def legal(labels: Sequence[str]) -> Legal:
    """The transitions between ``labels`` that keep a sequence valid."""
    transitions = [[may_follow(previous, tag) for tag in labels] for previous in labels]
    start = [may_follow(OUTSIDE, tag) for tag in labels]
    # On the CPU even where a default device is set: what is decided by these values needs them.
    return Legal(torch.tensor(transitions, device="cpu"), torch.tensor(start, device="cpu"))
