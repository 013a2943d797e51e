"""What a model costs: parameters, floating-point operations, time, memory."""

from __future__ import annotations

import contextlib
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.base import Batch
    from tasks.model import TaskModel

_PACKAGES = (
    *("torch", "pytorch-lightning", "hydra-core", "omegaconf", "datasets", "torchmetrics", "seqeval", "tokenizers"),
    *("sacrebleu", "rouge-score", "scikit-learn", "scipy", "numpy", "entmax", "optuna"),
)


def count_parameters(model: TaskModel) -> dict[str, int]:
    """Trainable parameters: all, those inside attention mechanisms, those of the embeddings."""
    from tasks.model import attention_parameters

    def count(module: Any) -> int:
        return sum(p.numel() for p in module.parameters() if p.requires_grad)

    return {"total": count(model), "attention": attention_parameters(model), "embedding": count(model.embeddings)}


def forward_flops(model_on_meta: TaskModel, batch: Batch) -> dict[str, float]:
    """Floating-point operations of one forward pass (a multiply-add is two) per real token of ``batch``.

    Of each module by its name in the model; ``""`` is the model itself. Counted on the meta device, where fused
    kernels and LSTMs are decomposed and so are seen; embeddings, encoder, attention and the head's logits or emissions
    count, the recursions of a CRF (O(tags^2) a token) do not.
    """
    from torch.utils.flop_counter import FlopCounterMode

    tokens = real_tokens(batch)
    counter = FlopCounterMode(display=False)
    model_on_meta.requires_grad_(False)  # the counter's hooks trip over views of parameters otherwise
    with counter:
        model_on_meta(batch.to("meta"))
    counted = counter.get_flop_counts()
    root = type(model_on_meta).__name__
    names = {name: f"{root}.{name}" if name else "Global" for name, _ in model_on_meta.named_modules()}
    return {name: sum(counted.get(path, {}).values()) / tokens for name, path in names.items()}


def real_tokens(batch: Batch) -> int:
    """The tokens of the texts that are read, without padding."""
    return sum(int(text.mask_BT.sum()) for text in batch.texts)


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


def peak_memory_bytes() -> dict[str, int | None]:
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


def environment(*, device: str, threads: int) -> dict[str, Any]:
    """What the record keeps of a network's run: enough to know whether two times may be compared."""
    import torch

    gpu = torch.cuda.get_device_name() if device.startswith("cuda") else None
    return {**surroundings(), "device": device, "gpu": gpu, "threads": threads}


@cache
def surroundings() -> dict[str, Any]:
    """Versions and hardware as far as they are known before any device is chosen; read once a process."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "packages": versions,
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
