"""What the values of a configuration may be: what would fail or mean nothing is refused before anything is read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue

from harness.configuration.compose import CONF
from harness.configuration.plain import flatten

NEITHER = ("yes", "no", "on", "off")
"""Words that Hydra reads as text, not as true or false, and that are true in Python whatever they say."""


@dataclass(frozen=True)
class Expected:
    """What some settings may be, in words and as a test; ``settings`` are patterns of dotted keys."""

    words: str
    holds: Callable[[Any], bool]
    settings: tuple[str, ...]


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


def _number(holds: Callable[[float], bool]) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and math.isfinite(value) and holds(value)


def _or_null(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


EXPECTED = (
    Expected("a whole number from 0", _whole(0), ("seed", "match.expansion")),
    Expected(
        "a whole number from 1",
        _whole(1),
        (
            *("training.steps", "training.patience", "training.accumulate_batches", "training.*batch_tokens"),
            *("training.*batch_rows", "trainer.threads", "backbone.layers", "backbone.width", "decoder.layers"),
            *("decoder.width", "model.heads", "model.hops"),
        ),
    ),
    Expected(
        "a whole number from 1, or null",
        _or_null(_whole(1)),
        ("data.max_train", "data.max_validation", "data.max_test", "task.max_source", "task.max_target"),
    ),
    Expected("a number above 0", _number(lambda value: value > 0), ("training.*learning_rate",)),
    Expected("a number from 0", _number(lambda value: value >= 0), ("training.weight_decay",)),
    Expected("a number above 0, or null", _or_null(_number(lambda value: value > 0)), ("training.gradient_clip",)),
    Expected(
        "a number from 0 to 1",
        _number(lambda value: 0 <= value <= 1),
        ("training.warmup_fraction", "training.final_learning_rate_fraction", "training.decay_share"),
    ),
    Expected(
        "a number from 0 to below 1",
        _number(lambda value: 0 <= value < 1),
        ("*.dropout", "*.token_dropout", "*.word_dropout", "training.average_decay", "task.label_smoothing"),
    ),
    Expected(
        "cosine, inverse_sqrt or stable", ("cosine", "inverse_sqrt", "stable").__contains__, ("training.schedule",)
    ),
    # Lightning moves whole batches to another type in its true 16 and 64 bits, which it cannot with frozen ones.
    Expected(
        "32-true, bf16-mixed or 16-mixed", ("32-true", "bf16-mixed", "16-mixed").__contains__, ("trainer.precision",)
    ),
)


def check_settings(config: DictConfig) -> None:
    """Refuse values that cannot be, and keys that nothing reads. Raises ValueError."""
    try:
        settings = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise ValueError(f"{error.full_key} has no value; give it one: {error.full_key}=…") from error
    assert isinstance(settings, dict)
    named = {str(key): value for key, value in settings.items()}
    _check_keys(config, named)
    for key, value in flatten({k: v for k, v in named.items() if k not in ("names", "search_space")}).items():
        if value in NEITHER and not key.startswith("data.") and not key.endswith("language"):
            raise ValueError(f"{key}={value} is a text; write true or false")
        for expected in EXPECTED:
            if any(fnmatchcase(key, pattern) for pattern in expected.settings) and not expected.holds(value):
                raise ValueError(f"{key}: expected {expected.words}, got {value!r}")


def _check_keys(config: DictConfig, settings: Mapping[str, Any]) -> None:
    """Of what was added with a plus sign, refuse what nothing reads: it would only give the run another name."""
    known, groups = _known()
    _refuse_unknown("", settings, {*known, *groups, "names"})
    for part in ("training", "encoding"):
        _refuse_unknown(f"{part}.", settings[part], known[part])
    _refuse_unknown("model.", settings["model"], {"attention", "floor", *_options_read(config)})
    if settings["search"]["method"] == "none":
        _refuse_unknown("search.", settings["search"], {"method"}, remedy="choose a search: search=random")


@cache
def _known() -> tuple[Mapping[str, Any], set[str]]:
    """What ``conf/config.yaml`` sets, and the groups beside it; read once, though a sweep checks many cells."""
    base = OmegaConf.to_container(OmegaConf.load(CONF / "config.yaml"))
    assert isinstance(base, dict)
    return {str(key): value for key, value in base.items()}, {path.name for path in CONF.iterdir() if path.is_dir()}


def _options_read(config: DictConfig) -> set[str]:
    """The options of ``model=`` that something is made with: ``${..heads}`` or ``${model.heads}`` reads ``heads``."""
    unresolved = repr(OmegaConf.to_container(config, resolve=False))
    return set(re.findall(r"\$\{(?:\.\.+|model\.)(\w+)\}", unresolved))


def _refuse_unknown(place: str, found: Iterable[str], known: Iterable[str], remedy: str | None = None) -> None:
    known = sorted(known)
    for key in found:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = remedy or (f"did you mean {place}{near[0]}?" if near else f"there are: {', '.join(known)}")
            raise ValueError(f"nothing reads {place}{key}; {hint}")
