"""The allocator's settings that large CPU tensors want."""

from __future__ import annotations

import ctypes
import gc
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> bool:
    """Tell glibc to keep freed memory instead of giving it back to the system; True if it listened.

    With its defaults every large tensor is mapped and unmapped afresh, and most of the time of a training step on a
    CPU goes into page faults (measured: a third to a half of it). No effect on results. Linux with glibc only.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, 1 << 30) and mallopt(_M_TRIM_THRESHOLD, 2**31 - 1))


def give_back_memory() -> None:
    """Give the next cell the memory that an earlier one would have found, so that peaks can be compared."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it
        if trim is not None:
            trim(0)


SHORT = ("out of memory", "can't allocate memory", "not enough memory")
"""What torch says where an allocation fails, on a GPU and on a CPU."""


def is_shortage(error: BaseException) -> bool:
    """Whether memory ran out."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in SHORT)
    )


class OutOfMemory(ValueError):
    """Memory ran out; the message names the longest text of the batch, and what to do."""
