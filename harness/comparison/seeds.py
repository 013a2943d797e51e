"""Two configurations compared from their records and predictions: ``compare_rows`` gives plain data for any format.

Over seeds by the exact sign-flip test, as on the leaderboard; over test examples by the paired bootstrap, whole and by
slices; and the examples that one gets right and the other wrong. The difference is always a minus b.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from harness.board.board import holes_of
from harness.board.names import ABSENT
from harness.board.pairing import SeedScores, pair
from harness.board.row import comparable_configuration, is_floor
from harness.comparison.examples import ExampleComparison, compare_examples, predictions_in
from harness.comparison.sides import Runs
from harness.configuration.effect import flatten
from harness.records.printable import listed
from harness.records.record import Record


@dataclass
class Side:
    """One of the two: its name in words, and its seeds and runs."""

    name: str
    seeds: list[int]
    runs: list[str]


@dataclass
class RunComparison:
    """Everything there is to say about a and b.

    ``settings``: where their configurations differ, as (key, value of a, value of b). ``scores``: mean over seeds.
    ``difference`` of ``metric``, and its two-sided ``p_value`` by the sign-flip test over ``paired_seeds`` (0: no seed
    changes either, and the difference is exact). ``examples``: None without predictions.
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
    p_value: float
    paired_seeds: int
    examples: ExampleComparison | None = None
    messages: list[str] = field(default_factory=list)


def compare_rows(a: Runs, b: Runs, *, metric: str | None = None, examples: int = 10) -> RunComparison:
    """Compare by ``metric`` (None: the task's main score), with so many ``examples`` a side.

    Raises ValueError for rows that cannot be compared: another task or data, no common seed, no such score.
    """
    sample = a.row.sample
    for name in ("task", "data"):
        if sample[name] != b.row.sample[name]:
            raise ValueError(f"A is of {name}={sample[name]}, B of {name}={b.row.sample[name]}: no common ground")
    metric = metric or sample["main_score"]
    same_data = len({record["data_fingerprint"] for runs in (a, b) for record in runs.row.records}) == 1
    scores_a, scores_b = (_scores_of(runs, metric, side, same_data) for runs, side in ((a, "A"), (b, "B")))
    pairs = _pairs(scores_a, scores_b)
    _check_data(a, b, pairs)
    values_a, values_b = [scores_a.by_seed[s] for s, _ in pairs], [scores_b.by_seed[s] for _, s in pairs]
    # Under the number of the pair, so that two single runs are compared, too, and floors keep their one score.
    found = pair(*(SeedScores(dict(enumerate(v)), s.constant) for v, s in ((values_a, scores_a), (values_b, scores_b))))
    definition = str((sample.get("score_definitions") or {}).get(metric.split("/")[0], ""))
    made = RunComparison(
        task=sample["task"],
        data=sample["data"],
        metric=metric,
        higher_is_better="lower is better" not in definition,
        a=_side(a, [s for s, _ in pairs]),
        b=_side(b, [s for _, s in pairs]),
        settings=_settings(sample, b.row.sample),
        scores=_all_scores(a, b, pairs),
        difference=statistics.fmean(values_a) - statistics.fmean(values_b),
        p_value=found.p_value,
        paired_seeds=len(found.differences),
        messages=[*_left_out(a, b, metric, scores_a, scores_b), *_messages(a, b, pairs)],
    )
    _add_examples(made, a, b, pairs, wanted=examples)
    return made


def _add_examples(made: RunComparison, a: Runs, b: Runs, pairs: Sequence[tuple[int, int]], *, wanted: int) -> None:
    read = cache(predictions_in)
    made.examples, messages = compare_examples(
        [read(a.folders[seed_a]) for seed_a, _ in pairs],
        [read(b.folders[seed_b]) for _, seed_b in pairs],
        seeds=[seed_a if b.row.floor else seed_b for seed_a, seed_b in pairs],
        metric=made.metric,
        higher_is_better=made.higher_is_better,
        language=str(a.row.sample["config"].get("task", {}).get("language", "en")),
        wanted=wanted,
    )
    made.messages += messages
    if made.examples is not None:
        computed = made.examples.whole
        made.messages += _other_scores(made.metric, made.scores, (computed.a, computed.b))


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


def _pairs(a: SeedScores, b: SeedScores) -> list[tuple[int, int]]:
    """The seeds of a and b that are compared with each other: the common ones.

    A floor that no seed changes is compared by one run of it; two single runs are compared as they are.
    """
    seeds_a, seeds_b = list(a.by_seed), list(b.by_seed)
    if (a.constant and b.constant) or len(seeds_a) == len(seeds_b) == 1:
        return [(seeds_a[0], seeds_b[0])]
    if a.constant:
        return [(seeds_a[0], seed) for seed in seeds_b]
    if b.constant:
        return [(seed, seeds_b[0]) for seed in seeds_a]
    common = [seed for seed in seeds_a if seed in b.by_seed]
    if not common:
        raise ValueError(f"no seed in common: A has {listed(seeds_a)}, B has {listed(seeds_b)}; run the missing ones")
    return [(seed, seed) for seed in common]


def _check_data(a: Runs, b: Runs, pairs: Sequence[tuple[int, int]]) -> None:
    for seed_a, seed_b in pairs:
        mark_a, mark_b = (str(runs.by_seed[seed]["data_fingerprint"]) for runs, seed in ((a, seed_a), (b, seed_b)))
        if mark_a != mark_b:
            raise ValueError(f"the data of A ({mark_a[:12]}) and B ({mark_b[:12]}) differ: no fair comparison")


def _side(runs: Runs, seeds: Sequence[int]) -> Side:
    used = sorted(set(seeds))
    return Side(runs.name, used, [runs.by_seed[seed]["id"] for seed in used])


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


def _all_scores(a: Runs, b: Runs, pairs: Sequence[tuple[int, int]]) -> dict[str, tuple[float, float]]:
    """The mean of every score that all runs have."""
    records = [(a.by_seed[seed_a]["scores"], b.by_seed[seed_b]["scores"]) for seed_a, seed_b in pairs]
    keys = [key for key in records[0][0] if all(key in scores for both in records for scores in both)]
    return {
        key: (statistics.fmean(x[key] for x, _ in records), statistics.fmean(y[key] for _, y in records))
        for key in keys
    }


def _left_out(a: Runs, b: Runs, metric: str, scores_a: SeedScores, scores_b: SeedScores) -> list[str]:
    """The seeds that the comparison is without, and why: a mechanism that fails now and then is not a good one."""
    messages = []
    for side, runs, mine, others in (("A", a, scores_a, scores_b), ("B", b, scores_b, scores_a)):
        messages += [f"{side}: {message}" for message in runs.messages]
        for hole in holes_of(runs.row, metric, mine.by_seed):
            messages.append(f"{side} has no score for seeds {listed(hole.seeds)}: {hole.status}: {hole.reason}")
        single = len(mine.by_seed) == len(others.by_seed) == 1
        lonely = [] if mine.constant or others.constant or single else sorted(mine.by_seed.keys() - others.by_seed)
        if lonely:
            messages.append(f"{side} alone has a score for seeds {listed(lonely)}: they are not compared")
    return messages


def _messages(a: Runs, b: Runs, pairs: Sequence[tuple[int, int]]) -> list[str]:
    messages = []
    if any(seed_a != seed_b for seed_a, seed_b in pairs) and not (a.row.floor or b.row.floor):
        messages.append("the two runs have different seeds, so that chance alone may part them")
    used = [runs.by_seed[seed] for both in pairs for runs, seed in zip((a, b), both, strict=True)]
    versions = sorted({str(record.get("code_version")) for record in used})
    if len(versions) > 1:
        messages.append(f"the runs are of different versions of the code: {', '.join(versions)}")
    return messages
