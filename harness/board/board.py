"""From rows to a ``Board``: plain data with every number a leaderboard shows, for any format to render.

A board has a table for each task, data set, test set, kind of tuning and of matching. All rows of a table are compared
with each other over seeds (``pairing``); what follows from it is said first (``answers``, ``overview``). Across tables:
``across``.
"""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from harness.board.across import compare_tasks
from harness.board.answers import answer
from harness.board.budgets import budget_remarks
from harness.board.names import names_across, settings_that_differ
from harness.board.overview import make_overview
from harness.board.pairing import MARGIN, SeedScores, compare
from harness.board.references import fill_references
from harness.board.remarks import row_remarks, table_remarks
from harness.board.row import Row, Table, folds_of, replicate_of, scores_on
from harness.board.rows import keep_one_fingerprint
from harness.board.tables import Answer, Board, BoardRow, BoardTable, Hole
from harness.records.printable import cut
from harness.records.record import Record
from harness.statistics.over_seeds import interval_half_width

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

LONGEST_REASON = 500
"""Of a hole; a longer one is cut."""


def make_board(
    tables: Mapping[tuple[str, str], Table],
    *,
    metric: str | None = None,
    margin: float | None = None,
    messages: Sequence[str] = (),
) -> Board:
    """The board of grouped records (``rows.group_records``). ``metric``: None shows each task's main score.

    ``margin``: rows that differ by less are as good as each other; None: ``MARGIN`` for scores that are fractions, and
    nothing is said of others.

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
            shown += [_board_table(task, data, t, rows, metric, margin, left_out) for t in _test_sets(rows, metric)]
            systems[_kind(rows)].append(rows)
    across, overviews, said = [], [], list(messages)
    for kind, compared in sorted(systems.items()):
        found = [table for table in shown if (table.tuned, table.matched) == kind]
        names = names_across(compared)
        overviews.append(make_overview(found, names))
        compared_tasks = compare_tasks([table for table in found if table.test_set == "test"], names)
        if isinstance(compared_tasks, str):
            said.append(compared_tasks)
        elif compared_tasks is not None:
            across.append(compared_tasks)
    return Board(overviews, shown, across, said)


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
    task: str,
    data: str,
    test_set: str,
    rows: Sequence[Row],
    metric: str | None,
    margin: float | None,
    messages: Sequence[str],
) -> BoardTable:
    finished = [record for row in rows for record in row.records]
    metric = metric or (finished[0]["main_score"] if finished else "")
    definition = _definition(finished, metric)
    higher = "lower is better" not in definition
    settings = settings_that_differ(rows)
    same_data = len({record["data_fingerprint"] for record in finished}) <= 1
    made = [(_board_row(row, metric, test_set, settings[row.key]), row) for row in rows]
    made.sort(key=lambda pair: _order(pair[0], higher=higher))
    lines, scored = [line for line, _ in made], [line for line, _ in made if line.scores]
    fractions = _are_fractions(definition, scored)
    if margin is None and fractions:
        margin = MARGIN
    scores = [SeedScores.of(row, metric, test_set, same_data=same_data) for line, row in made if line.scores]
    compared = compare(scores, [line.label for line in scored], higher=higher, margin=margin)
    fill_references(scored, compared, higher=higher, fractions=fractions)
    tuned, matched = _kind(rows)
    notes = [*messages, *table_remarks(lines, finished, [len(s.by_seed) for s in scores if not s.constant])]
    notes += budget_remarks(made)
    if matched:
        notes.append("ff width: of the feed-forward layers, resized; ratio: what that reached, 1 being the reference")
    table = BoardTable(
        cut(task), cut(data), test_set, tuned, matched, metric, definition, higher, fractions, margin, lines,
        compared.pairs, Answer(), notes, max((folds_of(r) or 0 for r in finished), default=0) or None,
    )  # fmt: skip
    table.answer = answer(table, compared)
    return table


def _are_fractions(definition: str, rows: Sequence[BoardRow]) -> bool:
    """Whether scores lie between 0 and 1: by definition, or where there is none because all of them do."""
    if definition:
        return re.search(r"\b0-1\b", definition) is not None
    return all(0 <= score <= 1 for row in rows for score in row.scores)


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
    scores = row.scores(metric, test_set)
    values = list(scores.values())
    line = BoardRow(*row.names, settings, row.floor, row.trials, list(scores), values, key=row.key)
    line.costs = {name: row.cost(*path) for name, path in COSTS.items()}
    line.feedforward_width, line.match_ratio = row.mean("match", "width"), row.mean("match", "ratio")
    line.holes = holes_of(row, metric, scores)
    line.remarks = row_remarks(row)
    if values:
        line.mean = statistics.fmean(values)
        line.half_width = None if row.floor and len(set(values)) == 1 else interval_half_width(values)
    return line


def holes_of(row: Row, metric: str, scores: Mapping[int, float]) -> list[Hole]:
    """The seeds (or folds) without a score, those with the same reason together."""
    reasons: dict[tuple[str, str], list[int]] = defaultdict(list)
    for record in row.holes:
        first_line = next(iter(str(record.get("reason") or "no reason given").splitlines()))
        reasons[record["status"], cut(first_line, LONGEST_REASON)].append(replicate_of(record))
    for record in row.records:
        if replicate_of(record) not in scores:
            reasons["no score", f"it has no {metric}, or none that is a number"].append(replicate_of(record))
    return [Hole(status, reason, sorted(seeds)) for (status, reason), seeds in reasons.items()]
