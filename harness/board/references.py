"""What the rows of a table are held against: model=none, model=uniform, and the strongest floor.

Plumbing and attention are told apart: what ``uniform`` gains over ``none`` is plumbing (every site stands, and all
positions weigh the same), what a mechanism gains over ``uniform`` is attention.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.board.pairing import Compared
from harness.board.tables import BoardRow

NONE, UNIFORM = "none", "uniform"


def counterparts(rows: Sequence[BoardRow], model: str) -> list[int | None]:
    """Of every row the place of the row of another ``model`` that is as like it as can be; of a floor any backbone's.

    Of rows of the same backbone and position (for want of one: the same backbone) the one with the best score, which
    ``rows`` have first. A network of another backbone is held against none: it would differ in more than attention.
    """
    found = [n for n, other in enumerate(rows) if other.model == model and not other.floor and other.mean is not None]
    return [_most_alike(rows, row, found) for row in rows]


def _most_alike(rows: Sequence[BoardRow], row: BoardRow, found: Sequence[int]) -> int | None:
    if row.floor:
        return found[0] if found else None
    same = [n for n in found if rows[n].backbone == row.backbone]
    alike = [n for n in same if (rows[n].position, rows[n].settings) == (row.position, row.settings)]
    placed = [n for n in same if rows[n].position == row.position]
    return next(iter([*alike, *placed, *same]), None)


def strongest_floor(rows: Sequence[BoardRow]) -> int | None:
    """The place of the best row without a network."""
    return next((n for n, row in enumerate(rows) if row.floor and row.mean is not None), None)


def error_removed(score: float, none: float, *, higher: bool, fractions: bool) -> float | None:
    """The share of the error of ``none`` that is gone: 1 - e / e_none; e = 1 - score, or score where lower is better.

    The size of a gain that is comparable across tasks; negative where the score is worse. None for scores that are no
    fractions, whose error is unknown, and where ``none`` makes no error.
    """
    error, base = ((1 - value) if higher else value for value in (score, none))
    return 1 - error / base if fractions and base > 0 else None


def fill_references(rows: Sequence[BoardRow], compared: Compared, *, higher: bool, fractions: bool) -> None:
    """Places, and each row against the best and against ``none``; ``rows``: those with a score, the best first."""
    for row, places, best in zip(rows, compared.ranges, compared.best, strict=True):
        row.first, row.last = places or (None, None)
        row.among_best = best
    if compared.reference is not None:
        rows[compared.reference].reference = True
        for n, pair in compared.pairs.against(compared.reference).items():
            rows[n].vs_best = pair
    bases = counterparts(rows, NONE)
    for base in sorted({base for base in bases if base is not None}):
        against = compared.pairs.against(base)
        for n, row in enumerate(rows):
            if bases[n] == base:
                _fill_none(row, rows[base], higher=higher, fractions=fractions)
                row.vs_none = against.get(n)


def _fill_none(row: BoardRow, none: BoardRow, *, higher: bool, fractions: bool) -> None:
    if row is none:
        return
    row.error_removed = error_removed(row.mean or 0.0, none.mean or 0.0, higher=higher, fractions=fractions)
    if not row.floor:
        row.cost_ratios = {
            name: cost / base if cost is not None and (base := none.costs.get(name)) else None
            for name, cost in row.costs.items()
        }
