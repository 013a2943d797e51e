"""What a network holds and computes, counted: parameters and floating-point operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.records.record import Parameters

if TYPE_CHECKING:
    from tasks.base import Batch
    from tasks.model import TaskModel


def count_parameters(model: TaskModel) -> Parameters:
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
