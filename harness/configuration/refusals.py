"""What Hydra and OmegaConf refuse, in one line: the option as it was typed, what is wrong with it, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from harness.configuration.compose import CONF
from harness.configuration.effect import flatten
from harness.configuration.values import nearest

Compose = Callable[[Sequence[str]], DictConfig]


def refusal(error: Exception, overrides: Sequence[str], compose: Compose) -> str:
    """Why there is no configuration of the overrides; ``compose`` makes that of others, to see which options it has."""
    return " ".join(_refusal(error, overrides, compose).split())


def _refusal(error: Exception, overrides: Sequence[str], compose: Compose) -> str:
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _no_such_choice(error, overrides)
    said = " ".join(str(error).split())
    unknown = re.match(r"Could not override '([^']+)'", said)
    if unknown is not None:
        return _no_such_option(unknown[1], error, overrides, compose)
    ambiguous = re.match(r"Ambiguous value for argument '([^']+)'", said)
    if ambiguous is not None:
        words = "several values are a sweep, which needs -m; a list is [a,b], and a text with a comma \"'a,b'\""
        return f"{ambiguous[1]}: {words}"
    twice = re.match(r"(\S+) appears more than once in the final defaults list", said)
    if twice is not None:
        return f"{_typed(twice[1], overrides)}: {twice[1]} is chosen already; leave out the plus sign"
    needed = re.match(r"Error resolving interpolation '(.*?)', possible interpolation keys: (.*)", said)
    if needed is not None:
        group = next(
            (name for name in re.findall(r"\$\{(\w+)\}", needed[1]) if name not in needed[2].split(", ")), needed[1]
        )
        return f"{_typed(group, overrides)}: {group} needs one choice, as in {group}=…"
    kept = re.match(r"Could not delete from config. The value of '(\S+)' is|Error merging override ~([^=]*)", said)
    if kept is not None:
        key = kept[1] or kept[2]
        return f"{_typed(key, overrides)}: it has another value; to take it away leave the value out: ~{key}"
    unfit = re.match(r"Error merging override ([^=]*)", said)  # a list for a group
    if unfit is not None:
        key = unfit[1].lstrip("+")
        words = f"{key} is a group of options; give them one by one, as in {key}.<option>=<value>"
        return f"{_typed(key, overrides)}: {words}"
    if said.startswith("Config group override must be a string or a list"):
        groups = (word for word in overrides if (CONF / word.partition("=")[0].lstrip("+")).is_dir())
        wrong = [word for word in groups if re.search(r"^=|=(null|-?[\d.]+|true|false)$", word)]
        return f"{' '.join(wrong)}: expected the name of a choice, such as model=self, or an option, such as seed=3"
    return said


def _no_such_option(key: str, error: Exception, overrides: Sequence[str], compose: Compose) -> str:
    typed = _typed(key, overrides)
    inside = str(getattr(error.__cause__, "full_key", key))  # of ``data.knobs={length: 8}`` it is data.knobs.length
    key = inside if inside.startswith(f"{key}.") else key
    options, group = _options(key, overrides, compose), key.rpartition(".")[0]
    empty = group in options and not any(name.startswith(f"{group}.") for name in options)
    remedy = f"to add it write +{key}=…" if empty else _elsewhere(key) or nearest(key, options)
    return f"{typed}: there is no option {key}; {remedy}"


def _unreadable(error: OverrideParseException) -> str:
    word = str(error.override)
    if "=" not in word:
        return f"{word}: expected an option and its value, such as seed=3"
    key, _, value = word.partition("=")
    reason = str(error).split("\n")[0].removeprefix("LexerNoViableAltException: ")
    if word in reason:
        reason = "its value has signs that mean something else, or nothing, there"
    return f"{word}: this cannot be read ({reason}); in quotes anything can: {key}=\"'{value}'\""


def _no_such_choice(error: MissingConfigException, overrides: Sequence[str]) -> str:
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    options = list(error.options or ())
    if not group:
        return f"there is no configuration {name}"
    hint = nearest(name, options)
    all_of_them = f" ({', '.join(options)})" if hint.startswith("did") else ""
    return f"{_typed(group, overrides)}: there is no {group}={name}; {hint}{all_of_them}"


def _typed(key: str, overrides: Sequence[str]) -> str:
    """The override of a key as it was typed."""
    own = (word for word in overrides if word.partition("=")[0].lstrip("+~").partition("@")[0] == key)
    return next(own, key)


def _elsewhere(key: str) -> str | None:
    """Which other choices of the key's group have the option."""
    group, _, rest = key.partition(".")
    files = sorted((CONF / group).glob("*.yaml")) if rest else []
    having = [f"{group}={file.stem}" for file in files if rest in flatten(OmegaConf.to_container(OmegaConf.load(file)))]
    more = ", …" if len(having) > 3 else ""
    return f"it is one of {', '.join(having[:3])}{more}" if having else None


def _options(key: str, overrides: Sequence[str], compose: Compose) -> list[str]:
    """The options and groups there are with the choices that were made, or, if one of these is wrong, without them."""
    parser = OverridesParser.create()
    chosen = [word for word in overrides if re.fullmatch(r"[\w/@]+=[\w/.-]+", word) and not word.startswith(f"{key}=")]
    groups = [w for w in chosen if not parser.parse_override(w).is_sweep_override() and "." not in w.partition("=")[0]]
    for choice in (groups, []):
        try:
            config = compose(choice)
        except Exception:  # whatever it is, it is about the options of ``choice`` alone
            continue
        settings = OmegaConf.to_container(config, resolve=False)
        assert isinstance(settings, dict)
        named = {str(name): value for name, value in settings.items() if name not in ("hydra", "names")}
        return [*flatten(named), *named]
    return []
