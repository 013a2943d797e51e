"""Run a peer's program in its own environment, and print how long each call of one of its functions takes.

    PYTHON clocked.py PROGRAM FUNCTION [NAME=INTEGER ...] -- ARGUMENTS

PROGRAM and FUNCTION are ``module:name`` or ``module:Class.name``; PROGRAM is called with ARGUMENTS as its command line,
and FUNCTION gets the keyword arguments beside its own. Each call is made twice, the first time as warm-up, and prints
``clocked SECONDS`` of the second. It imports nothing but the standard library and the peer, so that the peer's
environment needs no more.
"""

from __future__ import annotations

import functools
import importlib
import sys
import time
from operator import attrgetter
from typing import Any


def holder_of(place: str) -> tuple[Any, str]:
    """The module or class that ``place`` is in, and its name there."""
    module, _, path = place.partition(":")
    owner, _, name = path.rpartition(".")
    holder = importlib.import_module(module)
    return (attrgetter(owner)(holder) if owner else holder), name


def clock(place: str, extra: dict[str, int]) -> None:
    """Put a function that prints its seconds in the place of the function at ``place``."""
    holder, name = holder_of(place)
    function = getattr(holder, name)

    @functools.wraps(function)
    def clocked(*arguments: Any, **options: Any) -> Any:
        function(*arguments, **options | extra)
        started = time.perf_counter()
        result = function(*arguments, **options | extra)
        print("\nclocked", time.perf_counter() - started, flush=True)
        return result

    setattr(holder, name, clocked)


def main() -> None:
    split = sys.argv.index("--")
    program, function, *pairs = sys.argv[1:split]
    sys.argv = [program, *sys.argv[split + 1 :]]
    clock(function, {name: int(value) for name, value in (pair.split("=") for pair in pairs)})
    holder, name = holder_of(program)
    getattr(holder, name)()


if __name__ == "__main__":
    main()
