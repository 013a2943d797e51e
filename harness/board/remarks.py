"""What a reader of a board must know besides its numbers, in words: what is missing, and what is not alike."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.board.drawn import drawn_by_own_seed, splits_are_drawn
from harness.board.row import Row, configuration_key, effort_of, folds_of, replicate_of
from harness.board.tables import BoardRow
from harness.records.data_notes import data_notes
from harness.records.printable import listed
from harness.records.record import Record
from harness.statistics.over_seeds import FEWEST

FOLDS_SHARE = (
    "Folds share training data, so their spread is smaller than that over new data sets: intervals, p and ranks are "
    "too sure, and more folds would not mend that (Bengio & Grandvalet 2004; Nadeau & Bengio 2003)"
)
"""What replicates that share their training data mean."""


def row_remarks(row: Row) -> list[str]:
    """What is not alike between the seeds of a row, and which of them might have learnt more."""
    remarks = missing_folds(row)
    versions = _seeds_by(row.records, "code_version")
    if len(versions) > 1:
        words = "; ".join(f"{version}: seeds {listed(sorted(seeds))}" for version, seeds in sorted(versions.items()))
        remarks.append(f"its seeds ran different versions of the code ({words})")
    if row.repeated:
        remarks.append(f"of several finished runs of a seed the newest counts: seeds {listed(sorted(row.repeated))}")
    rising = [replicate_of(record) for record in row.records if record.get("learning", {}).get("rising")]
    if rising:
        remarks.append(f"still rising when its steps ran out: seeds {listed(sorted(rising))}; more may show more")
    return remarks


def table_remarks(rows: Sequence[BoardRow], records: Sequence[Record], seeds: Sequence[int]) -> list[str]:
    """What the rows of a table lack or do not share; ``records``: of their finished runs.

    ``seeds``: how many each row has, but for floors that no seed changes.
    """
    remarks = []
    networks = [row.model for row in rows if not row.floor]
    if networks and "uniform" not in networks:
        remarks.append("no row of model=uniform, so that what attention adds cannot be told")
    if networks and "none" not in networks:
        remarks.append("no row of model=none, so that what the plumbing around attention adds cannot be told")
    if networks and len(networks) == len(rows):
        remarks.append("no floor without a network, such as model=majority, copy or lead")
    remarks += _fold_remarks(records)
    remarks += drawn_remarks(records)
    remarks += _seed_remarks(rows, seeds)
    if len(versions := _seeds_by(records, "code_version")) > 1:
        remarks.append(f"the runs are of different versions of the code: {', '.join(sorted(versions))}")
    if len({row.trials for row in rows if not row.floor}) > 1:
        remarks.append("the rows were tuned with different numbers of trials")
    efforts = [effort for record in records if (effort := effort_of(record))]
    for what, words in (("space", "over different spaces"), ("method", "by different methods")):
        if len({json.dumps(effort[what], sort_keys=True, default=str) for effort in efforts if what in effort}) > 1:
            remarks.append(f"the rows were tuned {words}")
    remarks += data_notes(records)
    if len(machines := _machines(records)) > 1:
        remarks.append(f"times and memory are from different machines: {'; '.join(machines)}")
    return remarks


def missing_folds(row: Row) -> list[str]:
    """Which folds a row lacks: the mean of the others is one over part of the examples."""
    there = {replicate_of(record) for record in row.records}
    missing = sorted(set(range(folds_of(row.sample) or 0)) - there)
    if not there or not missing:
        return []
    return [f"it lacks the folds {listed(missing)}, so that its score is on a part of the examples"]


def _fold_remarks(records: Sequence[Record]) -> list[str]:
    """What replicates that share their training data mean for intervals, p and ranks."""
    folds = max((folds_of(record) or 0 for record in records), default=0)
    if not folds:
        return []
    several = any(count > 1 for count in _runs_by_fold(records).values())
    seeds = "; of several seeds of a fold the mean counts" if several else ""
    return [f"where it says seeds, folds of one data set are meant ({folds} of them, from 0){seeds}. {FOLDS_SHARE}"]


def drawn_remarks(records: Sequence[Record]) -> list[str]:
    """That seeds differ in their data too, where each drew its own splits; of folds ``_fold_remarks`` speaks."""
    marks = {record["data_fingerprint"] for record in records}
    if len(marks) < 2 or any(folds_of(record) is not None for record in records) or not splits_are_drawn(records):
        return []
    names = {name for record in records for name in drawn_by_own_seed(record)}
    parts = [name for name in ("validation", "test") if name in names]
    drawn = " and ".join([", ".join(["train", *parts[:-1]]), *parts[-1:]])
    return [f"each seed drew its own {drawn} rows, so differences between seeds hold those of data too"]


def _runs_by_fold(records: Iterable[Record]) -> Counter[tuple[str, int]]:
    return Counter((configuration_key(record), replicate_of(record)) for record in records)


def _seed_remarks(rows: Sequence[BoardRow], seeds: Sequence[int]) -> list[str]:
    """What too few seeds mean for the ranks."""
    scored = [row for row in rows if row.mean is not None]
    unranked = [row for row in scored if row.first is None]
    if len(scored) > 1 and len(unranked) == len(scored):
        return [f"no ranks: every row needs {FEWEST} seeds"]
    remarks = [told_unranked(len(unranked))] if unranked else []
    if FEWEST in seeds:
        remarks.append("3 seeds can miss what a run does one time in two: with chance 1/4 all three agree")
    return remarks


def told_unranked(count: int) -> str:
    """That some rows have too few seeds for a rank."""
    if count == 1:
        return f"1 row has fewer than {FEWEST} seeds and is not ranked; it may stand anywhere"
    return f"{count} rows have fewer than {FEWEST} seeds and are not ranked; they may stand anywhere"


def _seeds_by(records: Iterable[Mapping[str, Any]], key: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for record in records:
        if record.get(key) is not None:
            found[str(record[key])].append(replicate_of(record))
    return found


def _machines(records: Iterable[Record]) -> list[str]:
    """The devices of the runs that tell theirs (networks do), with the number of threads on a CPU."""
    found = set()
    for record in records:
        place = record.get("environment")
        if isinstance(place, Mapping) and "threads" in place:
            device = place.get("gpu") or f"{place.get('processor')}, {place.get('threads')} threads"
            found.add(str(device))
    return sorted(found)
