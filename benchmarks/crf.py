"""The CRF against pytorch-crf: loss, backward pass and decoding of one batch, side by side in one run.

    python benchmarks/crf.py [--repeats 20] [--output]

Both sides get the same parameters, emissions, tags and lengths, and must agree before anything is timed. Repeats are
interleaved, so that whatever else the machine does hits both; the ratio is the median of the repeats' ratios.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable

import torch
import torchcrf
from drivers.reporting import RESULTS, compare_turns, machine, make_parser, publish
from torch import Tensor

from models.crf import LinearChainCRF

SIZES = ((32, 50, 13), (64, 128, 40))
"""Batch, length, tags."""

SMALLEST = (3, 5, 3)
THREADS = (1, 2)
SAMPLE_SECONDS = 0.2
RESULT = RESULTS / "crf.md"

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


def measure(size: tuple[int, int, int], threads: int, repeats: int, *, sample_seconds: float) -> str:
    """One row of the table."""
    torch.set_num_threads(threads)
    ours, theirs = steps(*size)
    check_agreement(ours, theirs)
    counts = [max(1, round(sample_seconds / min(seconds(step, 1) for _ in range(5)))) for step in (ours, theirs)]
    pairs = [(seconds(ours, counts[0]), seconds(theirs, counts[1])) for _ in range(repeats)]
    ratio = compare_turns(pairs)
    batch, length, tags = size
    times = (f"{1e3 * ratio.first:.1f}", f"{1e3 * ratio.second:.1f}")
    cells = (batch, length, tags, threads, *times, f"{ratio.median:.1f}", f"{ratio.low:.1f}–{ratio.high:.1f}")
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--repeats", type=int, default=20, help="timed steps of each side (default: 20)")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="where received a uint8 condition")
    load = os.getloadavg()[0]
    if options.smallest:
        options.repeats = 2
        rows = [measure(SMALLEST, 1, options.repeats, sample_seconds=0.0)]
    else:
        pairs = [(size, threads) for threads in THREADS for size in SIZES]
        rows = [measure(*pair, options.repeats, sample_seconds=SAMPLE_SECONDS) for pair in pairs]
    table = "\n".join(
        (
            "# Linear-chain CRF against pytorch-crf",
            "",
            "Loss, backward pass and decoding of one batch, milliseconds (medians). Ratio: pytorch-crf / ours, median "
            f"and quartiles of {options.repeats} interleaved repeats. Above 1 = ours is faster.",
            "",
            f"{machine(load)} Made by `python benchmarks/crf.py --output`.",
            "",
            "| batch | length | tags | threads | ours (ms) | pytorch-crf (ms) | ratio | quartiles |",
            "|--:|--:|--:|--:|--:|--:|--:|--:|",
            *rows,
            "",
        )
    )
    publish(table, RESULT, write=options.output)


if __name__ == "__main__":
    main()
