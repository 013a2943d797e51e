"""A row of a board: the runs of one configuration over seeds, and what is read off a single record.

Only the standard library is needed.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.configuration.effect import every_source, flatten, with_effect
from harness.records.printable import cut
from harness.records.record import Record

NO_POSITION = ("", "none")

EFFORT = ("trials", "method", "space", "seed", "trial_seed", "startup_trials", "prune", "prune_after")
"""Of a record's ``search``, what sets two searches apart."""


MOST_FOLDS = 1000
"""The schema takes no more."""


@dataclass
class Row:
    """One configuration on one data set: its finished runs over seeds, and its holes.

    ``repeated``: seeds of which there are older finished runs, which do not count. Where the data are folded, folds
    stand in the place of seeds, and a fold's score is the mean of its seeds.
    """

    key: str
    records: list[Record] = field(default_factory=list)
    holes: list[Record] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)

    @property
    def sample(self) -> Record:
        """Any record of the row: names and configuration are the same in all but the seed."""
        return (self.records or self.holes)[0]

    @property
    def floor(self) -> bool:
        """Whether the row is a floor: a model without a network."""
        return is_floor(self.sample)

    @property
    def deterministic(self) -> bool:
        """Whether it is a floor that draws nothing by chance; all are of which the record does not say."""
        return self.floor and bool(self.sample.get("deterministic", True))

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
            return cut(sample["model"]), "", ""
        position, system = sample.get("position") or "", sample.get("experiment")
        model = f"{system} ({sample['model']})" if system else sample["model"]
        return cut(model), cut(sample["backbone"]), "" if position in NO_POSITION else cut(position)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The configuration with dotted keys, and the effort but for the number of trials, which has its own column."""
        effort = {key: value for key, value in effort_of(self.sample).items() if key != "trials"}
        return flatten({**comparable_configuration(self.sample), **({"search": effort} if effort else {})})

    def scores(self, metric: str, test_set: str = "test") -> dict[int, float]:
        """Seed (or fold) -> score on a test set, for the runs that have it; what is not finite is no score."""
        found: dict[int, list[float]] = defaultdict(list)
        for record in self.records:
            score = scores_on(record, test_set).get(metric)
            if isinstance(score, int | float) and math.isfinite(score):
                found[replicate_of(record)].append(float(score))
        return {number: statistics.fmean(scores) for number, scores in sorted(found.items())}

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


def folds_of(record: Mapping[str, Any]) -> int | None:
    """How many folds the data of a run are cut into, of which it was tested on one; None without cross-validation."""
    source = record["config"].get("data", {})
    folds, fold = source.get("folds"), source.get("fold")
    known = isinstance(folds, int) and isinstance(fold, int) and 0 <= fold < folds <= MOST_FOLDS
    return folds if known else None


def replicate_of(record: Mapping[str, Any]) -> int:
    """What tells the runs of a row apart: the seed, or the fold that was test."""
    number: int = record["seed"] if folds_of(record) is None else record["config"]["data"]["fold"]
    return number


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
    """The configuration without what may differ between the seeds, or folds, of one row.

    The seed that draws missing splits follows the run's; of a floor, only task, data and model matter.
    """
    config = {key: value for key, value in with_effect(record["config"]).items() if key not in ("seed", "debug")}
    if is_floor(record):
        config = {key: config[key] for key in ("task", "data", "model") if key in config}
    return config | {"data": every_source(config.get("data", {}), _for_all_seeds)}


def _for_all_seeds(source: dict[str, Any]) -> dict[str, Any]:
    """A source of data without the seed that draws missing splits, and without the fold that is test."""
    drawn = "validation_fraction" in source
    return {key: value for key, value in source.items() if not (drawn and key in ("seed", "fold"))}


def configuration_key(record: Mapping[str, Any]) -> str:
    """What makes two records seeds of the same row: all of the configuration that can matter, and the search."""
    identity = [comparable_configuration(record), effort_of(record) or None]
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()
