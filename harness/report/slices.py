"""Scores of a table's rows by length, by rare and unseen words, by label; and its two best over test examples."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.board.row import replicate_of
from harness.board.tables import BoardTable
from harness.comparison.examples import Predictions, difference_over_examples, slice_masks
from harness.comparison.scoring import Scorer, scorer_for
from harness.records.record import written_language
from harness.report.evidence import Folders, Line

SEEDS_READ = 3
"""Of a row, the predictions of so many seeds are read for slices."""

FEWEST_EXAMPLES = 5
"""A smaller slice has no score: it would be chance."""

MOST_LABELS = 8
"""The slices of so many gold labels are shown, those of the most examples."""


@dataclass
class Slices:
    """Scores on parts of the test set, the mean over seeds; None where a part has too few examples."""

    names: list[str]
    examples: list[int]
    lines: list[Line]
    values: list[list[float | None]]
    messages: list[str] = field(default_factory=list)


def slices_of(table: BoardTable, lines: Sequence[Line], folders: Folders) -> Slices | str:
    """The scores of the rows that have predictions, by slice; or why there are none."""
    if table.test_set != "test":
        return "Predictions are kept for the test set alone, so parts of this further one cannot be scored."
    read = {line.number: _predictions(line, folders) for line in lines}
    having = [line for line in lines if read[line.number]]
    if not having:
        return "No predictions lie beside these records, so parts of the test set cannot be scored."
    rows = next(iter(read[having[0].number].values()))
    alike = {
        n: {seed: found for seed, found in runs.items() if _golds(found) == _golds(rows)} for n, runs in read.items()
    }
    lines = [line for line in having if alike[line.number]]
    everything = [row for line in lines for found in alike[line.number].values() for row in found]
    language = written_language(lines[0].records[0])
    try:
        scorer = scorer_for(table.metric, everything, language=language)
        statistics = [{seed: scorer.statistics(found) for seed, found in alike[line.number].items()} for line in lines]
        names, masks, messages = _chosen(rows, scorer)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"Parts of the test set cannot be scored: {error}"
    if sum(map(len, alike.values())) < sum(map(len, read.values())):
        messages.append("runs that were tested on other examples than the first are left out")
    if any(len(line.records) > SEEDS_READ for line in lines):
        messages.append(f"from the first {SEEDS_READ} seeds of each row")
    stacked = [np.stack(list(found.values())) for found in statistics]
    values = [[_score(scorer, found_SNK[:, mask]) for mask in masks] for found_SNK in stacked]
    messages += _two_best(lines, statistics, scorer)
    return Slices(names, [int(mask.sum()) for mask in masks], lines, values, messages)


def _two_best(lines: Sequence[Line], statistics: Sequence[Mapping[int, Any]], scorer: Scorer) -> list[str]:
    """The two best networks over test examples, which says whether these trained models differ, not the mechanisms.

    ``statistics``: of each line by seed; the seeds that both have are paired.
    """
    networks = [n for n, line in enumerate(lines) if not line.row.floor][:2]
    if len(networks) < 2:
        return []
    first, second = networks
    pair = f"the two best, {lines[first].name} and {lines[second].name},"
    seeds = [seed for seed in statistics[first] if seed in statistics[second]]
    if not seeds:
        return [f"{pair} are not compared over test examples: of the seeds that were read they have none in common"]
    a_SNK, b_SNK = (np.stack([statistics[n][seed] for seed in seeds]) for n in (first, second))
    found = difference_over_examples("", a_SNK, b_SNK, scorer)
    if found.low is None or found.high is None:
        return []
    return [
        f"{pair} over the {found.examples} test examples, these trained models of seed{'s' * (len(seeds) > 1)} "
        f"{', '.join(map(str, seeds))}: {found.a:.4f} and {found.b:.4f}, {found.difference:+.4f}, "
        f"95 % interval {found.low:+.4f} to {found.high:+.4f}, p = {found.p_value:.3g} (paired bootstrap, "
        "not corrected for the same scores having chosen these two)"
    ]


def _predictions(line: Line, folders: Folders) -> dict[int, Predictions]:
    """By seed."""
    found = {replicate_of(record): folders.predictions(record) for record in line.records[:SEEDS_READ]}
    return {seed: rows for seed, rows in found.items() if rows}


def _golds(rows: Predictions) -> list[tuple[int, str]]:
    return [(row["row"], repr(row["gold"])) for row in rows]


def _score(scorer: Scorer, statistics_SNK: Any) -> float | None:
    if statistics_SNK.shape[1] < FEWEST_EXAMPLES:
        return None
    value = float(np.mean(scorer.score(statistics_SNK.sum(axis=1))))
    return value if math.isfinite(value) else None


def _chosen(rows: Predictions, scorer: Scorer) -> tuple[list[str], list[Any], list[str]]:
    """All slices but those of rare labels."""
    found = list(slice_masks(rows, by_gold=not scorer.texts))
    labels = Counter({name: int(mask.sum()) for name, mask in found if name.startswith("gold ")})
    frequent = {name for name, _count in labels.most_common(MOST_LABELS)}
    kept = [(name, mask) for name, mask in found if name not in labels or name in frequent]
    messages = (
        [f"of {len(labels)} labels the {MOST_LABELS} with the most examples"] if len(labels) > MOST_LABELS else []
    )
    return [name for name, _mask in kept], [mask for _name, mask in kept], messages
