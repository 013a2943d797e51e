"""Paths on the command line, which people write as they are: with blanks, umlauts, ``=``, ``(`` or ``~``.

Hydra's grammar knows few of these unquoted, and reads 007 as a number. So the values of options that are paths are put
in quotes before Hydra parses them; what is grammar there stays: quotes, lists, ``choice(…)``, null, sweeps by commas.
The same is done with options that are a sign, such as ``;``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

PATHS = (
    *("results_dir", "data_dir", "data.path", "data.train", "data.validation", "data.test", "engine.folder"),
    "embedding.path",
)

SIGNS = ("data.separator", "task.label_separator")
"""Options whose value is one character as a rule."""

GRAMMAR = re.compile(
    r"""\s*( (['"]).*\2 | \[.*\] | \{.*\} | (choice|range|interval|glob|sort|shuffle|tag)\(.*\) | null | )\s*""",
    re.VERBOSE | re.DOTALL,
)
"""What is left to Hydra: something in quotes, a list, a mapping, a function, null, nothing."""


def is_path(key: str) -> bool:
    """Whether the option with this dotted name is a path."""
    return key.replace("data.train_from.", "data.") in (*PATHS, "data.data_dir")


def with_quoted_paths(arguments: Sequence[str]) -> list[str]:
    """The arguments of a command, with quotes around paths and signs; commas part values in a sweep (``-m``) alone."""
    sweep = any(word in ("--multirun", "-m") for word in arguments)
    return [_quoted(word, sweep=sweep) for word in arguments]


def _quoted(word: str, *, sweep: bool) -> str:
    key, equals, value = word.partition("=")
    if key.lstrip("+") in SIGNS and len(value) == 1:
        return f"{key}={_in_quotes(value)}"
    if not equals or not is_path(key.lstrip("+")):
        return word
    if value and os.path.exists(os.path.expanduser(value)):
        return f"{key}={_in_quotes(value)}"
    if GRAMMAR.fullmatch(value):
        return word
    values = [one.strip() for one in _parted(value)] if sweep else [value]
    return f"{key}={','.join(one if GRAMMAR.fullmatch(one) else _in_quotes(one) for one in values)}"


def _parted(value: str) -> Iterator[str]:
    """The values between commas that stand in no quotes and no brackets."""
    for found in re.finditer(r"""(?:"[^"]*"|'[^']*'|\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}|[^,])+""", value):
        yield found[0]


def _in_quotes(value: str) -> str:
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(value, Quote.single).with_quotes()
