"""The CRF against pytorch-crf: loss, backward pass and decoding of one batch, side by side in one run.

    python benchmarks/crf.py [--repeats 20] [--output]

Both sides get the same parameters, emissions, tags and lengths, and must agree before anything is timed. Repeats are
interleaved, so that whatever else the machine does hits both; the ratio is the median of the repeats' ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torchcrf
from torch import Tensor

from models.crf import LinearChainCRF

SIZES = ((32, 50, 13), (64, 128, 40))
"""Batch, length, tags."""

THREADS = (1, 2)
SAMPLE_SECONDS = 0.2
RESULT = Path(__file__).parent / "results" / "crf.md"

Step = Callable[[], tuple[Tensor, Tensor, list[list[int]]]]


def steps(batch: int, length: int, tags: int) -> tuple[Step, Step]:
    """One training step with decoding, ours and pytorch-crf's, on the same random batch."""
    torch.manual_seed(0)
    ours, theirs = LinearChainCRF(tags), torchcrf.CRF(tags, batch_first=True)
    theirs.load_state_dict(
        {"transitions": ours.transitions, "start_transitions": ours.start, "end_transitions": ours.end}
    )
    lengths = torch.randint(length // 2, length + 1, (batch,))
    lengths[0] = length
    mask = torch.arange(length) < lengths[:, None]
    emissions, gold = torch.randn(batch, length, tags) * 2, torch.randint(tags, (batch, length))

    def step_ours() -> tuple[Tensor, Tensor, list[list[int]]]:
        leaf = emissions.clone().requires_grad_()
        loss = ours.negative_log_likelihood(leaf, gold, mask)
        loss.backward()
        return loss.detach(), leaf.grad, ours.decode(leaf, mask)

    def step_theirs() -> tuple[Tensor, Tensor, list[list[int]]]:
        leaf = emissions.clone().requires_grad_()
        loss = -theirs(leaf, gold, mask, reduction="mean")
        loss.backward()
        return loss.detach(), leaf.grad, theirs.decode(leaf, mask)

    return step_ours, step_theirs


def check_agreement(ours: Step, theirs: Step) -> None:
    (loss, gradient, paths), (other_loss, other_gradient, other_paths) = ours(), theirs()
    torch.testing.assert_close(loss, other_loss, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradient, other_gradient, rtol=1e-3, atol=1e-5)
    if paths != other_paths:
        raise AssertionError("the decoded paths differ")


def seconds(step: Step, count: int) -> float:
    """Seconds a step takes, over ``count`` of them: long enough for a busy machine to slow both sides alike."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def measure(size: tuple[int, int, int], threads: int, repeats: int) -> str:
    """One row of the table."""
    torch.set_num_threads(threads)
    ours, theirs = steps(*size)
    check_agreement(ours, theirs)
    counts = [max(1, round(SAMPLE_SECONDS / min(seconds(step, 1) for _ in range(5)))) for step in (ours, theirs)]
    pairs = [(seconds(ours, counts[0]), seconds(theirs, counts[1])) for _ in range(repeats)]
    mine, reference = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    ratio = statistics.median(other / own for own, other in pairs)
    low, *_, high = statistics.quantiles((other / own for own, other in pairs), n=4)
    batch, length, tags = size
    cells = (batch, length, tags, threads, f"{mine:.1f}", f"{reference:.1f}", f"{ratio:.1f}", f"{low:.1f}–{high:.1f}")
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20, help="timed steps of each side (default: 20)")
    parser.add_argument("--output", action="store_true", help=f"also write benchmarks/results/{RESULT.name}")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="where received a uint8 condition")
    load = os.getloadavg()[0]
    rows = [measure(size, threads, options.repeats) for threads in THREADS for size in SIZES]
    table = "\n".join(
        (
            "# Linear-chain CRF against pytorch-crf",
            "",
            "Loss, backward pass and decoding of one batch, milliseconds (medians). Ratio: pytorch-crf / ours, median "
            f"and quartiles of {options.repeats} interleaved repeats. Above 1 = ours is faster.",
            "",
            f"torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores, load average {load:.1f} at the "
            "start (above the number of cores = shared with other work, which slows two threads most). "
            "Made by `python benchmarks/crf.py --output`.",
            "",
            "| batch | length | tags | threads | ours (ms) | pytorch-crf (ms) | ratio | quartiles |",
            "|--:|--:|--:|--:|--:|--:|--:|--:|",
            *rows,
            "",
        )
    )
    print(table)
    if options.output:
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
