"""A comparison of two rows as the lines that a terminal shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.comparison.comparison import Estimate, RunComparison
from harness.comparison.examples import Difference, Example
from harness.records.printable import listed, plain
from harness.statistics.over_seeds import FEWEST

MOST_SLICES = 15

MOST_LETTERS = 300


def lines_of(made: RunComparison) -> list[str]:
    """The comparison for people."""
    lines = [
        f"{made.task} / {made.data}: {made.metric}{'' if made.higher_is_better else ' (lower is better)'}",
        f"  A: {made.a.name}, {made.replicates} {listed(made.a.seeds)}",
        f"  B: {made.b.name}, {made.replicates} {listed(made.b.seeds)}",
    ]
    lines += [f"  {key}: {a} | {b}" for key, a, b in made.settings]
    lines += ["", f"{f'score (mean over {made.replicates})':40} {'A':>8} {'B':>8} {'A - B':>8}"]
    whole = {key: both for key, both in made.scores.items() if "/" not in key}
    lines += [f"{key:40} {a:8.4f} {b:8.4f} {a - b:+8.4f}" for key, (a, b) in whole.items()]
    lines += ["", _over_seeds(made)]
    if made.examples is not None:
        one = made.replicates.removesuffix("s")
        lines += [_over_examples(made.examples.whole), *_over_both(made), "", *_slice_lines(made.examples.slices)]
        lines += ["", *_example_lines("A is better than B on", made.examples.better_a, one)]
        lines += ["", *_example_lines("B is better than A on", made.examples.better_b, one)]
    return [plain(line) for line in [*lines, *(f"note: {message}" for message in made.messages)]]


def _over_seeds(made: RunComparison) -> str:
    """For new seeds on this test set, or over the folds."""
    which = made.replicates
    if made.exact:
        return f"over {which}: A - B = {made.difference:+.4f}, exact: no seed changes A or B"
    if made.over_seeds is None:
        return f"over {which}: A - B = {made.difference:+.4f}; no test, for each side needs {FEWEST} {which}"
    if made.folds is not None:
        return f"over folds: {_estimate(made.difference, made.over_seeds)} (Welch)"
    return f"over seeds (new seeds, this test set): {_estimate(made.difference, made.over_seeds)} (Welch)"


def _over_examples(found: Difference) -> str:
    """For new examples and these trained models."""
    text = f"over {found.examples} test examples (these trained models, new examples): A - B = {found.difference:+.4f}"
    if found.low is None or found.high is None:
        return f"{text}; too few examples for an interval"
    return f"{text}, 95 % interval {found.low:+.4f} to {found.high:+.4f}, p = {found.p_value:.3g} (paired bootstrap)"


def _over_both(made: RunComparison) -> list[str]:
    """For new seeds and new examples."""
    if made.over_both is None:
        return []
    return [f"over both (new seeds and new examples): {_estimate(made.difference, made.over_both)} (cautious)"]


def _estimate(difference: float, found: Estimate) -> str:
    p_value = f"p = {found.p_value:.3g}"
    return f"A - B = {difference:+.4f}, 95 % interval {found.low:+.4f} to {found.high:+.4f}, {p_value}"


def _slice_lines(slices: Sequence[Difference]) -> list[str]:
    """The slices, those that differ first, then by the size of the difference."""
    order = sorted(slices, key=lambda s: (s.p_value is None or s.p_value > 0.05, -abs(s.difference)))
    lines = [f"{'slice':40} {'examples':>8} {'A':>8} {'B':>8} {'A - B':>8}  95 % interval; * p ≤ 0.05 (Holm)"]
    for s in order[:MOST_SLICES]:
        interval = "" if s.low is None else f"{s.low:+.4f} to {s.high:+.4f}"
        star = " *" if s.p_value is not None and s.p_value <= 0.05 else ""
        lines.append(
            f"{s.name:40} {s.examples:8} {s.a:8.4f} {s.b:8.4f} {s.difference:+8.4f}  {interval}{star}".rstrip()
        )
    if len(order) > MOST_SLICES:
        lines.append(f"and {len(order) - MOST_SLICES} more (--format json has all)")
    return lines


def _example_lines(title: str, examples: Sequence[Example], one: str) -> list[str]:
    lines = [f"{title}, the clearest first:" if examples else f"{title} no example"]
    for example in examples:
        values = f"A {example.value_a:.2f}, B {example.value_b:.2f}"
        lines.append(f"  row {example.row} ({values}; outputs of {one} {example.seed})")
        lines += [f"    {name}: {_cut(_joined(text))}" for name, text in example.texts.items()]
        lines += _outputs(example)
    return lines


def _outputs(example: Example) -> list[str]:
    """Gold and both outputs; of tags only those at which they differ."""
    outputs = {"gold": example.gold, "A": example.predicted_a, "B": example.predicted_b}
    tokens = next(iter(example.texts.values()), None)
    if not (isinstance(example.predicted_a, list) and isinstance(tokens, list)):
        return [
            f"    {name}: {_cut(' / '.join(text) if isinstance(text, list) else str(text))}"
            for name, text in outputs.items()
        ]
    places = [n for n, tags in enumerate(zip(*outputs.values(), strict=True)) if len(set(tags)) > 1]
    return [f"    {tokens[n]}: " + ", ".join(f"{name} {tags[n]}" for name, tags in outputs.items()) for n in places]


def _joined(text: Any) -> str:
    return " ".join(map(str, text)) if isinstance(text, list) else str(text)


def _cut(text: str) -> str:
    return text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]} …"
