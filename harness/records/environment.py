"""Versions and hardware, as records keep them: enough to know whether two times may be compared."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.records.record import Environment

_PACKAGES = (
    *("torch", "pytorch-lightning", "hydra-core", "omegaconf", "datasets", "torchmetrics", "seqeval", "tokenizers"),
    *("sacrebleu", "rouge-score", "scikit-learn", "scipy", "numpy", "entmax", "optuna"),
)


def environment(*, device: str, threads: int) -> Environment:
    """What the record keeps of a network's run: enough to know whether two times may be compared."""
    import torch

    gpu = torch.cuda.get_device_name() if device.startswith("cuda") else None
    return {**surroundings(), "device": device, "gpu": gpu, "threads": threads}


@cache
def surroundings() -> Environment:
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
