"""Hydra's ``-m`` for this harness: Hydra parses the overrides, ``harness.sweep.dispatch`` runs the cells.

Hydra finds sweepers only in this namespace package (it has no ``__init__.py``). Its own sweeper composes every cell
before it runs one, so that a single wrong cell would end the sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

Params = Mapping[str, str]


class CellSweeper(Sweeper):
    """Every combination of the swept values is a cell; what becomes of each is a record, not an exception.

    ``params``: what a preset sweeps over, key -> values as on the command line, which wins; a list of such sweeps is
    run as one.
    """

    def __init__(self, params: Params | Sequence[Params] | None) -> None:
        self.params = [params] if isinstance(params, Mapping) else list(params or [{}])

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what composes a cell."""
        self.loader = hydra_context.config_loader
        self.master = config

    def sweep(self, arguments: list[str]) -> None:
        """Run all cells and leave with the exit code of the whole."""
        from harness.multirun import multirun

        def compose(cell: Sequence[str]) -> DictConfig:
            return self.loader.load_sweep_config(self.master, list(cell))

        cells, swept = self.combinations(arguments)
        raise SystemExit(multirun(cells, swept=swept, compose=compose))

    def combinations(self, arguments: Sequence[str]) -> tuple[list[list[str]], list[str]]:
        """The overrides of each cell, and the keys that are swept over."""
        parser = OverridesParser.create(config_loader=self.loader)
        given = parser.parse_overrides(list(arguments))
        said = {override.get_key_element() for override in given}
        cells: list[list[str]] = []
        swept: dict[str, None] = {}
        for params in self.params:
            preset = parser.parse_overrides([f"{key}={value}" for key, value in params.items() if key not in said])
            (product,) = BasicSweeper.split_arguments([*preset, *given], max_batch_size=None)
            cells += product
            swept |= dict.fromkeys(o.get_key_element() for o in (*preset, *given) if o.is_sweep_override())
        return cells, list(swept)
