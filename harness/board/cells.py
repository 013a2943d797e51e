"""A row of a board in words, column by column, and which columns a table shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from harness.board.answers import best_in_words
from harness.board.names import shared_words, without
from harness.board.tables import BoardRow, BoardTable, Pair
from harness.records.printable import plain

LEFT = ("model", "settings", "row", "over")
"""Columns of words; the others hold numbers and stand to the right."""

FEW = 8
"""So many columns a table has unless all are asked for."""

PREFERRED = (
    "rank", "model", "settings", "trials", "score", "±", "vs best", "p", "more seeds", "train x", "seeds", "latency x",
    "parameters x", "ratio", "ff width", "vs none", "verdict", "error removed", "FLOPs x", "parameters", "train s",
    "latency ms", "FLOPs/token", "tokens/s", "MiB",
)  # fmt: skip
"""The columns, those first that are kept where there is no room for all."""

LEGEND = (
    "score: mean over seeds; ±: half of its 95 % interval (Student's t). rank: from 1 + the rows told better to "
    "the last place but for the rows told worse; with 95 % chance nothing told of a table is false (Welch's t "
    "over seeds, Holm over all pairs). A row whose seeds differ much has a wide range. p: corrected for all "
    "pairs, against the best. As good as: shown to lie within the margin (--margin) by two one-sided tests over "
    "all pairs, false in 5 % of tables at most. More seeds: of both rows, to show this difference, or that it "
    "lies within the margin, with chance 0.8. All of it is about new seeds on this test set. The line on the best "
    "asks less (one side, fewer comparisons) and so may be shorter than the rows whose rank begins with 1. Costs "
    "are means over seeds; x: over those of none; train: training without validation; latency: one example alone."
)


def cells(row: BoardRow, shared: Sequence[str] = ()) -> dict[str, str]:
    """Every column of a row in words; ``shared``: what the names of all networks of its table have, and lack here."""
    costs, ratios = row.costs, row.cost_ratios
    latency, memory = costs.get("latency_seconds"), costs.get("gpu_memory_bytes") or costs.get("memory_bytes")
    name = " ".join(filter(None, (row.model, row.backbone, row.position)))
    best, none = row.vs_best, row.vs_none
    return {
        "rank": "" if row.mean is None else rank_in_words(row.first, row.last),
        "model": f"{plain(row.model)} (floor)" if row.floor else without(name, shared),
        "settings": plain(row.settings),
        "trials": "" if row.floor else str(row.trials),
        "seeds": str(len(row.seeds)) if row.seeds else "",
        "score": _score(row),
        "±": "" if row.half_width is None else f"{row.half_width:.4f}",
        "vs best": "best" if row.reference else "" if best is None else f"{best.difference:+.4f}",
        "p": "" if best is None else p_in_words(best),
        "more seeds": "" if best is None else best.more_seeds,
        "vs none": "" if none is None else f"{none.difference:+.4f}",
        "verdict": "" if none is None else none.verdict,
        "error removed": "" if row.error_removed is None else percent(row.error_removed),
        "train x": _times(ratios.get("train_seconds")),
        "latency x": _times(ratios.get("latency_seconds")),
        "parameters x": _times(ratios.get("parameters")),
        "FLOPs x": _times(ratios.get("flops_per_token")),
        "ff width": "" if row.feedforward_width is None else f"{row.feedforward_width:.0f}",
        "ratio": "" if row.match_ratio is None else f"{row.match_ratio:.4f}",
        "parameters": short(costs.get("parameters")),
        "FLOPs/token": short(costs.get("flops_per_token")),
        "train s": short(costs.get("train_seconds")),
        "tokens/s": short(costs.get("train_tokens_per_second")),
        "latency ms": short(None if latency is None else 1000 * latency),
        "MiB": short(None if memory is None else memory / 2**20),
    }


def rank_in_words(first: int | None, last: int | None) -> str:
    """The places a row may have: ``1-3``, ``2`` where it is one, ``–`` where it is not ranked."""
    return "–" if first is None else str(first) if first == last else f"{first}-{last}"


def p_in_words(pair: Pair) -> str:
    """The corrected p of a pair; ``exact`` where no seed changes either row, empty without a test."""
    if pair.exact:
        return "exact"
    return "" if pair.p_value is None else "<0.001" if pair.p_value < 0.001 else f"{pair.p_value:.3f}"


def _score(row: BoardRow) -> str:
    if row.mean is not None:
        return f"{row.mean:.4f}"
    return row.holes[0].status if row.holes else ""


def percent(share: float) -> str:
    """A share in whole percents; what rounds to 0 has no sign."""
    return f"{share:z.0%}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}x" if ratio < 100 else f"{ratio:.0f}x"


def short(value: float | None) -> str:
    """A number in few characters: 2.24M, 980, 4.70."""
    if value is None:
        return ""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return _three_digits(value / size) + unit
    return _three_digits(value)


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"


def table_lines(table: BoardTable) -> list[dict[str, str]]:
    """The cells of every row of a table."""
    shared = shared_words(row.label for row in table.rows if not row.floor)
    return [cells(row, shared) for row in table.rows]


def telling_columns(lines: Sequence[Mapping[str, str]]) -> list[str]:
    """The columns that say something, those first that are kept where there is no room for all."""
    silent = {"trials": {"", "1"}, "vs best": {"", "best"}, "rank": {"", "–"}}
    return [name for name in PREFERRED if any(line[name] not in silent.get(name, {""}) for line in lines)]


def shown_columns(lines: Sequence[Mapping[str, str]], *, all_columns: bool) -> list[str]:
    """The columns of a table in their order: the ``FEW`` most telling ones, or all that say something."""
    found = telling_columns(lines)
    chosen = set(found if all_columns else found[:FEW])
    return [name for name in lines[0] if name in chosen]


def notes(table: BoardTable, columns: Iterable[str]) -> list[str]:
    """What stands below a table: the best, holes with their reasons, remarks on rows, messages, and what is not shown.

    ``columns``: those of the table.
    """
    shared = shared_words(row.label for row in table.rows if not row.floor)
    lines = []
    if table.answer.best:
        names = [without(label, shared) for label in table.answer.best]
        lines.append(best_in_words(names, table.answer.unranked))
    for row in table.rows:
        for hole in row.holes:
            which = table.replicates.removesuffix("s" * (len(hole.seeds) == 1))
            seeds = ", ".join(map(str, hole.seeds))
            lines.append(f"{row.label}, {which} {seeds}: {hole.status}: {hole.reason}")
        lines += [f"{row.label}: {remark}" for remark in row.remarks]
    lines += table.messages
    if shared:
        lines.append(f"all networks: {' '.join(shared)}")
    if "seeds" not in columns and (seeds := _seeds_in_words(table, shared)):
        lines.append(seeds)
    return [plain(line) for line in lines]


def _seeds_in_words(table: BoardTable, shared: Sequence[str]) -> str:
    """How many seeds the networks have: most of them, and which have more or fewer."""
    counts = {row.label: len(row.seeds) for row in table.rows if row.seeds and not row.floor}
    if not counts:
        return ""
    usual = max(Counter(counts.values()).items(), key=lambda item: (item[1], item[0]))[0]
    odd = [f"{count} of {without(label, shared)}" for label, count in counts.items() if count != usual]
    if len(odd) > 4:
        return f"{min(counts.values())} to {max(counts.values())} {table.replicates} a network"
    which = table.replicates.removesuffix("s" * (usual == 1))
    return f"{usual} {which} a network" + (f", but {', '.join(odd)}" if odd else "")
