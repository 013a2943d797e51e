"""What a board holds: plain data with every number that any format shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol


@dataclass
class Hole:
    """Seeds without a score, and why."""

    status: str
    reason: str
    seeds: list[int]


@dataclass
class Pair:
    """What is known of ``row`` against ``over``, two rows of a table, by their labels.

    ``difference``: row minus over, in the score's own sign, with an interval that holds for all pairs of the table at
    once (None without a test). ``p_value``: two-sided, of no difference, corrected by Holm for all pairs of the table.
    ``p_equal``: of a difference as large as the table's margin, corrected likewise; None without a margin.
    ``exact``: no seed changes either, and the difference is what it is. ``verdict``: ``better``, ``worse``,
    ``as good as`` (within the margin) or ``undecided``; ``more_seeds``: of both rows, how many would decide, in words.
    """

    row: str
    over: str
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    p_equal: float | None
    exact: bool
    verdict: str
    more_seeds: str

    def turned(self) -> Pair:
        """The same, of ``over`` against ``row``."""
        low, high = (None if end is None else -end for end in (self.high, self.low))
        verdict = {"better": "worse", "worse": "better"}.get(self.verdict, self.verdict)
        return replace(
            self, row=self.over, over=self.row, difference=-self.difference, low=low, high=high, verdict=verdict
        )


class Pairs(Protocol):
    """Every pair of a table's rows that have a score, made when it is asked for: (0, 1), (0, 2), … by their places."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Pair]: ...

    def of(self, row: int, over: int) -> Pair:
        """One row over another, by their places."""

    def against(self, over: int) -> dict[int, Pair]:
        """Every other row over this one, by the other's place."""


@dataclass
class BoardRow:
    """A configuration in a table. Scores are as recorded (fractions); without a score ``mean`` and ``first`` are None.

    ``half_width``: half of the 95 % interval of the mean; None for one seed, and for floors that no seed changes.
    ``first``, ``last``: the places that the row may have, 1 + the rows told better to all but the rows told worse; None
    where it is not ranked. ``among_best``: whether it may be the best. ``reference``: whether it has the best mean of
    those ranked, which ``vs_best`` compares with; ``vs_none`` compares with the row of model=none (``references``).
    ``error_removed``: the share of the error of ``none`` that is gone, (s - s_none) / (1 - s_none) for fractions; None
    where that is not defined. ``cost_ratios``: costs over those of ``none``.
    ``feedforward_width``, ``match_ratio``: of a matched row, what was resized and how near the reference that came.
    ``trials``: configurations tried to find this one, 1 for the default.
    ``key``: names the configuration, as ``rows.Row.key`` does.
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
    first: int | None = None
    last: int | None = None
    among_best: bool = False
    reference: bool = False
    vs_best: Pair | None = None
    vs_none: Pair | None = None
    error_removed: float | None = None
    feedforward_width: float | None = None
    match_ratio: float | None = None
    costs: dict[str, float | None] = field(default_factory=dict)
    cost_ratios: dict[str, float | None] = field(default_factory=dict)
    holes: list[Hole] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    key: str = ""

    @property
    def label(self) -> str:
        """The row's name, which is unique in its table but for default and tuned rows."""
        return " ".join(filter(None, (self.model, self.backbone, self.position, self.settings)))


def replicates_of(folds: int | None) -> str:
    """What the runs of a row differ in: their seeds, or which of so many folds was test."""
    return "seeds" if folds is None else "folds"


@dataclass
class BoardTable:
    """The rows of one task, data set, test set and kind of row, by one score: the best first, holes last.

    ``tuned``: whether their settings were searched for; ``matched``: how they were made equally large, in words.
    ``fractions``: whether scores lie between 0 and 1 by definition. ``margin``: rows within so much are as good as each
    other; None: nothing is said of that. ``pairs``: of all rows with a score; ``answer``: what is found, in words.
    ``folds``: of how many folds one is test in each run, and stands where seeds stand otherwise; None: none.
    """

    task: str
    data: str
    test_set: str
    tuned: bool
    matched: str
    metric: str
    definition: str
    higher_is_better: bool
    fractions: bool
    margin: float | None
    rows: list[BoardRow]
    pairs: Pairs
    answer: Answer
    messages: list[str]
    folds: int | None = None

    @property
    def replicates(self) -> str:
        """What the runs of a row differ in."""
        return replicates_of(self.folds)

    @property
    def place(self) -> str:
        """Task, data set and further test set."""
        return f"{self.task} / {self.data}" + ("" if self.test_set == "test" else f" / {self.test_set}")

    @property
    def title(self) -> str:
        """Which table it is, in words."""
        return f"{self.place}: {self.metric}{kind_in_words(self.tuned, self.matched)}"


@dataclass
class Answer:
    """What a table says, for a reader who reads nothing else.

    ``best``: the rows among which the best is; ``unranked``: how many more may be better, for they have too few seeds.
    ``leader``: the row of which the gains and costs are told, the best mechanism; None without one.
    ``vs_none``, ``vs_uniform``, ``vs_floor``: its comparisons with model=none, model=uniform, and the best floor.
    ``cost_ratios``: its costs over those of ``none``. ``sentences``: all of that in words.
    """

    best: list[str] = field(default_factory=list)
    unranked: int = 0
    leader: str | None = None
    vs_none: Pair | None = None
    vs_uniform: Pair | None = None
    uniform_vs_none: Pair | None = None
    vs_floor: Pair | None = None
    error_removed: float | None = None
    cost_ratios: dict[str, float | None] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)


@dataclass
class Cell:
    """A row in a table, as the overview shows it; ``status`` and ``reason`` of a hole, both empty for a row not run.

    ``verdict``, ``difference``: against ``none``. ``label``: of the row in its table.
    """

    score: float | None = None
    first: int | None = None
    last: int | None = None
    among_best: bool = False
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    verdict: str = ""
    more_seeds: str = ""
    error_removed: float | None = None
    status: str = ""
    reason: str = ""
    label: str = ""


@dataclass
class OverviewRow:
    """A mechanism, or a floor, in all tables."""

    name: str
    floor: bool
    cells: list[Cell]


@dataclass
class Overview:
    """Rows are mechanisms, columns tables of one kind. ``shared``: words that the names of all networks share."""

    tuned: bool
    matched: str
    shared: str
    tables: list[str]
    metrics: list[str]
    rows: list[OverviewRow]


@dataclass
class Board:
    """Everything a leaderboard shows. ``messages``: what was left out, and why."""

    overviews: list[Overview]
    tables: list[BoardTable]
    across: list[AcrossTasks]
    messages: list[str]

    def as_dict(self) -> dict[str, Any]:
        """Dictionaries, lists, strings, numbers and None alone."""
        tables = []
        for table in self.tables:
            own = {name: value for name, value in vars(table).items() if name not in ("rows", "answer", "pairs")}
            made = {"rows": list(map(asdict, table.rows)), "pairs": list(map(vars, table.pairs))}
            tables.append(own | {"answer": asdict(table.answer)} | made)
        return asdict(replace(self, tables=[])) | {"tables": tables}


@dataclass
class Chance:
    """The chance that a run of ``row`` beats one of ``over``, the mean over the tables, with its own 95 % interval.

    ``p_value``: of the two rows' win rates being equal, corrected by Holm for all pairs. Interval and p are None where
    some row has a single run: nothing says how runs vary.
    """

    row: str
    over: str
    probability: float
    low: float | None
    high: float | None
    p_value: float | None


@dataclass
class WinRate:
    """A row across tables. ``rate``: the chance that a run of it beats a run of another row, the mean over these.

    ``first``, ``last``: its places by win rate, as in a table; None where a single run says nothing of them.
    ``mean_rank``: by mean scores, a description only. ``tables_better``, ``tables_worse``: in how many tables it is
    told better, or worse, than the first row.
    """

    row: str
    rate: float
    first: int | None
    last: int | None
    mean_rank: float
    tables_better: int
    tables_worse: int


@dataclass
class AcrossTasks:
    """The rows that all ``tables`` have, by win rate, the best first."""

    tuned: bool
    matched: str
    tables: list[str]
    rows: list[WinRate]
    chances: list[Chance]
    messages: list[str] = field(default_factory=list)


def kind_in_words(tuned: bool, matched: str) -> str:
    """What is special about the rows of a table, in brackets; empty for default rows."""
    words = [*(["tuned rows"] if tuned else []), *([matched] if matched else [])]
    return f" ({'; '.join(words)})" if words else ""
