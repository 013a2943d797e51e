"""Two configurations compared from their records and predictions: ``compare_rows`` gives plain data for any format.

Over seeds by Welch's test, over test examples by the paired bootstrap, whole and by slices, and over both; and the
examples that one gets right and the other wrong. The difference is always a minus b.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from harness.board.board import holes_of
from harness.board.drawn import splits_are_drawn
from harness.board.names import ABSENT
from harness.board.pairing import SeedScores, sample_of
from harness.board.remarks import FOLDS_SHARE, drawn_remarks, missing_folds
from harness.board.row import comparable_configuration, folds_of, is_floor, replicate_of
from harness.board.tables import replicates_of
from harness.comparison.examples import ExampleComparison, compare_examples, predictions_in
from harness.comparison.sides import Runs
from harness.configuration.effect import flatten
from harness.records.printable import listed
from harness.records.record import Record, written_language
from harness.statistics.over_examples import both
from harness.statistics.over_seeds import Sample, half_widths, welch


@dataclass
class Side:
    """One of the two: its name in words, and its seeds (or folds) and runs."""

    name: str
    seeds: list[int]
    runs: list[str]


@dataclass
class Estimate:
    """The difference with its 95 % interval and two-sided p."""

    low: float
    high: float
    p_value: float


@dataclass
class RunComparison:
    """Everything there is to say about a and b.

    ``settings``: where their configurations differ, as (key, value of a, value of b). ``scores``: mean over all seeds.
    ``difference`` of ``metric``. ``over_seeds``: for new seeds on this test set; None with fewer than 3 seeds.
    ``over_both``: for new seeds and new examples; None if one of the two is missing. ``exact``: no seed changes either
    side. ``examples``: for new examples and these trained models; None without predictions.
    ``folds``: of how many folds one is test in each run, and stands where seeds stand otherwise; None: none.
    """

    task: str
    data: str
    metric: str
    higher_is_better: bool
    a: Side
    b: Side
    settings: list[tuple[str, str, str]]
    scores: dict[str, tuple[float, float]]
    difference: float
    exact: bool
    over_seeds: Estimate | None
    over_both: Estimate | None = None
    examples: ExampleComparison | None = None
    messages: list[str] = field(default_factory=list)
    folds: int | None = None

    @property
    def replicates(self) -> str:
        """What the runs of a side differ in."""
        return replicates_of(self.folds)


def compare_rows(a: Runs, b: Runs, *, metric: str | None = None, examples: int = 10) -> RunComparison:
    """Compare by ``metric`` (None: the task's main score), with so many ``examples`` a side.

    Raises ValueError for rows that cannot be compared: another task or data, no such score.
    """
    sample = a.row.sample
    for name in ("task", "data"):
        if sample[name] != b.row.sample[name]:
            raise ValueError(
                f"A is of {name}={sample[name]}, B of {name}={b.row.sample[name]}: no common ground; choose runs of "
                "one task and data set"
            )
    metric = metric or sample["main_score"]
    _check_data(a, b)
    same_data = len({record["data_fingerprint"] for runs in (a, b) for record in runs.row.records}) == 1
    scores_a, scores_b = (_scores_of(runs, metric, side, same_data) for runs, side in ((a, "A"), (b, "B")))
    seeds_a, seeds_b = (_seeds_of(scores) for scores in (scores_a, scores_b))
    definition = str((sample.get("score_definitions") or {}).get(metric.split("/")[0], ""))
    made = RunComparison(
        task=sample["task"],
        data=sample["data"],
        metric=metric,
        higher_is_better="lower is better" not in definition,
        a=_side(a, seeds_a),
        b=_side(b, seeds_b),
        settings=_settings(sample, b.row.sample),
        scores=_all_scores(a, b, seeds_a, seeds_b),
        difference=statistics.fmean(scores_a.by_seed.values()) - statistics.fmean(scores_b.by_seed.values()),
        exact=scores_a.constant and scores_b.constant,
        over_seeds=_over_seeds(scores_a, scores_b),
        folds=folds_of(sample),
        messages=[*_left_out(a, b, metric, scores_a, scores_b), *_messages(a, b, seeds_a, seeds_b)],
    )
    _add_examples(made, a, b, (scores_a, scores_b), wanted=examples)
    return made


def _over_seeds(a: SeedScores, b: SeedScores) -> Estimate | None:
    """Welch's test of the two alone, or None with too few seeds or none that change anything."""
    if not (a.ranked and b.ranked) or (a.constant and b.constant):
        return None
    sides = _samples(a, b)
    found = welch(*sides)
    difference, half_width = float(found.difference[0]), float(half_widths(found, comparisons=1)[0])
    return Estimate(difference - half_width, difference + half_width, float(found.p_value[0]))


def _samples(a: SeedScores, b: SeedScores) -> tuple[Sample, Sample]:
    both = sample_of([a, b], sign=1)
    return both.take(np.array([0])), both.take(np.array([1]))


def _add_examples(made: RunComparison, a: Runs, b: Runs, scores: tuple[SeedScores, SeedScores], *, wanted: int) -> None:
    made.examples, messages = compare_examples(
        [predictions_in(a.folders[seed]) for seed in made.a.seeds],
        [predictions_in(b.folders[seed]) for seed in made.b.seeds],
        shown=_shown(made.a.seeds, made.b.seeds),
        metric=made.metric,
        higher_is_better=made.higher_is_better,
        language=written_language(a.row.sample),
        wanted=wanted,
    )
    made.messages += messages
    if made.examples is None:
        return
    whole = made.examples.whole
    made.messages += _other_scores(made.metric, made.scores, (whole.a, whole.b))
    if made.over_seeds is not None and whole.variance is not None:
        sides = (x._replace(mean=x.mean[0], variance=x.variance[0], seeds=x.seeds[0]) for x in _samples(*scores))
        found = both(*sides, example_variance=whole.variance, examples=whole.examples)
        made.over_both = Estimate(found.low, found.high, found.p_value)


def _shown(seeds_a: Sequence[int], seeds_b: Sequence[int]) -> list[tuple[int, int, int]]:
    """Runs whose outputs can stand beside each other: (place in a, place in b, seed); of common seeds if there are."""
    common = [(n, seeds_b.index(seed), seed) for n, seed in enumerate(seeds_a) if seed in seeds_b]
    if common:
        return common
    if len(seeds_a) == 1:
        return [(0, n, seed) for n, seed in enumerate(seeds_b)]
    return [(n, 0, seed) for n, seed in enumerate(seeds_a)]


def _other_scores(metric: str, recorded: Mapping[str, tuple[float, float]], computed: tuple[float, float]) -> list[str]:
    """Said if predictions give other scores than the records: one of the two is then of another code."""
    return [
        f"the predictions of {side} give {metric} {mine:.4f}, its records {theirs:.4f}"
        for side, mine, theirs in zip("AB", computed, recorded[metric], strict=True)
        if abs(mine - theirs) > 1e-4
    ]


def _scores_of(runs: Runs, metric: str, side: str, same_data: bool) -> SeedScores:
    scores = SeedScores.of(runs.row, metric, "test", same_data=same_data)
    if not scores.by_seed:
        known = ", ".join(sorted(runs.row.sample["scores"]))
        raise ValueError(f"{side} has no score {metric!r}; there are: {known}")
    return scores


def _seeds_of(scores: SeedScores) -> list[int]:
    """The seeds that are compared: all, and one of a floor that no seed changes."""
    return list(scores.by_seed)[:1] if scores.constant else list(scores.by_seed)


def _check_data(a: Runs, b: Runs) -> None:
    """Raise ValueError unless both had the same data: in all runs, or seed by seed where each seed draws its splits."""
    marks_a, marks_b = ({s: str(r["data_fingerprint"]) for s, r in runs.by_seed.items()} for runs in (a, b))
    if len({*marks_a.values(), *marks_b.values()}) == 1:
        return
    drawn = splits_are_drawn([*a.row.records, *b.row.records])
    for seed_a, mark_a in marks_a.items():
        for seed_b, mark_b in marks_b.items():
            if mark_a != mark_b and (seed_a == seed_b or not drawn):
                raise ValueError(
                    f"the data of A ({mark_a[:12]}) and B ({mark_b[:12]}) differ: no fair comparison; run one of them "
                    "again on the data of the other"
                )


def _side(runs: Runs, seeds: Sequence[int]) -> Side:
    used = sorted(set(seeds))
    ids = [record["id"] for seed in used for record in runs.row.records if replicate_of(record) == seed]
    return Side(runs.name, used, ids)


def _settings(a: Record, b: Record) -> list[tuple[str, str, str]]:
    """Settings that differ, but for those of a part of another name, which has its own; floors have hardly any."""
    if is_floor(a) or is_floor(b):
        return []
    parts = tuple(f"{part}." for part in ("model", "backbone", "position") if a.get(part) != b.get(part))
    flat_a, flat_b = (flatten(comparable_configuration(record)) for record in (a, b))
    return [
        (key, str(flat_a.get(key, ABSENT)), str(flat_b.get(key, ABSENT)))
        for key in sorted(flat_a.keys() | flat_b.keys())
        if repr(flat_a.get(key, ABSENT)) != repr(flat_b.get(key, ABSENT)) and not key.startswith((*parts, "names."))
    ]


def _all_scores(a: Runs, b: Runs, seeds_a: Sequence[int], seeds_b: Sequence[int]) -> dict[str, tuple[float, float]]:
    """The mean of every score that all runs have."""
    found = {}
    for key in a.row.records[0]["scores"]:
        sides = [(runs.row.scores(key), seeds) for runs, seeds in ((a, seeds_a), (b, seeds_b))]
        if all(seed in scores for scores, seeds in sides for seed in seeds):
            first, second = (statistics.fmean(scores[seed] for seed in seeds) for scores, seeds in sides)
            found[key] = (first, second)
    return found


def _left_out(a: Runs, b: Runs, metric: str, scores_a: SeedScores, scores_b: SeedScores) -> list[str]:
    """The seeds that the comparison is without, and why: a mechanism that fails now and then is not a good one."""
    messages = []
    for side, runs, mine in (("A", a, scores_a), ("B", b, scores_b)):
        messages += [f"{side}: {message}" for message in runs.messages]
        for hole in holes_of(runs.row, metric, mine.by_seed):
            which = replicates_of(folds_of(runs.row.sample))
            messages.append(f"{side} has no score for {which} {listed(hole.seeds)}: {hole.status}: {hole.reason}")
    return messages


def _fold_messages(a: Runs, b: Runs) -> list[str]:
    """What folds in the place of seeds mean, and which of them a side lacks."""
    several = any(len(runs.row.records) > len(runs.by_seed) for runs in (a, b))
    messages = ["of several seeds of a fold the mean counts"] if several else []
    for side, runs in (("A", a), ("B", b)):
        messages += [f"{side}: {remark}" for remark in missing_folds(runs.row)]
    return [*messages, FOLDS_SHARE]


def _messages(a: Runs, b: Runs, seeds_a: Sequence[int], seeds_b: Sequence[int]) -> list[str]:
    messages = []
    folds = folds_of(a.row.sample)
    if len(seeds_a) == len(seeds_b) == 1 and seeds_a != seeds_b and not (a.row.floor or b.row.floor):
        messages.append(f"the two runs have different {replicates_of(folds)}, so that chance alone may part them")
    if folds is not None:
        messages += _fold_messages(a, b)
    used = [runs.by_seed[seed] for runs, seeds in ((a, seeds_a), (b, seeds_b)) for seed in seeds]
    versions = sorted({str(record.get("code_version")) for record in used})
    if len(versions) > 1:
        messages.append(f"the runs are of different versions of the code: {', '.join(versions)}")
    return messages + drawn_remarks(used)
