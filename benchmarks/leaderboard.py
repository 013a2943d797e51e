"""How long a leaderboard of many records takes, and how much memory: reading, comparing all pairs, writing.

    python benchmarks/leaderboard.py [--output]

Whole processes on records as large as published ones, in a file of lines; scores are drawn. Processor seconds are those
of the process alone, whatever else the machine does; memory is the most that it held. Wanted: 1,000 records under 2 s,
and 20,000 under 10 s and 1 GB, in the terminal's format.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from drivers.reporting import RESULTS, make_parser, publish

ROOT = Path(__file__).resolve().parent.parent
RESULT = RESULTS / "leaderboard.md"
SHAPES = ((10, 20, 5), (20, 200, 5), (2, 2000, 5))
"""(tables, rows a table, seeds a row)."""

SMALLEST = ((1, 3, 3),)


def write_records(path: Path, tables: int, rows: int, seeds: int) -> None:
    """Records made from a published one."""
    with (ROOT / "results/boards/bundled/records.jsonl").open(encoding="utf-8") as file:
        template: dict[str, Any] = json.loads(file.readline())
    drawn = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for table, row, seed in ((t, r, s) for t in range(tables) for r in range(rows) for s in range(seeds)):
            model = "none" if row == 0 else f"mechanism_{row}"
            score = 0.6 + 0.2 * row / rows + drawn.gauss(0, 0.02)
            config = template["config"] | {"seed": seed, "model": template["config"]["model"] | {"name": model}}
            changed = {
                "data": f"data_{table}",
                "model": model,
                "seed": seed,
                "config": config,
                "id": f"{table}-{row}-{seed}",
            }
            file.write(json.dumps(template | changed | {"scores": {"accuracy": score}}) + "\n")


def measure(path: Path, *arguments: str) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak MiB of a leaderboard of these records."""
    command = [sys.executable, "-m", "harness.leaderboard", str(path), *arguments]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Measure every shape in the terminal's format, and what other formats take for the first two."""
    options = make_parser(__doc__, RESULT).parse_args()
    lines = ["| records | tables x rows x seeds | format | s | processor s | MiB |", "|--:|---|---|--:|--:|--:|"]
    with tempfile.TemporaryDirectory() as folder:
        for number, shape in enumerate(SMALLEST if options.smallest else SHAPES):
            place = Path(folder, str(number))
            place.mkdir()
            write_records(place / "records.jsonl", *shape)
            for style in ("terminal", "markdown", "json", "csv") if number < 2 else ("terminal",):
                seconds, processor, mebibytes = measure(place, "--format", style)
                size = " x ".join(map(str, shape))
                records = shape[0] * shape[1] * shape[2]
                lines.append(f"| {records} | {size} | {style} | {seconds:.1f} | {processor:.1f} | {mebibytes:.0f} |")
    text = f"# Leaderboards of many records\n\n{__doc__}\n" + "\n".join(lines) + "\n"
    publish(text, RESULT, write=options.output)


if __name__ == "__main__":
    main()
