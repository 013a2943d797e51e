"""What the benchmarks have in common: options, ratios of measurements taken in turns, and where the report goes."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).resolve().parent.parent / "results"


class Ratio(NamedTuple):
    """The medians of both sides and of the ratios of the turns, and the quartiles of these."""

    first: float
    second: float
    median: float
    low: float
    high: float


def compare_turns(turns: Sequence[tuple[float, float]]) -> Ratio:
    """Two sides measured in turns; ratios are second / first, so that whatever else the machine does hits both."""
    first, second = (statistics.median(side) for side in zip(*turns, strict=True))
    ratios = [b / a for a, b in turns]
    low, *_, high = statistics.quantiles(ratios, n=4)
    return Ratio(first, second, statistics.median(ratios), low, high)


def make_parser(doc: str, result: Path) -> argparse.ArgumentParser:
    """A parser whose help is the file's docstring, with ``--output`` or ``--smallest``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--output", action="store_true", help=f"write {result.name} beside the other results")
    what.add_argument(
        "--smallest", action="store_true", help="as little as can be, to see that it works; the numbers mean nothing"
    )
    return parser


def machine(load: float) -> str:
    """What was measured on; ``load``: the load average before the first measurement."""
    import torch  # not needed by benchmarks that import nothing heavy

    return (
        f"torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores, load average {load:.1f} at the "
        "start (above the number of cores = shared with other work, which slows two threads most)."
    )


def table_of(results: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The lines of a table: a column a result, a row a measure."""
    lines = [f"| | {' | '.join(results)} |", f"|---|{'---:|' * len(results)}"]
    for key in next(iter(results.values())):
        lines.append(f"| {key} | {' | '.join(f'{result[key]:,.2f}' for result in results.values())} |")
    return lines


def publish(text: str, result: Path, *, write: bool) -> None:
    """Print the report, and write it if asked to."""
    print(text)
    if write:
        result.parent.mkdir(exist_ok=True)
        result.write_text(text, encoding="utf-8")
