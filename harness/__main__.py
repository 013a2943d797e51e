"""``python -m harness task=ner model=cross``: compose a configuration, run it, say what came out.

With ``-m`` the cells of a sweep go to ``harness.multirun`` instead (through ``hydra_plugins``).

Exit codes: 0 done (or found), 1 a run failed or a value was refused, 130 stopped by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from harness.configuration.paths import with_quoted_paths
from harness.records.pipes import ended
from harness.records.printable import plain

if TYPE_CHECKING:
    from harness.run.run import Outcome

_failed: list[str] = []

_typed = list(sys.argv)
"""The command as it was typed, which is what records keep."""

TRACES = "HYDRA_FULL_ERROR"
"""Where this is set, Hydra raises its errors; else it prints them, in many lines."""

_traced = TRACES in os.environ


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(config: DictConfig) -> None:
    """Run one composed configuration, search its settings, or with ``plan=true`` say what it would take."""
    from harness.configuration.compose import name_choices
    from harness.configuration.content import settle_content
    from harness.configuration.controls import make_results_dir
    from harness.configuration.values import check_settings

    sys.argv[:] = _typed
    if not _traced:
        os.environ.pop(TRACES, None)  # what is started from here is nobody's to trace
    choices = HydraConfig.get().runtime.choices
    try:
        check_settings(config)
        name_choices(config, choices)
        settle_content(config)
        if not config.plan:
            make_results_dir(config)
        if config.search.method != "none":
            _drive(config)
            return
        if choices["engine"] != "local" or config.workers > 1:
            raise ValueError(
                f"engine={choices['engine']} and workers={config.workers} say where the cells of a sweep run; add -m, "
                "even for a single cell"
            )
        if config.plan:
            _drive(config)
            return
        _run(config)
    except ValueError as error:
        print(f"error: {plain(str(error))}", file=sys.stderr)
        _failed.append("refused")


def _run(config: DictConfig) -> None:
    from harness.records.processes import writes_here
    from harness.run.display import show_outcome

    outcome = _outcome(config)
    if writes_here():
        show_outcome(outcome)
    if outcome.record["status"] != "done":
        _failed.append(outcome.record["status"])


def _outcome(config: DictConfig) -> Outcome:
    """What the run came to; where another process is at it, once that has let go: found, or gone on with."""
    from harness.records.processes import writes_here
    from harness.run.display import show_data
    from harness.run.execute import execute
    from harness.run.folder import first_free
    from harness.run.run import BusyError

    while True:
        try:
            return execute(config, begun=lambda run: show_data(run) if writes_here() else None)
        except BusyError as error:
            said = f"waiting for another process, which is at the same run in {error.folder}; Ctrl-C ends the waiting"
            print(plain(said), file=sys.stderr)
            first_free([error.folder])


def _drive(config: DictConfig) -> None:
    """Plan or search this one configuration, as a sweep of a single cell."""
    from harness.multirun import drive
    from harness.sweep.cells import Cell

    config.trainer.enable_progress_bar = False  # as in every sweep
    if drive([Cell("this run", config)], config):
        _failed.append("sweep")


def _composed_and_run() -> None:
    """``main``, with what Hydra refuses in one line; where ``HYDRA_FULL_ERROR`` is set, with its trace."""
    sys.argv[1:] = with_quoted_paths(_typed[1:])
    os.environ.setdefault(TRACES, "1")
    try:
        main()
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        if _traced:
            raise
        from harness.configuration.compose import compose_configuration
        from harness.configuration.refusals import refusal

        print(f"error: {plain(refusal(error, _typed[1:], compose_configuration))}", file=sys.stderr)
        _failed.append("refused")


def _code() -> int:
    _composed_and_run()
    return 1 if _failed else 0


if __name__ == "__main__":
    try:
        sys.exit(ended(_code))
    except KeyboardInterrupt:
        print("interrupted; the same command resumes it", file=sys.stderr)
        sys.exit(130)
