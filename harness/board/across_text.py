"""The comparison across tables in words, for any format that lays it out."""

from __future__ import annotations

from harness.board.cells import rank_in_words
from harness.board.names import shared_words, without
from harness.board.tables import AcrossTasks, kind_in_words
from harness.records.printable import plain

ACROSS_LEGEND = (
    "win rate: the chance that a run of the row beats a run of another, the mean over rows and tables; rank: as "
    "in a table, by win rates (Holm over all pairs). Mean rank is a description only. Told better, worse: in so "
    "many tables, than the first row. An interval of a chance is right with 95 % by itself. The tables are taken "
    "as they are: nothing is said of another task. Each table, and this comparison, has its own 5 %: on nine of "
    "them expect a false statement somewhere with chance up to 0.37."
)


def across_title(across: AcrossTasks) -> str:
    """Which tables are compared, and what the names of all rows share."""
    kind = kind_in_words(across.tuned, across.matched)
    shared = f" (all rows: {' '.join(words)})" if (words := shared_in(across)) else ""
    return plain(f"across {len(across.tables)} tables: {', '.join(across.tables)}{kind}{shared}")


def shared_in(across: AcrossTasks) -> list[str]:
    """The words that the names of all rows share, which are left out of every line."""
    return shared_words(row.row for row in across.rows)


def win_lines(across: AcrossTasks) -> list[dict[str, str]]:
    """The rows by win rate."""
    shared = shared_in(across)
    return [
        {
            "rank": rank_in_words(row.first, row.last),
            "row": without(row.row, shared),
            "win rate": f"{row.rate:.3f}",
            "mean rank": f"{row.mean_rank:.2f}",
            "told better": "" if n == 0 else str(row.tables_better),
            "told worse": "" if n == 0 else str(row.tables_worse),
        }
        for n, row in enumerate(across.rows)
    ]


def chance_lines(across: AcrossTasks) -> list[dict[str, str]]:
    """The chances of pairs."""
    shared = shared_in(across)
    return [
        {
            "row": without(chance.row, shared),
            "over": without(chance.over, shared),
            "chance": f"{chance.probability:.2f}",
            "95 % interval": _interval(chance.probability, chance.low, chance.high),
        }
        for chance in across.chances
    ]


def across_sentence(across: AcrossTasks) -> str:
    """Which rows may be the first across tables, and how often the best one wins."""
    shared = shared_in(across)
    first = [without(row.row, shared) for row in across.rows if row.first == 1]
    top = across.rows[0]
    rate = f"a run of {without(top.row, shared)} beats a run of another row with chance {top.rate:.2f}"
    where = f"across {len(across.tables)} tables{kind_in_words(across.tuned, across.matched)}"
    return f"{where}: the best is among: {', '.join(first)} (95 %); {rate}." if first else f"{where}: {rate}."


def _interval(probability: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    if low == high and probability in (0, 1):
        return "always" if probability else "never"
    return f"{low:.2f} to {high:.2f}"
