"""Whether a value of JSON is what a type says. Only the standard library is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints, is_typeddict

from harness.records.printable import plain

DEEPEST = 50
"""So many brackets may stand inside each other where any value may stand: readers go down by calls of themselves."""


class Misfit(NamedTuple):
    """What is of another type: where (empty: the value itself; ``.total``: what stands there), it, what is expected."""

    place: str
    value: Any
    expected: str

    def inside(self, key: object) -> Misfit:
        """The same, as it is told of what holds the value."""
        return Misfit(f".{plain(str(key)[:40])}{self.place}", self.value, self.expected)

    def __str__(self) -> str:
        return f"{self.place} is {_shown(self.value)}, expected {self.expected}"


Check = Callable[[Any], Misfit | None]


@cache
def check_of(kind: Any) -> Check:
    """What tells whether values are of this type; a TypedDict may lack fields, as records of before do."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return _shallow
    if is_typeddict(kind):
        return partial(_fields, fields_of(kind))
    if origin is dict:
        return partial(_entries, check_of(inner[1]))
    if origin is list:
        return partial(_items, check_of(inner[0]))
    if origin in (Union, UnionType):
        return partial(_one_of, [check_of(one) for one in inner])
    if origin is Literal:
        return lambda value: None if value in inner else Misfit("", value, " or ".join(inner))
    kinds = (int, float) if kind is float else (kind,)
    return lambda value: None if type(value) in kinds else Misfit("", value, WORDS[kind])  # a truth value is no number


WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", type(None): "null",
         dict: "an object", list: "a list"}  # fmt: skip


@cache
def fields_of(kind: type) -> dict[str, Check]:
    """The checks of each field of a TypedDict."""
    return {name: check_of(hint) for name, hint in get_type_hints(kind).items()}


def _shallow(value: Any) -> Misfit | None:
    level = [value]
    for _depth in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return None
    return Misfit("", value, f"no more than {DEEPEST} brackets inside each other")


def _fields(checks: Mapping[str, Check], value: Any) -> Misfit | None:
    if not isinstance(value, dict):
        return Misfit("", value, WORDS[dict])
    known = ((name, check(value[name])) for name, check in checks.items() if name in value)
    return next((found.inside(name) for name, found in known if found is not None), None)


def _entries(check: Check, value: Any) -> Misfit | None:
    if not isinstance(value, dict):
        return Misfit("", value, WORDS[dict])
    return next((found.inside(key) for key, one in value.items() if (found := check(one)) is not None), None)


def _items(check: Check, value: Any) -> Misfit | None:
    if not isinstance(value, list):
        return Misfit("", value, WORDS[list])
    return next((found.inside(number) for number, one in enumerate(value) if (found := check(one)) is not None), None)


def _one_of(checks: list[Check], value: Any) -> Misfit | None:
    found = [misfit for check in checks if (misfit := check(value)) is not None]
    if len(found) < len(checks):
        return None
    inside = [misfit for misfit in found if misfit.place]
    return inside[0] if inside else Misfit("", value, " or ".join(misfit.expected for misfit in found))


def _shown(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return WORDS[type(value)]
    return repr(value)[:24]
