"""Stopping in time: SIGTERM that unwinds like Ctrl-C, a limit on minutes, a lost loss. Only the standard library."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TimeLimitError(Exception):
    """A run took longer than ``max_minutes``."""

    def __init__(self, minutes: float) -> None:
        super().__init__(f"took longer than max_minutes={minutes:g}; a longer limit goes on from its last epoch")


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM unwind the stack like Ctrl-C does, so that a record is left; the exit code is 143."""

    def stop(_number: int, _frame: Any) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: whoever owns the process handles its signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def limited(minutes: float | None) -> Iterator[None]:
    """Raise TimeLimitError in the block once ``minutes`` have passed; None: never. Main thread only, as all signals."""
    if minutes is None:
        yield
        return

    def stop(_number: int, _frame: Any) -> None:
        raise TimeLimitError(minutes)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 60 * minutes)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
