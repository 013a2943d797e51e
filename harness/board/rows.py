"""From records to rows: which runs are seeds of one configuration, and which share their data.

Only the standard library is needed; statistics begin in ``pairing``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.board.drawn import splits_are_drawn
from harness.board.row import Row, Table, configuration_key, is_trial, replicate_of, trials_of
from harness.records.record import Record


def group_records(records: Iterable[Record]) -> dict[tuple[str, str], Table]:
    """(task, data) -> rows. Of several records of one seed the newest finished one counts; debug runs never do.

    A row remembers the seeds of which there are several finished runs. Those on different data all stay, for
    ``keep_one_fingerprint`` to choose from. Trials are no rows, but a search that has chosen nothing is a hole.
    """
    newest: dict[tuple[str, str, str, tuple[int, int], str], Record] = {}
    real = [record for record in records if not record["debug"]]
    found = [record for record in real if not is_trial(record)] + fruitless_searches(real)
    repeated: set[tuple[str, str, str, tuple[int, int], str]] = set()
    for record in sorted(found, key=lambda record: record["finished"], reverse=True):
        mark = _data_of(record) if record["status"] == "done" else ""
        which = replicate_of(record), record["seed"]
        place = (record["task"], record["data"], configuration_key(record), which, mark)
        newer = newest.setdefault(place, record)
        if mark and newer["id"] != record["id"]:
            repeated.add(place)
    finished = {place[:-1] for place in newest if place[-1]}
    tables: dict[tuple[str, str], Table] = defaultdict(dict)
    for place, record in sorted(newest.items(), key=lambda item: item[0]):
        task, data, key, _seed, mark = place
        if mark:
            row = tables[task, data].setdefault(key, Row(key))
            row.records.append(record)
            row.repeated += [replicate_of(record)] if place in repeated else []
        elif place[:-1] not in finished:
            tables[task, data].setdefault(key, Row(key)).holes.append(record)
    return dict(tables)


def fruitless_searches(records: Iterable[Record]) -> list[Record]:
    """For each study without a run of what it chose a record that says so: that of a trial, with the reason.

    It is a trial's still, so that whoever reads it again comes to the same.
    """
    trials: dict[str, list[Record]] = defaultdict(list)
    chose = set()
    for record in records:
        if is_trial(record):
            trials[str(record["search"].get("study"))].append(record)
        elif isinstance(search := record.get("search"), Mapping):
            chose.add(str(search.get("study")))
    return [_fruitless(found) for study, found in sorted(trials.items()) if study not in chose]


def _fruitless(trials: Sequence[Record]) -> Record:
    ordered = sorted(trials, key=lambda record: (record["status"] == "done", record["search"]["trial"] or 0))
    first, count = ordered[0], max(len(trials), *(trials_of(record) for record in trials))
    if "trials" in first["search"]:
        return first  # as a published board has it
    done = sum(record["status"] == "done" for record in trials)
    why = "" if first["status"] == "done" else f"; {first['status']}: {first.get('reason')}"
    status = "interrupted" if first["status"] == "done" else first["status"]
    reason = f"its search has chosen nothing, {done} of {count} trials are done{why}"
    return first | {"status": status, "reason": reason, "search": {**first["search"], "trials": count}}


def told_trials(records: Iterable[Record]) -> list[str]:
    """How many trials the records hold besides the rows, by task and data set."""
    trials = [record for record in records if is_trial(record) and not record["debug"]]
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for record in trials:
        counts[record["task"], record["data"]][record["model"]] += 1
    return [
        f"{task} / {data}: {sum(found.values())} trials of searches are on record and no rows "
        f"({', '.join(f'{model} {count}' for model, count in sorted(found.items()))})"
        for (task, data), found in sorted(counts.items())
    ]


def keep_one_fingerprint(table: Table) -> tuple[Table, list[str]]:
    """The rows on the data that most finished runs had, and a message for each other data: no fair comparison.

    Where the run's seed draws a split that the data set lacks, each seed has its own data, and the rule holds for each;
    so it does for each fold.
    A hole from before the data were read stays. Equally common data: the ones of the newest run.
    """
    finished = [record for row in table.values() for record in row.records]
    drawn = splits_are_drawn(finished)

    def group(record: Record) -> int | None:
        return replicate_of(record) if drawn else None

    counts: dict[int | None, Counter[str]] = defaultdict(Counter)
    newest: dict[str, str] = {}
    for record in sorted(finished, key=lambda record: record["finished"]):
        counts[group(record)][_data_of(record)] += 1
        newest[_data_of(record)] = record["finished"]
    kept = {g: max(found, key=lambda mark: (found[mark], newest[mark], mark)) for g, found in counts.items()}

    def stays(record: Record) -> bool:
        mark = record.get("data_fingerprint")
        return mark is None or mark == kept.get(group(record), mark)

    odd: dict[str, list[str]] = defaultdict(list)
    for row in table.values():
        for record in (*row.records, *row.holes):
            if not stays(record):
                odd[_data_of(record)].append(f"{record['model']} seed {record['seed']} ({record['id']})")
    rows = {
        key: replace(row, records=list(filter(stays, row.records)), holes=list(filter(stays, row.holes)))
        for key, row in table.items()
    }
    messages = [
        f"left out, for their data ({mark[:12]}) are not those of the others: {', '.join(runs)}"
        for mark, runs in sorted(odd.items())
    ]
    return {key: row for key, row in rows.items() if row.records or row.holes}, messages


def _data_of(record: Record) -> str:
    """The fingerprint of the data of a run that has read them; every finished one has."""
    return record["data_fingerprint"] or ""
