"""What of a configuration has an effect: all but what cannot change a result; and nested data flattened.

Only the standard library is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

WITHOUT_EFFECT = ("results_dir", "force", "trace", "logger", "data_dir")
"""Settings that say where a run's files go and what is shown of it: they cannot change a result."""

WITHOUT_EFFECT_TRAINER = ("enable_progress_bar", "profiler")
"""The same among those of the trainer."""


def with_effect(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a run without what cannot change its result."""
    kept = {key: value for key, value in config.items() if key not in WITHOUT_EFFECT}
    if "data" in kept:
        kept["data"] = without_folder(kept["data"])
    if "embedding" in kept:
        kept["embedding"] = without_place(kept["embedding"])
    if "trainer" in kept:
        kept["trainer"] = {k: v for k, v in kept["trainer"].items() if k not in WITHOUT_EFFECT_TRAINER}
    return kept


def every_source(source: Mapping[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The configuration of data as ``change`` makes it, after each further source inside it (``train_from``)."""
    inside = {
        key: every_source(value, change) if isinstance(value, Mapping) else value for key, value in source.items()
    }
    return change(inside)


def without_folder(source: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of data without ``data_dir``: where files lie on a machine is no part of what they hold."""
    return every_source(source, lambda one: {key: value for key, value in one.items() if key != "data_dir"})


def without_place(embedding: Any) -> Any:
    """The configuration of an embedding without the path of a file whose content it names."""
    if not isinstance(embedding, Mapping) or embedding.get("content") is None:
        return embedding
    return {key: value for key, value in embedding.items() if key != "path"}


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys; an empty one is a value."""
    if not isinstance(value, Mapping) or (prefix and not value):
        return {prefix: value}
    return {k: v for key, inner in value.items() for k, v in flatten(inner, f"{prefix}.{key}".lstrip(".")).items()}
