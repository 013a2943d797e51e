"""``python -m harness task=ner model=cross``: compose a configuration, run it, say what came out.

With ``-m`` the cells of a sweep go to ``harness.sweep.dispatch`` instead (through ``hydra_plugins``).

Exit codes: 0 done (or found), 1 a run failed or a value was refused, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

_failed: list[str] = []


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(config: DictConfig) -> None:
    """Run one composed configuration, or with ``plan=true`` say what that would take."""
    from harness.configuration.compose import name_choices
    from harness.configuration.controls import check_controls, make_results_dir
    from harness.configuration.values import check_settings
    from harness.records.ranks import writes_here
    from harness.run.display import show_outcome
    from harness.run.execute import execute
    from harness.run.run import BusyError

    choices = HydraConfig.get().runtime.choices
    try:
        check_controls(config)
        check_settings(config)
        name_choices(config, choices)
        if not config.plan:
            make_results_dir(config)
        if config.search.method != "none":
            _search(config)
            return
        if choices["engine"] != "local" or config.workers > 1:
            raise ValueError("engine= and workers= say where the cells of a sweep run: add -m, even for a single cell")
        if config.plan:
            _plan(config)
            return
        outcome = execute(config)
    except (BusyError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        _failed.append("refused")
        return
    if writes_here():
        show_outcome(outcome)
    if outcome.record["status"] != "done":
        _failed.append(outcome.record["status"])


def _search(config: DictConfig) -> None:
    """The search for the settings of this one configuration."""
    from harness.engines.base import EngineError
    from harness.search.search import search_cells
    from harness.sweep.cells import Cell

    config.trainer.enable_progress_bar = False  # as in every sweep
    try:
        if search_cells([Cell("this run", config)], config):
            _failed.append("search")
    except EngineError as error:
        raise ValueError(str(error)) from error


def _plan(config: DictConfig) -> None:
    from harness.sweep.display import show_plan
    from harness.sweep.forecast import plan_cell
    from harness.sweep.job import Job

    if show_plan([plan_cell(("this run", Job(config, Path())))], workers=1):
        _failed.append("hopeless")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("interrupted; the same command resumes it", file=sys.stderr)
        sys.exit(130)
    sys.exit(1 if _failed else 0)
