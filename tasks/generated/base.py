"""What the bundled corpora share: sizes, knobs, seeded streams, disjoint splits, typing errors.

Every row is drawn from its own stream, named by task, seed, split and row number. So a larger size begins with
the rows of a smaller one, and validation and test never depend on the size of train. Rows are told apart by a
checksum of their content: each content belongs to exactly one split, whatever is drawn, so splits cannot overlap.

Only ``random.Random.random()`` is used, whose sequence Python guarantees across versions
(https://docs.python.org/3/library/random.html#notes-on-reproducibility).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar
from zlib import crc32

Item = TypeVar("Item")
Value = float | int | str | bool
Row = dict[str, Any]

SIZES: Mapping[str, Mapping[str, int]] = {
    "few": {"train": 300, "validation": 50, "test": 50},
    "small": {"train": 6_000, "validation": 500, "test": 1_000},
    "medium": {"train": 20_000, "validation": 1_000, "test": 2_000},
    "large": {"train": 60_000, "validation": 2_000, "test": 5_000},
}
"""The number of rows of each split, by the size's name. ``few`` is for trying things out: networks learn so few rows by
heart before anything else."""

SHARES = ("train", "train", "validation", "test")
"""Which split owns the contents whose checksum leaves the remainder 0, 1, 2 or 3."""


@dataclass(frozen=True)
class Knob:
    """A number that shapes a corpus: its default, the range it may take (inclusive) and what it does."""

    default: float
    low: float
    high: float
    meaning: str


class Stream:
    """A named source of random choices: equal names give equal choices, on every machine."""

    def __init__(self, *name: object) -> None:
        self._next = Random("/".join(str(part) for part in name)).random

    def below(self, bound: int) -> int:
        """An integer in [0, bound)."""
        return int(self._next() * bound)

    def around(self, mean: float) -> int:
        """A whole number near ``mean``, at most one away, and ``mean`` on average; 0 stays 0."""
        spread = self.below(3) - 1 if mean >= 1 else 0
        whole = int(mean)
        return whole + spread + (self._next() < mean - whole)

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._next() < probability

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items."""
        return items[int(self._next() * len(items))]

    def sample(self, items: Sequence[Item], count: int) -> list[Item]:
        """``count`` different items, in random order."""
        pool = list(items)
        for index in range(count):
            other = index + int(self._next() * (len(pool) - index))
            pool[index], pool[other] = pool[other], pool[index]
        return pool[:count]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """All items, in random order."""
        return self.sample(items, len(items))


def words(text: str) -> tuple[str, ...]:
    """The words of a text, as an inventory to draw from."""
    return tuple(text.split())


def owner(content: str) -> str:
    """The split to which a content (a row's text, or an invented name) belongs."""
    return SHARES[crc32(content.encode()) % len(SHARES)]


def check_knobs(knobs: Mapping[str, Value], known: Mapping[str, Knob]) -> dict[str, float]:
    """The defaults overridden by ``knobs``.

    Raises ValueError for an unknown knob and for a value that is not a number in the knob's range.
    """
    unknown = sorted(map(str, set(knobs) - set(known)))
    if unknown:
        raise ValueError(f"expected knobs among {', '.join(known)}, got {', '.join(unknown)}; remove or rename them")
    values = {name: knob.default for name, knob in known.items()}
    for name, value in knobs.items():
        knob = known[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not knob.low <= value <= knob.high:
            raise ValueError(f"expected {name} between {knob.low:g} and {knob.high:g} ({knob.meaning}), got {value!r}")
        values[name] = value
    return values


def generate_splits(
    task: str,
    draw_row: Callable[[Stream, str, Mapping[str, float]], Row],
    *,
    size: str,
    seed: int,
    knobs: Mapping[str, Value],
    known: Mapping[str, Knob],
    sizes: Mapping[str, Mapping[str, int]] = SIZES,
) -> dict[str, list[Row]]:
    """Draw train, validation and test with ``draw_row(stream, split, knob values)``.

    Raises ValueError for an unknown size or knob.
    """
    if size not in sizes:
        raise ValueError(f"expected a size among {', '.join(sizes)}, got {size!r}")
    values = check_knobs(knobs, known)
    return {
        split: [_draw_owned(Stream(task, seed, split, row), split, draw_row, values) for row in range(count)]
        for split, count in sizes[size].items()
    }


def _draw_owned(
    stream: Stream, split: str, draw_row: Callable[[Stream, str, Mapping[str, float]], Row], values: Mapping[str, float]
) -> Row:
    while True:
        row = draw_row(stream, split, values)
        if owner(content_of(row)) == split:
            return row


def content_of(row: Row) -> str:
    """The input columns of a row as one string: what must not occur in two splits."""
    if "tokens" in row:
        return " ".join(row["tokens"])
    return "\n".join(row[column] for column in ("text", "text_a", "text_b", "source") if column in row)


def misspell(tokens: Sequence[str], stream: Stream, rate: float) -> list[str]:
    """Replace a share ``rate`` of the words of five letters or more by a misspelling of the same word.

    Two inner letters change places, or one inner letter is doubled or lost; labels are unaffected.
    """
    if rate == 0:
        return list(tokens)
    return [_misspelt(token, stream) if len(token) > 4 and stream.chance(rate) else token for token in tokens]


def _misspelt(word: str, stream: Stream) -> str:
    at = 1 + stream.below(len(word) - 3)
    kind = stream.below(3)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + (word[at] if kind == 1 else "") * 2 + word[at + 1 :]


ONSETS = words("b br d dr f g gr h k kl l m n p pr r s st t tr v z")
NUCLEI = words("a e i o u ai ei ou")
CODAS = words("l n r s m nd rt k")


def invent_name(stream: Stream, split: str) -> str:
    """A capitalised name of two syllables and a coda that can only ever be invented for this split."""
    while True:
        name = "".join(stream.pick(part) for part in (ONSETS, NUCLEI, ONSETS, NUCLEI, CODAS)).capitalize()
        if owner(name) == split:
            return name


def draw_links(stream: Stream, items: Sequence[Item], share: float) -> dict[Item, Item]:
    """For a share of the items, another one that it refers to, which may refer on; all end at one that refers to none.

    The more steps a reference takes, the harder it is to follow, so that no corpus is solved by looking once.
    """
    order = stream.shuffled(items)
    return {item: stream.pick(order[:place]) for place, item in enumerate(order) if place and stream.chance(share)}


def follow(item: Item, links: Mapping[Item, Item]) -> Item:
    """The item at the end of the references."""
    while item in links:
        item = links[item]
    return item


def draw_names(stream: Stream, split: str, known: Sequence[str], *, count: int, unseen: float) -> list[str]:
    """``count`` different names, at most as many as are known: a share ``unseen`` invented, the others known."""
    names: list[str] = []
    for name in stream.sample(known, max(1, min(count, len(known)))):
        invented = name
        if stream.chance(unseen):
            while invented in known or invented in names:
                invented = invent_name(stream, split)
        names.append(invented)
    return names
