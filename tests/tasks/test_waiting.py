"""No step of training makes the host wait for the device: on ``meta`` there is no number to look at.

There ``item``, ``tolist``, ``bool`` and indices by booleans fail, as they have no values.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.tasks.test_matrix import TASKS, make


@pytest.mark.parametrize(
    ("model", "backbone"),
    [*((model, "recurrent") for model in ("none", "self", "additive", "cross", "memory")), ("self", "transformer")],
)
@pytest.mark.parametrize("task", TASKS)
def test_a_training_step_looks_at_no_number(task: str, model: str, backbone: str):
    network, batch = make(task, model, backbone)
    network.head.progress = 1.0  # every part of the loss counts
    network.to("meta").train()
    loss = network.loss(batch.to("meta"))
    loss.backward()
    assert loss.shape == ()


def test_what_would_wait_does_fail_there():
    numbers: Any = torch.zeros(3, device="meta")
    for look in (lambda: bool(numbers[0]), lambda: numbers[0].item(), lambda: numbers.tolist()):
        with pytest.raises((RuntimeError, NotImplementedError)):
            look()
    with pytest.raises((RuntimeError, NotImplementedError)):
        numbers[numbers > 0]
