"""What a board holds: plain data with every number that any format shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Hole:
    """Seeds without a score, and why."""

    status: str
    reason: str
    seeds: list[int]


@dataclass
class BoardRow:
    """A configuration in a table. Scores are as recorded (fractions); ``difference`` is this row's minus the best's.

    ``half_width``: half of the 95 % interval of the mean; None for one seed, and for floors that no seed changes.
    ``difference``, ``p_value`` (two-sided, Holm-adjusted) and ``paired_seeds`` compare with the best over common seeds;
    ``paired_seeds`` is 0 between floors that no seed changes, where the difference is exact.
    ``best``: the highest mean (the lowest where lower is better), which the others are compared with.
    ``more_seeds``: how many more would show the observed difference, in words; empty where nothing is to be shown.
    ``feedforward_width``, ``match_ratio``: of a matched row, what was resized and how near the reference that came.
    ``trials``: configurations tried to find this one, 1 for the default. Without a score: ``mean`` and ``rank`` None.
    ``key``: names the configuration, as ``row.Row.key`` does.
    """

    model: str
    backbone: str
    position: str
    settings: str
    floor: bool
    trials: int
    seeds: list[int]
    scores: list[float]
    mean: float | None = None
    half_width: float | None = None
    rank: int | None = None
    best: bool = False
    difference: float | None = None
    p_value: float | None = None
    paired_seeds: int = 0
    more_seeds: str = ""
    feedforward_width: float | None = None
    match_ratio: float | None = None
    costs: dict[str, float | None] = field(default_factory=dict)
    holes: list[Hole] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    key: str = ""

    @property
    def label(self) -> str:
        """The row's name, which is unique in its table but for default and tuned rows."""
        return " ".join(filter(None, (self.model, self.backbone, self.position, self.settings)))


@dataclass
class BoardTable:
    """The rows of one task, data set, test set and kind of row, by one score: the best first, holes last.

    ``tuned``: whether their settings were searched for; ``matched``: how they were made equally large, in words.
    """

    task: str
    data: str
    test_set: str
    tuned: bool
    matched: str
    metric: str
    definition: str
    higher_is_better: bool
    rows: list[BoardRow]
    messages: list[str]

    @property
    def title(self) -> str:
        """Which table it is, in words."""
        further = "" if self.test_set == "test" else f" / {self.test_set}"
        return f"{self.task} / {self.data}{further}: {self.metric}{kind_in_words(self.tuned, self.matched)}"


@dataclass
class Board:
    """Everything a leaderboard shows. ``messages``: what was left out, and why."""

    tables: list[BoardTable]
    across: list[AcrossTasks]
    messages: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Dictionaries, lists, strings, numbers and None alone."""
        return asdict(self)


@dataclass
class Chance:
    """The chance that a run of ``row`` beats one of ``over`` on a table drawn at random, with a 95 % interval.

    Without an interval (None) where some row has a single run: nothing says how runs vary.
    """

    row: str
    over: str
    probability: float
    low: float | None
    high: float | None


@dataclass
class Friedman:
    """Friedman's test in Iman and Davenport's form; ``f`` is None where all tables agree (it is infinite).

    ``critical_difference``: Nemenyi's, of mean ranks at 0.05.
    """

    f: float | None
    p_value: float
    critical_difference: float


@dataclass
class AcrossTasks:
    """The rows that all ``tables`` have, by mean rank (1 is best); ``friedman`` is None for two rows."""

    tuned: bool
    matched: str
    tables: list[str]
    rows: list[str]
    mean_ranks: list[float]
    friedman: Friedman | None
    chances: list[Chance]
    messages: list[str] = field(default_factory=list)


def kind_in_words(tuned: bool, matched: str) -> str:
    """What is special about the rows of a table, in brackets; empty for default rows."""
    words = [*(["tuned rows"] if tuned else []), *([matched] if matched else [])]
    return f" ({'; '.join(words)})" if words else ""
