"""Small cells of a sweep with one worker and with two: cells an hour, and what a cell costs before its first step.

    python benchmarks/throughput.py [--cells 48] [--repeats 1] [--output]

The cells differ in their seeds alone; both sides run the same ones, take turns, and are timed from nothing to the last
record, so that starting workers and importing torch count. The ratio (aim: at least 1.7 on two free cores) is the
median of the turns'. Overhead runs from the end of a worker's cell before (reading its answer and handing out the next
one count) to the end of the first optimiser step; aim: under 3 s after a worker's first cell.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from drivers.reporting import RESULTS, make_parser, publish
from rich.console import Console

from harness.configuration.compose import compose_configuration
from harness.engines.local import LocalWorkers
from harness.sweep.cells import Cell
from harness.sweep.dispatch import PRELOAD, run_cells
from harness.sweep.job import Answer, Job, run_cell

CELL = [
    "task=pos",
    "model=self",
    "backbone.width=32",
    "data.max_train=400",
    "training.steps=150",
    "trainer.accelerator=cpu",
    "trainer.enable_progress_bar=false",
]
SMALLEST = ["data.size=few", "data.max_train=null", "training.steps=2", "backbone.width=16"]
SIDES = {"one worker": 1, "two workers": 2}
RESULT = RESULTS / "throughput.md"


class Span(NamedTuple):
    """When a worker began a cell, had made its first step, and ended it; seconds since the epoch."""

    worker: int
    begun: float
    stepped: float
    ended: float


def timed_cell(job: Job) -> tuple[Answer, Span]:
    """Run a cell inside a worker and note its times."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    begun, steps = time.time(), list[float]()
    hook = register_optimizer_step_post_hook(lambda *_: steps.append(time.time()) if not steps else None)
    answer = run_cell(job)
    hook.remove()
    if answer.status != "done":
        raise RuntimeError(f"a cell of the benchmark is {answer.status}: {answer.reason}")
    return answer, Span(os.getpid(), begun, steps[0], time.time())


def run_side(workers: int, *, cells: int, results: str, options: Sequence[str]) -> tuple[float, list[Span]]:
    """Wall seconds of a whole sweep and the times of its cells."""
    made = [
        Cell(f"seed={seed}", compose_configuration([*CELL, *options, f"seed={seed}", f"results_dir={results}"]))
        for seed in range(1, cells + 1)
    ]
    spans: list[Span] = []

    def engine(_run_cell: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        for number, (answer, span) in LocalWorkers(workers, preload=PRELOAD)(timed_cell, jobs):
            spans.append(span)
            yield number, answer

    started = time.perf_counter()
    run_cells(made, engine, console=Console(quiet=True))
    return time.perf_counter() - started, spans


def overheads(spans: Sequence[Span]) -> list[float]:
    """Seconds from the end of the cell before to the first step, of every cell but each worker's first."""
    by_worker = [sorted(span for span in spans if span.worker == worker) for worker in {span.worker for span in spans}]
    return [after.stepped - before.ended for cells in by_worker for before, after in pairwise(cells)]


def main() -> None:
    """Run both sides in turns."""
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--cells", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    if options.smallest:
        options.cells, options.repeats = 4, 1
    if options.cells < 4:
        parser.error(f"--cells is at least 4, so that a worker has one after its first; got {options.cells}")
    seconds: dict[str, list[float]] = {side: [] for side in SIDES}
    spans: dict[str, list[Span]] = {side: [] for side in SIDES}
    waits: dict[str, list[float]] = {side: [] for side in SIDES}
    for _ in range(options.repeats):
        for side, workers in SIDES.items():
            with tempfile.TemporaryDirectory() as results:
                wall, times = run_side(
                    workers, cells=options.cells, results=results, options=SMALLEST if options.smallest else ()
                )
            seconds[side].append(wall)
            spans[side] += times
            waits[side] += overheads(times)
    ratio = statistics.median(one / two for one, two in zip(*seconds.values(), strict=True))
    lines = [
        f"{options.cells} cells a side, {options.repeats} turns, {os.cpu_count()} cores.",
        "",
        "| | whole sweep, s | cells an hour | a cell, s | overhead, s: median | most |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for side in SIDES:
        wall = statistics.median(seconds[side])
        cell = statistics.median(span.ended - span.begun for span in spans[side])
        lines.append(
            f"| {side} | {wall:.1f} | {3600 * options.cells / wall:.0f} | {cell:.2f} "
            f"| {statistics.median(waits[side]):.2f} | {max(waits[side]):.2f} |"
        )
    lines += ["", f"Two workers do {ratio:.2f} times the work of one."]
    text = f"# Throughput of sweeps\n\n{__doc__}\n" + "\n".join(lines) + "\n"
    publish(text, RESULT, write=options.output)


if __name__ == "__main__":
    main()
