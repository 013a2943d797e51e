"""What a table says, in two or three sentences that are written from its numbers.

Which rows the best is among; what the best mechanism gains over no attention and over the strongest floor, each with
an interval that holds for all pairs of the table at once; and what it costs against no attention.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.board.names import shared_words, without
from harness.board.pairing import Compared
from harness.board.references import NONE, UNIFORM, counterparts, strongest_floor
from harness.board.tables import Answer, BoardRow, BoardTable, Pair
from harness.statistics.over_seeds import ALPHA, FEWEST

Name = Callable[[str], str]
"""A row's label without the words that all networks of its table share."""

TOLD_COSTS = {"train_seconds": "the training time", "latency_seconds": "the latency", "parameters": "the parameters"}
"""The costs that a sentence tells, and what it calls them."""


def answer(table: BoardTable, compared: Compared) -> Answer:
    """The answer of a table whose rows have been compared."""
    rows = [row for row in table.rows if row.mean is not None]
    made = Answer(best=[row.label for row in rows if row.among_best])
    if compared.reference is not None:
        made.unranked = sum(row.first is None for row in rows)
    leader = _leader(rows)
    if leader is not None:
        row = rows[leader]
        none, uniform = (counterparts(rows, model)[leader] for model in (NONE, UNIFORM))
        floor = strongest_floor(rows)
        made.leader, made.vs_none = row.label, row.vs_none
        made.error_removed, made.cost_ratios = row.error_removed, row.cost_ratios
        made.vs_floor = None if floor is None else compared.pairs.of(leader, floor)
        made.vs_uniform = None if uniform is None else compared.pairs.of(leader, uniform)
        if uniform is not None and none is not None:
            made.uniform_vs_none = compared.pairs.of(uniform, none)
    made.sentences = _sentences(table, rows, made)
    return made


def _leader(rows: Sequence[BoardRow]) -> int | None:
    """The place of the best mechanism: of those that are ranked, if any is; the floors of attention are none."""
    found = [n for n, row in enumerate(rows) if not row.floor and row.model not in (NONE, UNIFORM)]
    return next(iter([*(n for n in found if rows[n].first is not None), *found]), None)


def _sentences(table: BoardTable, rows: Sequence[BoardRow], made: Answer) -> list[str]:
    if not rows:
        return [f"{table.place}: no run has a score yet."]
    shared = shared_words(row.label for row in rows if not row.floor)

    def name(label: str) -> str:
        return without(label, shared)

    clauses = [_over_none(made, table.margin, name), _over_floor(made, table.margin, name), *_costs(rows, made, name)]
    second = "; ".join(clause for clause in clauses if clause)
    return [
        _best(table, rows, made, name),
        *([f"{second[:1].upper()}{second[1:]}."] if second else []),
        *_plumbing(made, name),
    ]


def _best(table: BoardTable, rows: Sequence[BoardRow], made: Answer, name: Name) -> str:
    where = f"{table.place} ({table.metric})"
    if not made.best:
        row = rows[0]
        seeds = f"{len(row.seeds)} seed{'s' * (len(row.seeds) > 1)}"
        return (
            f"{where}: which is best cannot be told, for a network needs {FEWEST} seeds; the highest mean is that of "
            f"{name(row.label)}, {row.mean:.4f} over {seeds}."
        )
    top = next(row for row in rows if row.reference)
    what = best_in_words([name(label) for label in made.best], made.unranked)
    return f"{where}: {what}; {'best' if table.higher_is_better else 'lowest'} mean {top.mean:.4f}."


def best_in_words(names: Sequence[str], unranked: int) -> str:
    """Among which rows the best is; ``unranked``: how many have too few seeds to be compared."""
    some = f"the row with fewer than {FEWEST} seeds"
    if unranked > 1:
        some = f"one of the {unranked} rows with fewer than {FEWEST} seeds"
    return f"the best is among: {', '.join(names)} (95 %)" + (f", unless {some} is better" if unranked else "")


def _over_none(made: Answer, margin: float | None, name: Name) -> str:
    """What the best mechanism gains over no attention."""
    pair = made.vs_none
    if pair is None:
        return ""
    row, base, size = name(pair.row), name(pair.over), _size(pair)
    if pair.verdict == "better":
        removed = "" if made.error_removed is None else f", {made.error_removed:.0%} of its error removed"
        small = f", though within ±{margin:g}" if pair.p_equal is not None and pair.p_equal <= ALPHA else ""
        return f"over {base}, {row} gains {size}{removed}{small}"
    if pair.verdict == "as good as":
        return f"no attention is as good here: {row} differs from {base} by {size}, within ±{margin:g}"
    if pair.verdict == "worse":
        return f"no attention is better here: {row} differs from {base} by {size}"
    decide = f"{pair.more_seeds} more seeds of both would decide"
    if pair.more_seeds.startswith("≥"):
        decide = f"{pair.more_seeds} more seeds make a test"
    return f"whether {row} gains anything over {base} is undecided: {size}; {decide}"


def _over_floor(made: Answer, margin: float | None, name: Name) -> str:
    """What it gains over the strongest floor."""
    pair = made.vs_floor
    if pair is None:
        return ""
    verdicts = {
        "better": "",
        "undecided": ", undecided",
        "as good as": ", as good as it" + (f" (±{margin:g})" if margin and not pair.exact else ""),
    }
    who = "" if made.vs_none else f"{name(pair.row)} makes "
    said = f"{who}{_size(pair)}{verdicts.get(pair.verdict, f', {pair.verdict}')}"
    return f"over {name(pair.over)}, the strongest floor, {said}"


def _size(pair: Pair) -> str:
    return f"{pair.difference:+.4f}{_interval(pair)}"


def _interval(pair: Pair) -> str:
    return "" if pair.low is None or pair.high is None else f" ({pair.low:+.4f} to {pair.high:+.4f})"


def _costs(rows: Sequence[BoardRow], made: Answer, name: Name) -> list[str]:
    """What it costs against no attention, and which of the best costs least."""
    known = {key: ratio for key in TOLD_COSTS if (ratio := made.cost_ratios.get(key)) is not None}
    if not known or made.leader is None:
        return []
    words = [f"{ratio:.1f}x {TOLD_COSTS[key]}" for key, ratio in known.items()]
    listed = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    said = [f"it takes {listed} of {NONE}"]
    timed = [
        (ratio, row.label)
        for row in rows
        if row.label in made.best and (ratio := row.cost_ratios.get("train_seconds")) is not None
    ]
    if len(timed) > 1 and (cheapest := min(timed))[1] != made.leader:
        said.append(f"of the best, {name(cheapest[1])} is the quickest to train ({cheapest[0]:.1f}x)")
    return said


def _plumbing(made: Answer, name: Name) -> list[str]:
    """How much of the gain every site brings that weighs all positions alike; only where a board has such a row."""
    plumbing, attention = made.uniform_vs_none, made.vs_uniform
    if attention is None:
        return []
    first = "" if plumbing is None else f"plumbing ({UNIFORM} against {NONE}) brings {_told(plumbing)}; "
    text = f"{first}attention ({name(attention.row)} against {UNIFORM}) brings {_told(attention)}."
    return [f"{text[:1].upper()}{text[1:]}"]


def _told(pair: Pair) -> str:
    return f"{_size(pair)}, {pair.verdict.removesuffix(' as')}"
