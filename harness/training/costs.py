"""What a network costs in time and memory, measured."""

from __future__ import annotations

import contextlib
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.records.record import PeakMemory

if TYPE_CHECKING:
    from tasks.base import Batch


def latency_seconds(predict: Callable[[Batch], Any], batches: Sequence[Batch], *, warm_up: int = 5) -> float:
    """The median time to predict one example alone, in seconds, after ``warm_up`` uncounted ones."""
    seconds = []
    for number, batch in enumerate(batches):
        start = time.perf_counter()
        predict(batch)
        if number >= warm_up or len(batches) <= warm_up:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def reset_peak_memory() -> None:
    """Start a new measurement of peak memory, where the system allows it (Linux, CUDA)."""
    import torch

    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory_bytes() -> PeakMemory:
    """Peak resident memory of this process, and peak allocated memory of the GPU (None without one)."""
    import torch

    gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return {"process": _peak_resident(), "gpu": gpu}


def _peak_resident() -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
