"""What the values of a configuration may be: what would fail or mean nothing is refused before anything is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue, OmegaConfBaseException
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.configuration.kinds import EXPECTED, TAG
from harness.configuration.paths import is_path

Settings = dict[str, Any]

MANY = 20
"""More options than a line can list."""


def check_settings(config: DictConfig) -> None:
    """Refuse values that cannot be, and options that are missing or that nothing reads. Raises ValueError.

    A ``~`` at the beginning of a path becomes the home folder, in the configuration itself.
    """
    _settle_homes(config)
    check_values(config)


def check_values(config: DictConfig) -> None:
    """Hold the configuration to the schema; ValueError for the first option that does not fit, by its name."""
    from harness.configuration.schema import Configuration

    settings = _resolved(config)
    _refuse_unread(config, settings)
    try:
        Configuration.model_validate(settings)
    except ValidationError as error:
        raise ValueError(_problem(config, settings, error.errors(include_url=False)[0])) from None


def nearest(key: str, known: Iterable[str]) -> str:
    """``did you mean …?`` with the known keys that are most like this one, or all of them where none is."""
    known = sorted(name for name in known if not name.rpartition(".")[2].startswith("_"))
    group, _, last = key.rpartition(".")
    beside = {name.rpartition(".")[2]: name for name in known if name.rpartition(".")[0] == group}
    near = [beside[name] for name in get_close_matches(last, beside, n=3)]
    near += [name for name in known if name.endswith(f".{key}")][: 3 - len(near)]
    if not (near or beside):
        near = get_close_matches(key, known, n=3, cutoff=0.7)
    if near:
        return f"did you mean {' or '.join(near)}?"
    if len(known) > MANY:
        return "python -m harness --cfg job shows all there are"
    return f"there are: {', '.join(known)}" if known else "there are no options here"


def _settle_homes(config: DictConfig, prefix: str = "") -> None:
    for name in list(config):
        node = config._get_node(name)
        if isinstance(node, DictConfig) and not (node._is_none() or node._is_missing() or node._is_interpolation()):
            _settle_homes(node, f"{prefix}{name}.")
        elif is_path(f"{prefix}{name}") and str(node).startswith("~"):
            config[name] = str(Path(str(node)).expanduser())


def _resolved(config: DictConfig) -> Settings:
    try:
        settings = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise ValueError(f"{error.full_key} has no value; give it one: {error.full_key}=…") from error
    except InterpolationResolutionError as error:
        reason = " ".join(str(error.msg or error).split(" full_key")[0].split())
        if group := re.search(r"node `(\w+)` is not a container", reason):
            words = f"{group[1]}: expected a group of options, such as {{a: 1}}, got {shown(config[group[1]])}"
            raise ValueError(words) from error
        raise ValueError(f"{error.full_key} cannot be made of others: {reason}; give it a value of its own") from error
    except OmegaConfBaseException as error:
        raise ValueError(" ".join(str(error).split())) from error
    assert isinstance(settings, dict)
    return {str(key): value for key, value in settings.items()}


def _refuse_unread(config: DictConfig, settings: Settings) -> None:
    """Of what stands beside a mechanism in ``model``, refuse what it does not read: ``${..heads}`` reads ``heads``."""
    model = settings.get("model")
    if isinstance(model, Mapping):
        unresolved = repr(OmegaConf.to_container(config, resolve=False))
        known = {"attention", "floor", *re.findall(r"\$\{(?:\.\.+|model\.)(\w+)\}", unresolved)}
        for key in model:
            if key not in known:
                raise ValueError(f"nothing reads model.{key}; {nearest(f'model.{key}', (f'model.{k}' for k in known))}")


def _problem(config: DictConfig, settings: Settings, found: ErrorDetails) -> str:
    """What is wrong with one option, in one line."""
    parts = [str(part) for part in found["loc"] if not str(part).startswith(TAG)]
    key, group = ".".join(parts), ".".join(parts[:-1])
    if found["type"] == "extra_forbidden":
        if group == "search" and settings["search"].get("method") == "none":
            return f"nothing reads {key}; choose a search: search=random"
        there = _inside(settings, parts[:-1])
        known = [f"{group}.{name}".lstrip(".") for name in there if name != parts[-1] and name != "names"]
        return f"nothing reads {key}; {nearest(key, known)}"
    if found["type"] == "missing":
        return f"{key} has no value; give it one ({key}=…), or do not take it away (~{key})"
    key = _origin(config, parts)
    return f"{key}: expected {_words(found)}, got {shown(found['input'])}"


def _inside(settings: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        settings = settings[int(part) if isinstance(settings, list) else part]
    return settings


def _origin(config: DictConfig, parts: Sequence[str]) -> str:
    """The name of the option that gives a value: of ``decoder.width``, which is ``${backbone.width}``, the latter."""
    node: Any = config
    for part in parts[:-1]:
        node = node[int(part) if isinstance(node, ListConfig) else part]
    own = node._get_node(parts[-1]) if isinstance(node, DictConfig) else None
    read = re.fullmatch(r"\$\{(\.*)([\w.]+)\}", str(own._value())) if own is not None else None
    if read is None:
        return ".".join(parts)
    return _origin(config, [*(parts[: -len(read[1])] if read[1] else ()), *read[2].split(".")])


def _words(found: ErrorDetails) -> str:
    if found["type"] == EXPECTED:
        return found["msg"]
    if found["type"] == "literal_error":
        return str(found["ctx"]["expected"]).replace("'", "")
    if found["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return "a group of options, such as {a: 1}"
    return found["msg"]


def shown(value: Any) -> str:
    """A value as one would type it, and as short as a line wants it."""
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
