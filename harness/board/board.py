"""From rows to a ``Board``: plain data with every number a leaderboard shows, for any format to render.

A board has a table for each task, data set, test set, kind of tuning and of matching. Rows are compared over seeds:
each with the best by the exact sign-flip test, corrected by Holm for the comparisons of its table. Across tables:
``across``.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from harness.board.across import compare_tasks
from harness.board.names import names_across, settings_that_differ
from harness.board.pairing import ALPHA, Paired, SeedScores, more_seeds, pair
from harness.board.remarks import row_remarks, table_remarks
from harness.board.row import Row, Table, scores_on
from harness.board.rows import keep_one_fingerprint
from harness.board.tables import Board, BoardRow, BoardTable, Hole
from harness.records.record import Record
from harness.statistics.seeds import holm, interval_half_width, shared_ranks

COSTS = {
    "parameters": ("parameters", "total"),
    "attention_parameters": ("parameters", "attention"),
    "flops_per_token": ("flops_per_token",),
    "train_seconds": ("train_seconds",),
    "train_tokens_per_second": ("train_tokens_per_second",),
    "latency_seconds": ("latency_seconds",),
    "memory_bytes": ("peak_memory_bytes", "process"),
    "gpu_memory_bytes": ("peak_memory_bytes", "gpu"),
}
"""The board's name of a cost -> where records keep it. Of a row: the mean over seeds."""


def make_board(
    tables: Mapping[tuple[str, str], Table], *, metric: str | None = None, messages: Sequence[str] = ()
) -> Board:
    """The board of grouped records (``rows.group_records``). ``metric``: None shows each task's main score.

    Raises ValueError if no run has ``metric``, with the scores that there are.
    """
    known = {key for table in tables.values() for row in table.values() for r in row.records for key in _known(r)}
    if metric is not None and known and metric not in known:
        raise ValueError(f"no run has the score {metric!r}; there are: {', '.join(sorted(known))}")
    shown: list[BoardTable] = []
    systems: dict[tuple[bool, str], list[list[Row]]] = defaultdict(list)
    for (task, data), table in sorted(tables.items()):
        kept, left_out = keep_one_fingerprint(table)
        for rows in _comparable(kept):
            made = [_board_table(task, data, name, rows, metric, left_out) for name in _test_sets(rows, metric)]
            shown += made
            systems[_kind(rows)].append(rows)
    across, said = [], list(messages)
    for kind, compared in sorted(systems.items()):
        found = [table for table in shown if table.test_set == "test" and (table.tuned, table.matched) == kind]
        compared_tasks = compare_tasks(found, names_across(compared))
        if isinstance(compared_tasks, str):
            said.append(compared_tasks)
        elif compared_tasks is not None:
            across.append(compared_tasks)
    return Board(shown, across, said)


def _known(record: Record) -> set[str]:
    """The scores that a run has, on any test set."""
    extra = record.get("extra_scores")
    return {key for name in ("test", *(extra if isinstance(extra, Mapping) else ())) for key in scores_on(record, name)}


def _kind(rows: Sequence[Row]) -> tuple[bool, str]:
    """Whether the networks of a table were tuned, and how they were matched."""
    return next(((row.tuned, row.matched) for row in rows if not row.floor), (False, ""))


def _comparable(table: Table) -> list[list[Row]]:
    """Rows whose settings were searched for stand in a table of their own, and so do rows that were made equally large.

    Floors stand in all.
    """
    kinds = sorted({(row.tuned, row.matched) for row in table.values() if not row.floor}) or [(False, "")]
    return [[row for row in table.values() if row.floor or (row.tuned, row.matched) == kind] for kind in kinds]


def _test_sets(rows: Sequence[Row], metric: str | None) -> list[str]:
    """``test`` and further test sets; those without the score that was asked for are left out."""
    records = [record for row in rows for record in row.records]
    extra = [record["extra_scores"] for record in records if isinstance(record.get("extra_scores"), Mapping)]
    names = ["test", *sorted({name for sets in extra for name in sets})]
    if metric is None or not records:
        return names
    return [name for name in names if any(metric in scores_on(record, name) for record in records)]


def _board_table(
    task: str, data: str, test_set: str, rows: Sequence[Row], metric: str | None, messages: Sequence[str]
) -> BoardTable:
    finished = [record for row in rows for record in row.records]
    main = finished[0]["main_score"] if finished else ""
    metric = metric or main
    definition = _definition(finished, metric)
    higher = "lower is better" not in definition
    settings = settings_that_differ(rows)
    same_data = len({record["data_fingerprint"] for record in finished}) <= 1
    made = [(_board_row(row, metric, test_set, settings[row.key]), row) for row in rows]
    made.sort(key=lambda pair: _order(pair[0], higher=higher))
    scored = [(line, SeedScores.of(row, metric, test_set, same_data=same_data)) for line, row in made if line.scores]
    _compare([line for line, _ in scored], [scores for _, scores in scored], higher=higher)
    ordered = [line for line, _ in made]
    notes = [*messages, *table_remarks(ordered, finished)]
    tuned, matched = _kind(rows)
    if matched:
        notes.append("ff width: of the feed-forward layers, resized; ratio: what that reached, 1 being the reference")
    return BoardTable(task, data, test_set, tuned, matched, metric, definition, higher, ordered, notes)


def _order(row: BoardRow, *, higher: bool) -> tuple[bool, float, str]:
    mean = row.mean if row.mean is not None else 0.0
    return row.mean is None, -mean if higher else mean, row.label


def _definition(records: Sequence[Record], metric: str) -> str:
    """What the records say of the score; ``score/part`` has the definition of ``score``."""
    for record in records:
        definitions = record.get("score_definitions")
        if isinstance(definitions, Mapping):
            found = definitions.get(metric) or definitions.get(metric.split("/")[0])
            if isinstance(found, str):
                return found
    return ""


def _board_row(row: Row, metric: str, test_set: str, settings: str) -> BoardRow:
    model, backbone, position = row.names
    scores = row.scores(metric, test_set)
    values = list(scores.values())
    line = BoardRow(model, backbone, position, settings, row.floor, row.trials, list(scores), values, key=row.key)
    line.costs = {name: row.cost(*path) for name, path in COSTS.items()}
    line.feedforward_width, line.match_ratio = row.mean("match", "width"), row.mean("match", "ratio")
    line.holes = holes_of(row, metric, scores)
    line.remarks = row_remarks(row)
    if values:
        line.mean = statistics.fmean(values)
        line.half_width = None if row.floor and len(set(values)) == 1 else interval_half_width(values)
    return line


def holes_of(row: Row, metric: str, scores: Mapping[int, float]) -> list[Hole]:
    """The seeds without a score, those with the same reason together."""
    reasons: dict[tuple[str, str], list[int]] = defaultdict(list)
    for record in row.holes:
        first_line = next(iter(str(record.get("reason") or "no reason given").splitlines()))
        reasons[record["status"], first_line].append(record["seed"])
    for record in row.records:
        if record["seed"] not in scores:
            reasons["no score", f"it has no {metric}, or none that is a number"].append(record["seed"])
    return [Hole(status, reason, sorted(seeds)) for (status, reason), seeds in reasons.items()]


def _compare(lines: Sequence[BoardRow], scores: Sequence[SeedScores], *, higher: bool) -> None:
    """Fill in ranks and the comparison with the best."""
    if not lines:
        return
    sign = 1 if higher else -1
    means = [sign * (line.mean or 0.0) for line in lines]

    @cache
    def compared(a: int, b: int) -> Paired:
        return pair(scores[a], scores[b])

    def ahead(row: int, leader: int) -> bool:
        """Whether a row of the lower mean is the better one over common seeds, which only other seeds can bring."""
        return sign * (compared(row, leader).mean or 0.0) > 1e-12

    def p_value(leader: int, row: int) -> float:
        return 1.0 if ahead(row, leader) else compared(row, leader).p_value

    ranks = shared_ranks(means, p_value, alpha=ALPHA)
    best, *others = (int(i) for i in np.argsort(-np.array(means), kind="stable"))
    adjusted = holm([compared(row, best).p_value for row in others])
    for line, rank in zip(lines, ranks, strict=True):
        line.rank = rank
    lines[best].best = True
    for row, p in zip(others, adjusted, strict=True):
        line, found = lines[row], compared(row, best)
        line.difference, line.paired_seeds = found.mean, len(found.differences)
        line.p_value = None if found.mean is None else p
        exact = scores[row].constant and scores[best].constant
        if p > ALPHA and not exact:
            line.more_seeds = more_seeds(found.differences, comparisons=len(others))
        if ahead(row, best):
            line.remarks.append(
                f"over the seeds that it shares with {lines[best].label} it is the better one, and only other seeds "
                "decide: run both over the same"
            )
