"""How far something is that takes a while and prints nothing meanwhile."""

from __future__ import annotations

import sys
import time

SECONDS = 3.0
"""Between two lines."""


class Progress:
    """Says now and then, in a line on standard error, how many of so many are done: ``what`` is done to them."""

    def __init__(self, what: str, of: int) -> None:
        self.what = what
        self.of = of
        self.done = 0
        self._told = time.monotonic()

    def one(self) -> None:
        """One more is done."""
        self.done += 1
        if time.monotonic() - self._told >= SECONDS:
            self._told = time.monotonic()
            print(f"{self.what} {self.done} of {self.of} cells", file=sys.stderr, flush=True)
