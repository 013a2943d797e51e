"""The parts of a configuration as factories: what Hydra makes of ``_target_``.

Beyond here, classes take plain arguments.
"""

from __future__ import annotations

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig


def is_floor(config: DictConfig) -> bool:
    """Whether ``model=`` names a floor (majority, tfidf, copy, lead) instead of an attention mechanism."""
    return "floor" in config.model


def mechanism_of(config: DictConfig) -> Any:
    """The mechanism's class, from its factory; None for ``model=none``."""
    factory = make_attention(config)
    return getattr(factory, "func", factory)


def make_attention(config: DictConfig) -> Any:
    """The factory of the mechanism, or None where the model has no attention (``attention: null``)."""
    return None if config.model.attention is None else make_factory(config.model.attention)


def uses_external(config: DictConfig) -> bool:
    """Whether the mechanism can look at an external memory."""
    mechanism = mechanism_of(config)
    return mechanism is not None and "external" in mechanism.supports


def make_factory(node: DictConfig) -> Any:
    """What Hydra makes of a part: a factory (``_partial_``) that still wants what is known at run time."""
    return instantiate(node, _convert_="all")


def window_of(config: DictConfig) -> int | None:
    """The most tokens that are encoded together, of longer texts window by window; None: any number."""
    encoding = config.encoding
    limited = encoding.get("max_length") is not None  # records of before know of no limit
    return int(encoding.max_length) if limited and encoding.overlong == "windows" else None
