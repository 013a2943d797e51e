"""The space that a search draws from: settings with a range or choices, and points in it that a seed fixes.

A space mirrors the configuration: ``{training: {learning_rate: {low: 1e-4, high: 1e-2, log: true}}}``. Trial k of a
random or quasi-random search is a function of (space, method, seed, k), so that any trial can be made again alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from omegaconf import DictConfig, OmegaConf

POINTS = ("random", "sobol", "halton")
"""The methods whose trials do not depend on each other."""

SEARCHED = ("training", "embedding", "backbone", "decoder", "position", "encoding", "model", "task")
"""The parts of a configuration that can be searched; data, trainer and seeds are the same for all trials."""

WORDS = {"low", "high", "log", "choices"}

DIGITS = 4
"""Significant digits of drawn numbers: more only make records hard to read."""


@dataclass(frozen=True)
class Dimension:
    """One searched setting: either choices, or a range with both ends, ``whole`` for whole numbers alone."""

    key: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False

    def at(self, unit: float) -> Any:
        """The value at a place in [0, 1): of choices and whole numbers each has an equal part, in the log if so."""
        if self.choices:
            return self.choices[int(unit * len(self.choices))]
        low, high = self.low, self.high + 1 if self.whole else self.high
        value = math.exp(math.log(low) + unit * math.log(high / low)) if self.log else low + unit * (high - low)
        value = math.floor(value) if self.whole else float(f"{value:.{DIGITS}g}")
        return type(value)(min(max(value, self.low), self.high))

    def described(self) -> dict[str, Any]:
        """The dimension as the space has it."""
        if self.choices:
            return {"choices": list(self.choices)}
        flags = {name: True for name in ("log", "whole") if getattr(self, name)}
        return {"low": self.low, "high": self.high, **flags}


def read_space(space: Any, config: DictConfig) -> tuple[Dimension, ...]:
    """The dimensions of a space, by key, checked against the configuration that they are to change.

    Raises ValueError, naming the setting, for one that the configuration lacks or that is no single value, and for a
    range or choices that hold nothing; and for a space without any setting.
    """
    given = OmegaConf.to_container(space, resolve=True) if OmegaConf.is_config(space) else space
    if not isinstance(given, Mapping):
        raise ValueError(f"the search space is a mapping of settings, got {given!r}")
    dimensions = [_dimension(key, leaf, _current(key, config)) for key, leaf in _leaves(given)]
    if not dimensions:
        raise ValueError("the search space is empty: give a setting a range or choices in conf/search_space")
    return tuple(sorted(dimensions, key=lambda dimension: dimension.key))


def _leaves(node: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(dotted key, range or choices); what is null is not searched."""
    for name, inner in node.items():
        key = f"{prefix}{name}"
        if inner is None:
            continue
        if not isinstance(inner, Mapping):
            raise ValueError(
                f"search_space.{key} is a range such as {{low: 0.1, high: 0.5}}, choices or null, got {inner!r}"
            )
        if WORDS & set(inner):
            yield key, inner
        else:
            yield from _leaves(inner, f"{key}.")


def _current(key: str, config: DictConfig) -> Any:
    """The setting's own value."""
    parts = key.split(".")
    if parts[0] not in SEARCHED:
        raise ValueError(f"search_space.{key} cannot be searched; settings of {', '.join(SEARCHED)} can")
    node: Any = config
    for place, part in enumerate(parts):
        if not isinstance(node, DictConfig) or part not in node:
            inside = ".".join(parts[:place])
            known = ", ".join(map(str, node)) if isinstance(node, DictConfig) else "no settings"
            raise ValueError(
                f"search_space.{key} is no setting of this configuration ({inside} has {known}); "
                f"correct it, or leave it out with search_space.{key}=null"
            )
        node = node[part]
    if isinstance(node, DictConfig):
        raise ValueError(
            f"search_space.{key} is a group of settings; search the single ones: {', '.join(map(str, node))}"
        )
    return node


def _dimension(key: str, leaf: Mapping[str, Any], current: Any) -> Dimension:
    if "choices" in leaf:
        return Dimension(key, choices=_choices(key, leaf, current))
    low, high = leaf.get("low"), leaf.get("high")
    if unknown := sorted(set(leaf) - WORDS):
        raise ValueError(f"search_space.{key} has {', '.join(unknown)}; a range has low, high and log")
    if not (_is_number(low) and _is_number(high) and low < high):
        raise ValueError(f"search_space.{key} needs numbers low < high, got low={low} and high={high}")
    if not _is_number(current) and current is not None:
        raise ValueError(f"search_space.{key} is a range, but the setting is {current!r}; give it choices")
    log, whole = leaf.get("log", False), isinstance(current, int)
    if not isinstance(log, bool):
        raise ValueError(f"search_space.{key}.log is true or false, got {log!r}")
    if log and low <= 0:
        raise ValueError(f"search_space.{key} is on a logarithmic scale and needs low above 0, got {low}")
    if whole and not (isinstance(low, int) and isinstance(high, int)):
        raise ValueError(f"search_space.{key} is a whole number ({current}), got the range {low} to {high}")
    return Dimension(key, low=low, high=high, log=log, whole=whole)


def _choices(key: str, leaf: Mapping[str, Any], current: Any) -> tuple[Any, ...]:
    choices = leaf["choices"]
    if set(leaf) != {"choices"}:
        raise ValueError(f"search_space.{key} has a range and choices; keep one of them")
    if not isinstance(choices, Sequence) or isinstance(choices, str) or not choices:
        raise ValueError(f"search_space.{key}.choices is a list of one value or more, got {choices!r}")
    if not all(choice is None or isinstance(choice, bool | int | float | str) for choice in choices):
        raise ValueError(f"search_space.{key}.choices are single values, got {choices!r}")
    if len({repr(choice) for choice in choices}) < len(choices):
        raise ValueError(f"search_space.{key}.choices has a value twice ({choices!r}); leave one out")
    wrong = [choice for choice in choices if _is_number(current) and not (choice is None or _is_number(choice))]
    if wrong:
        raise ValueError(f"search_space.{key} is a number ({current}), but its choices have {wrong[0]!r}; give numbers")
    return tuple(choices)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def draw(dimensions: Sequence[Dimension], *, method: str, seed: int, trial: int) -> dict[str, Any]:
    """The values of a trial (from 0): setting -> value.

    ``random``: independent uniform draws. ``sobol``, ``halton``: the scrambled sequences of ``scipy.stats.qmc`` (Owen
    1998, 2017), one coordinate a dimension.
    """
    unit = _unit_point(method, seed=seed, trial=trial, count=len(dimensions))
    return {dimension.key: dimension.at(place) for dimension, place in zip(dimensions, unit, strict=True)}


def _unit_point(method: str, *, seed: int, trial: int, count: int) -> list[float]:
    import numpy as np

    if method == "random":
        return [float(u) for u in np.random.default_rng([seed, trial]).random(count)]
    from scipy.stats import qmc  # a second to import

    sequence = {"sobol": qmc.Sobol, "halton": qmc.Halton}[method](count, scramble=True, rng=seed)
    if trial:
        sequence.fast_forward(trial)
    return [float(u) for u in sequence.random(1)[0]]
