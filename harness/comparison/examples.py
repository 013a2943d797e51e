"""Two configurations compared over the test examples: the paired bootstrap, slices, and the clearest examples.

Several seeds: every resample takes the same examples for all seeds (``statistics.over_examples``), so the result holds
for the trained models at hand. The difference is always a minus b.

S seeds (each side has its own number), N test examples, K statistics of a score
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.comparison.scoring import Prediction, Scorer, scorer_for
from harness.records.files import read_predictions
from harness.statistics.over_examples import paired_bootstrap
from harness.statistics.over_seeds import Array, holm

Predictions = list[dict[str, Any]]

FEWEST_EXAMPLES = 50
"""A smaller slice gets no interval: the bootstrap's would be too narrow."""

NEEDED = frozenset({"row", "gold", "predicted", "length", "unseen"})
"""The fields that every prediction has."""

META = NEEDED | {"rare", "distance", "confidence"}
"""The fields of a prediction that are no text of the example; older ones lack the last three."""


@dataclass
class Difference:
    """Scores of a and b, a minus b, its 95 % interval and two-sided p; None where there is too little to say.

    ``variance``: of the difference over resampled examples.
    """

    name: str
    examples: int
    a: float
    b: float
    difference: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    variance: float | None = None


@dataclass
class Example:
    """A test example that one side does better: how good each is on it (mean over seeds), and the outputs of a seed."""

    row: int
    seed: int
    value_a: float
    value_b: float
    texts: dict[str, Any]
    gold: Any
    predicted_a: Any
    predicted_b: Any


@dataclass
class ExampleComparison:
    """The ``whole`` test set, its slices (p adjusted by Holm over all of them), and what each side does better."""

    whole: Difference
    slices: list[Difference]
    better_a: list[Example]
    better_b: list[Example]


def compare_examples(
    lists_a: Sequence[Predictions | None],
    lists_b: Sequence[Predictions | None],
    *,
    shown: Sequence[tuple[int, int, int]],
    metric: str,
    higher_is_better: bool,
    language: str,
    wanted: int,
) -> tuple[ExampleComparison | None, list[str]]:
    """Compare the predictions of a and b, a list for each of their seeds; or None with a message that says why not.

    ``shown``: runs whose outputs can be shown beside each other: place in a, place in b, and the seed they are called.
    ``wanted``: how many examples to keep a side. ``language``: the tag of what is written.
    """
    try:
        lists = _of_same_examples([*lists_a, *lists_b])
        scorer = scorer_for(metric, [row for found in lists for row in found], language=language)
    except ValueError as error:
        return None, [f"nothing is said of test examples: {error}"]
    ours, theirs = lists[: len(lists_a)], lists[len(lists_a) :]
    a_SNK, b_SNK = (np.stack([scorer.statistics(found) for found in side]) for side in (ours, theirs))
    a_SN, b_SN = (np.stack([scorer.values(found) for found in side]) for side in (ours, theirs))
    better = 1 if higher_is_better else -1
    sides = [
        [
            _example(ours[i][n], theirs[j][n], seed, float(a_SN[:, n].mean()), float(b_SN[:, n].mean()))
            for n, (i, j, seed) in _clearest(sign * a_SN, sign * b_SN, shown)[:wanted]
        ]
        for sign in (better, -better)
    ]
    whole = difference_over_examples("all test examples", a_SNK, b_SNK, scorer)
    slices = _slices(lists[0], a_SNK, b_SNK, scorer)
    return ExampleComparison(whole, slices, *sides), []


def _clearest(
    a_SN: Array, b_SN: Array, shown: Sequence[tuple[int, int, int]]
) -> list[tuple[int, tuple[int, int, int]]]:
    """The examples on which a is better, the clearest first, each with those runs ``shown`` that differ most."""
    gap_N = a_SN.mean(axis=0) - b_SN.mean(axis=0)
    order = [int(n) for n in np.argsort(-gap_N, kind="stable") if gap_N[n] > 1e-12]
    gaps_RN = np.array([a_SN[i] - b_SN[j] for i, j, _ in shown])
    return [(n, shown[int(gaps_RN[:, n].argmax())]) for n in order]


def _of_same_examples(lists: Sequence[Predictions | None]) -> list[Predictions]:
    """The predictions, each of the same examples. Raises ValueError with the reason if that is not so."""
    found = [predictions for predictions in lists if predictions is not None]
    if len(found) < len(lists):
        raise ValueError(
            f"{len(lists) - len(found)} of {len(lists)} runs have no predictions beside their record; run them again"
        )
    first = list(map(_identity, found[0]))
    if not first or any(list(map(_identity, predictions)) != first for predictions in found):
        raise ValueError(
            f"not all runs were tested on the same examples ({len(found)} runs); compare some on the same data"
        )
    return found


def _example(ours: Prediction, theirs: Prediction, seed: int, value_a: float, value_b: float) -> Example:
    texts = {key: value for key, value in ours.items() if key not in META}
    return Example(ours["row"], seed, value_a, value_b, texts, ours["gold"], ours["predicted"], theirs["predicted"])


def predictions_in(folder: Path) -> list[dict[str, Any]] | None:
    """The predictions in ``folder``, or None if there are none. Raises ValueError, naming the file, if damaged."""
    path = folder / "predictions.jsonl.gz"
    if not path.exists():
        return None
    try:
        rows = read_predictions(folder)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise ValueError(f"{path} is damaged ({error}); run again with force=true") from error
    if any(not isinstance(row, dict) or not row.keys() >= NEEDED for row in rows):
        raise ValueError(
            f"{path} is no list of predictions: expected {', '.join(sorted(NEEDED))} in every line; "
            "run again with force=true"
        )
    return rows


def _identity(row: Prediction) -> tuple[int, str]:
    return row["row"], repr(row["gold"])


def difference_over_examples(name: str, a_SNK: Array, b_SNK: Array, scorer: Scorer) -> Difference:
    """Scores over seeds, and the bootstrap's interval where there are enough examples for one."""
    a, b = (float(scorer.score(side.sum(1)).mean()) for side in (a_SNK, b_SNK))
    made = Difference(name, a_SNK.shape[1], a, b, a - b)
    if made.examples >= FEWEST_EXAMPLES:
        found = paired_bootstrap(a_SNK, b_SNK, scorer.score)
        made.low, made.high, made.p_value, made.variance = found.low, found.high, found.p_value, found.variance
    return made


def _slices(rows: Sequence[Prediction], a_SNK: Array, b_SNK: Array, scorer: Scorer) -> list[Difference]:
    """Every slice, the p values adjusted by Holm for looking at all of them."""
    found = [
        difference_over_examples(name, a_SNK[:, mask], b_SNK[:, mask], scorer)
        for name, mask in slice_masks(rows, by_gold=not scorer.texts)
    ]
    tested = [line for line in found if line.p_value is not None]
    for line, p_value in zip(tested, holm([line.p_value or 0.0 for line in tested]), strict=True):
        line.p_value = p_value
    return found


def slice_masks(rows: Sequence[Prediction], *, by_gold: bool) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Names and members of the slices: by length, by unseen and rare words, by distance, by gold label.

    Length and distance (``run.predictions.farthest_repetition``) are cut into thirds. By label, an example of tagging
    is in the slices of all types that its gold tags have (``B-`` and ``I-`` aside). Slices with no example or
    with all are left out, and those that need what older predictions do not hold.
    """
    unseen, rare = (np.array([row.get(key, 0) > 0 for row in rows]) for key in ("unseen", "rare"))
    apart = np.array([-1 if row.get("distance") is None else row["distance"] for row in rows])
    masks = [
        *_thirds("length", np.array([row["length"] for row in rows])),
        ("without unseen words", ~unseen),
        ("with unseen words", unseen),
        ("without rare words", ~rare),
        ("with rare words", rare),
        ("no new or rare word comes again", apart < 0),
        *_thirds("a new or rare word comes again after", apart),
    ]
    for name, mask in masks:
        if 0 < mask.sum() < len(rows):
            yield name, mask
    kinds = [_gold_kinds(row) if by_gold else set() for row in rows]
    for kind in sorted(set().union(*kinds)):
        mask = np.array([kind in found for found in kinds])
        if mask.sum() < len(rows):
            yield f"gold {kind}{' in the text' if isinstance(rows[0]['gold'], list) else ''}", mask


def _thirds(name: str, tokens: NDArray[np.int_]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The examples in three parts of about the same size by a number of tokens; those below 0 are in none."""
    if not (tokens >= 0).any():
        return
    lower, upper = np.quantile(tokens[tokens >= 0], [1 / 3, 2 / 3])
    for mask in ((tokens >= 0) & (tokens <= lower), (lower < tokens) & (tokens <= upper), tokens > upper):
        if mask.any():
            yield f"{name} {tokens[mask].min()} to {tokens[mask].max()} tokens", mask


def _gold_kinds(row: Prediction) -> set[str]:
    """The gold label, or the types of the gold tags."""
    gold = row["gold"]
    return {tag.removeprefix("B-").removeprefix("I-") for tag in gold} - {"O"} if isinstance(gold, list) else {gold}
