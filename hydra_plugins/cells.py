"""Hydra's ``-m`` for this harness: Hydra parses the overrides, ``harness.sweep`` runs the cells.

Hydra finds sweepers only in this namespace package (it has no ``__init__.py``). Its own sweeper composes every cell
before it runs one, so that a single wrong cell would end the sweep.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class CellSweeper(Sweeper):
    """Every combination of the swept values is a cell; what becomes of each is a record, not an exception."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what composes a cell."""
        self.loader = hydra_context.config_loader
        self.master = config

    def sweep(self, arguments: list[str]) -> None:
        """Run all cells and leave with the exit code of the whole."""
        from harness.sweep import sweep

        def compose(cell: Sequence[str]) -> DictConfig:
            return self.loader.load_sweep_config(self.master, list(cell))

        overrides = OverridesParser.create(config_loader=self.loader).parse_overrides(arguments)
        (cells,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
        swept = [override.get_key_element() for override in overrides if override.is_sweep_override()]
        raise SystemExit(sweep(cells, swept=swept, compose=compose))
