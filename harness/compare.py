"""``python -m harness.compare A B``: do two configurations differ, where, and on which examples?

A and B are folders of runs, record files, or filters of what lies below --places, such as ``model=self,task=ner`` (also
seed=…, position=…, and any setting: training.steps=500). Each must name one configuration; its seeds are compared with
the other's: for new seeds on this test set, for new examples and these trained models, and for both. What is said of
seeds needs only records; what is said of examples needs the predictions beside them. Where a pair was picked from a
board, the board's p holds, which is corrected for having looked at all.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.comparison.sides import find_runs
from harness.records.pipes import ended
from harness.records.printable import plain

if TYPE_CHECKING:
    from harness.comparison.comparison import RunComparison


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
        print(f"error: {plain(str(error))}", file=sys.stderr)
        return 2
    if options.format == "json":
        from dataclasses import asdict

        print(json.dumps(asdict(made), indent=1, ensure_ascii=False))
    else:
        from harness.comparison.terminal import lines_of

        print("\n".join(lines_of(made)))
    return 0


def _compared(options: argparse.Namespace) -> RunComparison:
    from harness.comparison.comparison import compare_rows

    sides = [find_runs(text, side, options.places) for side, text in (("A", options.a), ("B", options.b))]
    return compare_rows(*sides, metric=options.metric, examples=max(0, options.examples))


if __name__ == "__main__":
    sys.exit(ended(main))
