"""Stopping in time: SIGTERM that unwinds like Ctrl-C, a limit on minutes, a lost loss. Only the standard library."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TimeLimitError(BaseException):
    """A run took longer than ``max_minutes``. Like Ctrl-C it is no Exception, so nobody takes it for a fault."""

    def __init__(self, minutes: float) -> None:
        super().__init__(f"took longer than max_minutes={minutes:g}; a longer limit goes on from its last epoch")


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM unwind the stack like Ctrl-C does, so that a record is left; the exit code is 143.

    Either leaves the block as itself, though a library may have made an error of its own of it on the way: what is
    raised while a signal finds a library in C++ (torch writing a file) rarely comes out as it went in.
    """

    def stop(number: int, _frame: Any) -> None:
        raised.append(SystemExit(128 + number) if number == signal.SIGTERM else KeyboardInterrupt())
        raise raised[-1]

    raised: list[BaseException] = []
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else a worker's, whose parent stops it
        numbers.append(signal.SIGINT)
    try:
        before = {number: signal.signal(number, stop) for number in numbers}
    except ValueError:  # not the main thread: whoever owns the process handles its signals
        yield
        return
    try:
        with _as_raised(raised):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def limited(minutes: float | None) -> Iterator[None]:
    """Raise TimeLimitError in the block once ``minutes`` have passed; None: never. Main thread only, as all signals."""
    if minutes is None:
        yield
        return

    def stop(_number: int, _frame: Any) -> None:
        raised.append(TimeLimitError(minutes))
        raise raised[-1]

    raised: list[BaseException] = []
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 60 * minutes)
    try:
        with _as_raised(raised):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _as_raised(raised: list[BaseException]) -> Iterator[None]:
    """What a handler has raised in the block leaves it as that."""
    try:
        yield
    except BaseException as error:
        if raised and error is not raised[0]:
            raise raised[0] from error
        raise
