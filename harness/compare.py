"""``python -m harness.compare A B``: do two configurations differ, where, and on which examples?

A and B are folders of runs, record files, or filters of what lies below --places, such as ``model=self,task=ner`` (also
seed=…, position=…, and any setting: training.steps=500). Each must name one configuration; its seeds are compared with
the other's. Tests over seeds need only records; those over test examples need the predictions beside them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.plain_text import listed
from harness.reading import read_records
from harness.records import Record, flatten
from harness.row_names import settings_that_differ
from harness.rows import Row, Table, group_records, keep_one_fingerprint

if TYPE_CHECKING:
    from harness.comparison import RunComparison, Runs
    from harness.comparison_examples import Difference, Example

NAMES = ("task", "data", "model", "backbone", "position", "experiment", "seed", "id")
MOST_SLICES = 15
MOST_LETTERS = 300


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, read, compare, print. Exit code 2, with one line that says why, if there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="python -m harness.compare", description=__doc__)
    parser.add_argument("a", metavar="A", help="a folder, a record file, or a filter")
    parser.add_argument("b", metavar="B", help="the same, to be compared with A")
    parser.add_argument("--places", nargs="*", default=["results"], help="where filters look (default: results)")
    parser.add_argument("--metric", help="the score to compare by (default: the main score of the task)")
    parser.add_argument("--examples", type=int, default=10, help="examples shown a side (default: 10)")
    parser.add_argument("--format", choices=["terminal", "json"], default="terminal")
    options = parser.parse_args(arguments)
    try:
        made = _compared(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.format == "json":
        from dataclasses import asdict

        print(json.dumps(asdict(made), indent=1, ensure_ascii=False))
    else:
        print("\n".join(lines_of(made)))
    return 0


def _compared(options: argparse.Namespace) -> RunComparison:
    from harness.comparison import compare_rows

    sides = [find_runs(text, side, options.places) for side, text in (("A", options.a), ("B", options.b))]
    return compare_rows(*sides, metric=options.metric, examples=max(0, options.examples))


# What A and B are


def find_runs(text: str, side: str, places: Sequence[str]) -> Runs:
    """The one configuration that ``text`` names, a path or a filter.

    Raises ValueError if it is neither, or names no finished run or several configurations.
    """
    from harness.comparison import Runs

    if Path(text).exists():
        found, left_out = read_records([text])
    elif "=" in text:
        found, left_out = read_records(places)
        found = _filtered(found, text, side, places)
    else:
        raise ValueError(
            f"{side}: {text!r} is neither a folder or record file nor a filter such as model=self,task=ner"
        )
    found.sort(key=lambda item: item[0].suffix == ".jsonl")  # published records have no predictions beside them
    folders = {id(record): path.parent for path, record in found}
    chosen = [keep_one_fingerprint(table) for table in group_records(record for _path, record in found).values()]
    tables, messages = [table for table, _ in chosen], [message for _, said in chosen for message in said]
    rows = [row for table in tables for row in table.values()]
    finished = [row for row in rows if row.records]
    if not finished:
        reasons = [f"{hole['status']}: {hole.get('reason')}" for row in rows for hole in row.holes]
        debug = ["debug runs are not compared"] if any(record["debug"] for _path, record in found) else []
        why = "; ".join([*reasons, *debug, *left_out][:1])
        raise ValueError(f"{side}: no finished run in {text!r}" + (f" ({_one_line(why)})" if why else ""))
    if len(finished) > 1:
        names = _names(tables, finished)
        shown = "; ".join(names[:4])
        raise ValueError(
            f"{side}: {text!r} names {len(finished)} configurations, and one is needed: {shown}"
            f"{'; …' if len(names) > 4 else ''}; narrow it down with more of task=, data=, model=, …"
        )
    (row,) = finished
    for other in rows:
        if other is not row:
            hole = other.holes[0]
            why = _one_line(f"{hole['status']}: {hole.get('reason')}")
            messages.append(f"{_names(tables, [other])[0]} has no finished run ({why})")
    return Runs(row, {record["seed"]: folders[id(record)] for record in row.records}, messages)


def _names(tables: Sequence[Table], rows: Sequence[Row]) -> list[str]:
    """Of each row task, data set, model and whatever tells it from the others of its table."""
    settings = {key: words for table in tables for key, words in settings_that_differ(table.values()).items()}
    names = [" ".join([r.sample["task"], r.sample["data"], *r.names, settings[r.key]]) for r in rows]
    return [" ".join(name.split()) for name in names]


def _filtered(
    found: Sequence[tuple[Path, Record]], text: str, side: str, places: Sequence[str]
) -> list[tuple[Path, Record]]:
    """The real runs that have all the values of a filter; ValueError if there are none, or for an unknown key."""
    wanted = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"{side}: expected a filter such as model=self,task=ner, got {part!r} in {text!r}")
        wanted[key.strip()] = value.strip()
    flat = [(path, record, _fields(record)) for path, record in found if not record["debug"]]
    known = {key for _path, _record, fields in flat for key in fields}
    for key in wanted:
        if flat and key not in known:
            raise ValueError(f"{side}: no record has {key!r}; there are {', '.join(NAMES)} and settings of the runs")
    chosen = [(path, record) for path, record, fields in flat if _matches(fields, wanted)]
    if not chosen:
        raise ValueError(f"{side}: no run in {', '.join(map(str, places))} has {text}")
    return chosen


def _fields(record: Record) -> dict[str, Any]:
    names = {name: record[name] for name in NAMES if name in record}
    return flatten(record["config"]) | names


def _matches(fields: dict[str, Any], wanted: dict[str, str]) -> bool:
    """As text, or as YAML writes true, false and null."""
    return all(
        key in fields and value in (str(fields[key]), json.dumps(fields[key], default=str))
        for key, value in wanted.items()
    )


# What is printed


def lines_of(made: RunComparison) -> list[str]:
    """The comparison for people."""
    lines = [
        f"{made.task} / {made.data}: {made.metric}{'' if made.higher_is_better else ' (lower is better)'}",
        f"  A: {made.a.name}, seeds {listed(made.a.seeds)}",
        f"  B: {made.b.name}, seeds {listed(made.b.seeds)}",
    ]
    lines += [f"  {key}: {a} | {b}" for key, a, b in made.settings]
    lines += ["", f"{'score (mean over seeds)':40} {'A':>8} {'B':>8} {'A - B':>8}"]
    whole = {key: both for key, both in made.scores.items() if "/" not in key}
    lines += [f"{key:40} {a:8.4f} {b:8.4f} {a - b:+8.4f}" for key, (a, b) in whole.items()]
    lines += ["", _over_seeds(made)]
    if made.examples is not None:
        lines += [_over_examples(made.examples.whole), "", *_slice_lines(made.examples.slices)]
        lines += ["", *_example_lines("A is better than B on", made.examples.better_a)]
        lines += ["", *_example_lines("B is better than A on", made.examples.better_b)]
    return [_plain(line) for line in [*lines, *(f"note: {message}" for message in made.messages)]]


def _over_seeds(made: RunComparison) -> str:
    from harness.statistics import fewest_seeds

    seeds = made.paired_seeds
    if not seeds:
        return f"over seeds: A - B = {made.difference:+.4f}, exact: no seed changes A or B"
    text = f"over {seeds} seed{'s' * (seeds > 1)}: A - B = {made.difference:+.4f}, p = {made.p_value:.3g} (sign-flip)"
    if seeds < fewest_seeds():
        text += f"; fewer than {fewest_seeds()} seeds can never reach 0.05"
    return text


def _over_examples(found: Difference) -> str:
    text = f"over {found.examples} test examples, these trained models: A - B = {found.difference:+.4f}"
    if found.low is None or found.high is None:
        return f"{text}; too few examples for an interval"
    return f"{text}, 95 % interval {found.low:+.4f} to {found.high:+.4f}, p = {found.p_value:.3g} (paired bootstrap)"


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


def _example_lines(title: str, examples: Sequence[Example]) -> list[str]:
    lines = [f"{title}, the clearest first:" if examples else f"{title} no example"]
    for example in examples:
        values = f"A {example.value_a:.2f}, B {example.value_b:.2f}"
        lines.append(f"  row {example.row} ({values}; outputs of seed {example.seed})")
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


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(line: str) -> str:
    """Without control characters: texts come from outside."""
    return "".join(letter if letter.isprintable() else " " for letter in line)


if __name__ == "__main__":
    sys.exit(main())
