"""``python -m harness -m``: the cells of a sweep are planned, searched or run.

Every cell becomes a record, whatever happens to the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from omegaconf import DictConfig

from harness.configuration.controls import make_results_dir
from harness.engines.base import EngineError
from harness.engines.local import LocalWorkers
from harness.engines.locks import lock_problem
from harness.records.printable import plain
from harness.run.stopping import terminable
from harness.sweep.cells import Cell, make_cells
from harness.sweep.dispatch import PRELOAD, make_engine, run_cells
from harness.sweep.display import show_plan
from harness.sweep.forecast import plan_cells


def multirun(
    combinations: Sequence[Sequence[str]], *, swept: Sequence[str], compose: Callable[[Sequence[str]], DictConfig]
) -> int:
    """Run (or plan) the cell of each combination of overrides; returns the exit code: 1 if any cell is not done.

    ``swept``: the keys that differ between cells; ``compose``: the configuration, with Hydra's node, of overrides.
    """
    try:
        cells = make_cells(combinations, swept=swept, compose=compose)
        config = next((cell.config for cell in cells if cell.config is not None), None)
        if config is None:  # nothing but holes: they are shown, and no worker is needed
            run_cells(cells, LocalWorkers(1))
            return 1
        if not config.plan:
            make_results_dir(config)
    except ValueError as error:
        print(f"error: {plain(str(error))}", file=sys.stderr)
        return 1
    return drive(cells, config)


def drive(cells: Sequence[Cell], config: DictConfig) -> int:
    """Search, plan or run the cells, as ``config`` (any cell's) says; the exit code: 1 if anything is missing."""
    try:
        if not config.plan:
            _warn_of_local_locks(Path(config.results_dir))
        if any(cell.searched for cell in cells):
            from harness.search.search import search_cells

            return search_cells(cells, config)
        if config.plan:
            return show_plan(plan_cells(cells, LocalWorkers(1, preload=PRELOAD)), workers=int(config.workers))
        engine = make_engine(config)
        with terminable():
            answers = run_cells(cells, engine)
    except (EngineError, OSError, ValueError) as error:
        print(f"error: {plain(str(error))}", file=sys.stderr)
        return 1
    return 0 if all(answer.status == "done" for answer in answers) else 1


def _warn_of_local_locks(results: Path) -> None:
    problem = lock_problem(results)
    if problem is not None:
        print(f"warning: {problem}: run no second sweep over {results} from another machine", file=sys.stderr)
