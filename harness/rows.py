"""From records to rows: which runs are seeds of one configuration, and which share their data.

Only the standard library is needed; statistics begin in ``board``.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.records import Record, every_source, without_folder

NO_POSITION = ("", "none")

EFFORT = ("trials", "method", "space", "seed", "trial_seed", "startup_trials", "prune", "prune_after")
"""Of a record's ``search``, what sets two searches apart."""


@dataclass
class Row:
    """One configuration on one data set: its finished runs over seeds, and its holes."""

    key: str
    records: list[Record] = field(default_factory=list)
    holes: list[Record] = field(default_factory=list)

    @property
    def sample(self) -> Record:
        """Any record of the row: names and configuration are the same in all but the seed."""
        return (self.records or self.holes)[0]

    @property
    def floor(self) -> bool:
        """Whether the row is a floor: a model without a network."""
        return is_floor(self.sample)

    @property
    def trials(self) -> int:
        """How many configurations were tried to find this one; 1 is the default configuration."""
        return trials_of(self.sample)

    @property
    def tuned(self) -> bool:
        """Whether the configuration comes from a search."""
        return bool(self.sample.get("search"))

    @property
    def matched(self) -> str:
        """What it was made equal in, and to which mechanism, in words; empty if it is as large as it comes."""
        return matched_to(self.sample)

    @property
    def names(self) -> tuple[str, str, str]:
        """Model, backbone and position, as the configuration calls them; of a floor only the model matters.

        A system of its own (``experiment=vaswani2017``) is called by its name, with the mechanism behind it.
        """
        sample = self.sample
        if self.floor:
            return sample["model"], "", ""
        position, system = sample.get("position") or "", sample.get("experiment")
        model = f"{system} ({sample['model']})" if system else sample["model"]
        return model, sample["backbone"], "" if position in NO_POSITION else position

    def scores(self, metric: str, test_set: str = "test") -> dict[int, float]:
        """Seed -> score on a test set, for the runs that have it; what is not finite is no score."""
        found = {record["seed"]: scores_on(record, test_set).get(metric) for record in self.records}
        return {
            seed: float(score)
            for seed, score in sorted(found.items())
            if isinstance(score, int | float) and math.isfinite(score)
        }

    def cost(self, *path: str) -> float | None:
        """The mean of a cost over seeds, or None if the row has no such cost (floors)."""
        return self.mean("costs", *path)

    def mean(self, *path: str) -> float | None:
        """The mean over seeds of a number in the records, or None if there is none."""
        values = []
        for record in self.records:
            value: Any = record
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            if isinstance(value, int | float):
                values.append(float(value))
        return statistics.fmean(values) if values else None


Table = dict[str, Row]


# Grouping


def is_floor(record: Mapping[str, Any]) -> bool:
    """Whether a run is that of a model without a network."""
    return "floor" in record["config"].get("model", {})


def trials_of(record: Mapping[str, Any]) -> int:
    """How many trials the search made that found this configuration; 1 without a search."""
    search = record.get("search")
    trials = search.get("trials") if isinstance(search, Mapping) else None
    return trials if isinstance(trials, int) else 1


def matched_to(record: Mapping[str, Any]) -> str:
    """How the model was resized (``match=``), in words; empty if it was not. Only what is alike here is compared."""
    match = record["config"].get("match")
    if not isinstance(match, Mapping) or match.get("by", "none") == "none":
        return ""
    return f"{match['by']} matched to {match.get('reference')}, expansion {match.get('expansion')}"


def is_trial(record: Mapping[str, Any]) -> bool:
    """Whether a run is a trial of a search: it has a validation score alone, and is no row."""
    search = record.get("search")
    return isinstance(search, Mapping) and "trial" in search


def effort_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a search spent and over what, for rows that are comparable only if they agree in it; empty without one."""
    search = record.get("search")
    return {key: search[key] for key in EFFORT if key in search} if isinstance(search, Mapping) else {}


def scores_on(record: Mapping[str, Any], test_set: str) -> Mapping[str, Any]:
    """The scores of a finished run on ``test``, or on a further test set; empty if it was not scored there."""
    if test_set == "test":
        scores = record["scores"]
    else:
        extra = record.get("extra_scores")
        scores = extra.get(test_set) if isinstance(extra, Mapping) else None
    return scores if isinstance(scores, Mapping) else {}


def comparable_configuration(record: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what may differ between the seeds of one row.

    The seed that draws missing splits follows the run's; of a floor, only task, data and model matter.
    """
    ignored = {"seed", "results_dir", "force", "trace", "logger", "data_dir", "debug"}
    config = {key: value for key, value in record["config"].items() if key not in ignored}
    if is_floor(record):
        config = {key: config[key] for key in ("task", "data", "model") if key in config}
    if "trainer" in config:
        shown_only = ("enable_progress_bar", "profiler")
        config["trainer"] = {key: value for key, value in config["trainer"].items() if key not in shown_only}
    return config | {"data": every_source(without_folder(config.get("data", {})), _for_all_seeds)}


def _for_all_seeds(source: dict[str, Any]) -> dict[str, Any]:
    """A source of data without the seed that draws missing splits."""
    return {key: value for key, value in source.items() if key != "seed" or "validation_fraction" not in source}


def configuration_key(record: Mapping[str, Any]) -> str:
    """What makes two records seeds of the same row: all of the configuration that can matter, and the search."""
    identity = [comparable_configuration(record), effort_of(record) or None]
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()


def group_records(records: Iterable[Record]) -> dict[tuple[str, str], Table]:
    """(task, data) -> rows. Of several records of one seed the newest finished one counts; debug runs never do.

    Those on different data all stay, for ``keep_one_fingerprint`` to choose from. Trials are no rows, but a search
    that has chosen nothing is a hole.
    """
    newest: dict[tuple[str, str, str, int, str], Record] = {}
    real = [record for record in records if not record["debug"]]
    found = [record for record in real if not is_trial(record)] + fruitless_searches(real)
    for record in sorted(found, key=lambda record: record["finished"], reverse=True):
        mark = record["data_fingerprint"] if record["status"] == "done" else ""
        newest.setdefault((record["task"], record["data"], configuration_key(record), record["seed"], mark), record)
    finished = {place[:-1] for place in newest if place[-1]}
    tables: dict[tuple[str, str], Table] = defaultdict(dict)
    for place, record in sorted(newest.items(), key=lambda item: item[0]):
        task, data, key, _seed, mark = place
        if mark:
            tables[task, data].setdefault(key, Row(key)).records.append(record)
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


# Comparability


def keep_one_fingerprint(table: Table) -> tuple[Table, list[str]]:
    """The rows on the data that most finished runs had, and a message for each other data: no fair comparison.

    Where the run's seed draws a split that the data set lacks, each seed has its own data, and the rule holds for each.
    A hole from before the data were read stays. Equally common data: the ones of the newest run.
    """
    finished = [record for row in table.values() for record in row.records]
    drawn = splits_are_drawn(finished)

    def group(record: Record) -> int | None:
        return record["seed"] if drawn else None

    counts: dict[int | None, Counter[str]] = defaultdict(Counter)
    newest: dict[str, str] = {}
    for record in sorted(finished, key=lambda record: record["finished"]):
        counts[group(record)][record["data_fingerprint"]] += 1
        newest[record["data_fingerprint"]] = record["finished"]
    kept = {g: max(found, key=lambda mark: (found[mark], newest[mark], mark)) for g, found in counts.items()}

    def stays(record: Record) -> bool:
        mark = record.get("data_fingerprint")
        return mark is None or mark == kept.get(group(record), mark)

    odd: dict[str, list[str]] = defaultdict(list)
    for row in table.values():
        for record in (*row.records, *row.holes):
            if not stays(record):
                odd[record["data_fingerprint"]].append(f"{record['model']} seed {record['seed']} ({record['id']})")
    rows = {
        key: Row(key, list(filter(stays, row.records)), list(filter(stays, row.holes))) for key, row in table.items()
    }
    messages = [
        f"left out, for their data ({mark[:12]}) are not those of the others: {', '.join(runs)}"
        for mark, runs in sorted(odd.items())
    ]
    return {key: row for key, row in rows.items() if row.records or row.holes}, messages


def splits_are_drawn(records: Sequence[Record]) -> bool:
    """Whether each seed drew its own splits: most runs' own seed may draw some, and no two of these have the same data.

    A run whose ``data.seed`` is not its own (it is fixed) draws the same for every seed.
    """
    seeds: dict[str, set[int]] = defaultdict(set)
    drawing = [record for record in records if _draws_by_seed(record["config"].get("data", {}), record["seed"])]
    for record in drawing:
        seeds[record["data_fingerprint"]].add(record["seed"])
    return 2 * len(drawing) > len(records) and all(len(found) == 1 for found in seeds.values())


def _draws_by_seed(source: Mapping[str, Any], seed: int) -> bool:
    fractions = (source.get("validation_fraction"), source.get("test_fraction"))
    inside = (value for value in source.values() if isinstance(value, Mapping))
    return (any(f is not None for f in fractions) and source.get("seed") == seed) or any(
        _draws_by_seed(further, seed) for further in inside
    )
