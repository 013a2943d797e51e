"""Printing to somebody who may have seen enough. Only the standard library is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

UNREAD = 141
"""The exit code of what was not read to its end (``… | head``), as shells have it."""


def ended(command: Callable[[], int]) -> int:
    """The exit code of a command, whose reader may close the pipe before its end: that is no error to tell of."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more as it ends
        return UNREAD
