"""Where a part computes in the types that it is given, whatever autocast would make of them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def short_type(device: torch.device) -> torch.dtype | None:
    """What autocast makes of products on this device; None where it is off, or not to be had (``meta``)."""
    kind = device.type
    if not torch.amp.autocast_mode.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return None
    return torch.get_autocast_dtype(kind)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """No autocast inside the block."""
    return nullcontext() if short_type(device) is None else torch.autocast(device.type, enabled=False)
