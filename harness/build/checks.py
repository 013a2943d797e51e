"""What cannot work whatever the data is refused before any is read."""

from __future__ import annotations

from dataclasses import replace

from hydra.utils import get_class, instantiate
from omegaconf import DictConfig, OmegaConf

from harness.build.data import file_of_vectors
from harness.build.factories import is_floor, mechanism_of
from harness.build.pretrained import text_encoder
from harness.build.room import check_size, weights_of
from harness.build.trainer import accelerator_of
from harness.configuration.compose import CONF
from harness.configuration.controls import processes_of
from harness.records.processes import writes_here
from tasks.base import Sizes, Task, WrittenSymbols

SOME_SIZES = Sizes(labels=["O", "B-X"], vocabulary=8, characters=8, written=WrittenSymbols(count=8, begin=2, end=3))
"""Whether a network can be built does not depend on the data, so these serve while none are read."""


class UnsupportedError(ValueError):
    """A combination that cannot work whatever the data; found before any data is read."""


def check_combination(config: DictConfig, task: Task) -> None:
    """Refuse what cannot work: abilities that the mechanism lacks, options that do not fit, on the meta device.

    Raises UnsupportedError with the message of the part that refuses, ValueError for devices that cannot be had here
    and for weights that no memory here holds.
    """
    if is_floor(config):
        floor = instantiate(config.model.floor)
        try:
            floor.check(task)
        except ValueError as error:
            raise UnsupportedError(str(error)) from error
        return
    _check_devices(config)
    mechanism = mechanism_of(config)
    missing = task.needs - mechanism.supports if mechanism is not None else frozenset()
    if missing:
        raise UnsupportedError(
            f"model={config.names.model} supports {', '.join(sorted(mechanism.supports))}, but task={task.name} also "
            f"needs {', '.join(sorted(missing))}; mechanisms that can: {', '.join(_able(task))}"
        )
    encoder, vectors = text_encoder(config), file_of_vectors(config)
    sizes = SOME_SIZES if encoder is None else replace(SOME_SIZES, encoder=encoder.architecture)
    sizes = sizes if vectors is None else replace(sizes, vectors=8, vector_width=vectors.width)
    try:
        weights = weights_of(config, task, sizes)
    except ValueError as error:
        raise UnsupportedError(str(error)) from error
    check_size(config, weights)


def _check_devices(config: DictConfig) -> None:
    """Refuse devices that are not here or cannot be counted, and to train one run alone in each of several processes.

    Raises ValueError.
    """
    accelerator_of(config)
    if processes_of(config) == 1 and not writes_here():
        raise ValueError(
            "srun or torchrun started several processes, but the run is of one (trainer.devices=1), which the first of "
            "them trains and records; for several give trainer=ddp and trainer.devices=<processes on a machine>"
        )


def _able(task: Task) -> list[str]:
    """The mechanisms of ``conf/model`` that support what the task needs."""
    able = []
    for path in sorted((CONF / "model").glob("*.yaml")):
        model = OmegaConf.to_container(OmegaConf.load(path))
        attention = model.get("attention") if isinstance(model, dict) else None
        target = attention["_target_"] if attention is not None else "???"
        if target != "???" and task.needs <= get_class(target).supports:  # type: ignore[attr-defined]
            able.append(path.stem)
    return able
