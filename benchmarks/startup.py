"""How long until the command line answers: ``--help``, a leaderboard, and a bare interpreter to compare with.

    python benchmarks/startup.py [--repeats 7] [--output]

Whole processes, taking turns; the bare interpreter imports argparse alone.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from drivers.reporting import RESULTS, make_parser, publish

COMMANDS = {
    "bare interpreter": ["-c", "import argparse"],
    "python -m harness --help": ["-m", "harness", "--help"],
    "python -m harness.leaderboard --help": ["-m", "harness.leaderboard", "--help"],
    "python -m harness.leaderboard (published boards)": ["-m", "harness.leaderboard", "results/boards"],
}
ROOT = Path(__file__).resolve().parent.parent
RESULT = RESULTS / "startup.md"


def seconds(arguments: list[str]) -> float:
    """Wall seconds of one process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure all commands in turns."""
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    if options.smallest:
        options.repeats = 1
    turns = [[seconds(command) for command in COMMANDS.values()] for _ in range(options.repeats)]
    lines = ["| command | median, s | least | most |", "|---|--:|--:|--:|"]
    for name, column in zip(COMMANDS, zip(*turns, strict=True), strict=True):
        lines.append(f"| {name} | {statistics.median(column):.2f} | {min(column):.2f} | {max(column):.2f} |")
    text = f"# Start-up\n\n{__doc__}\n" + "\n".join(lines) + "\n"
    publish(text, RESULT, write=options.output)


if __name__ == "__main__":
    main()
