"""Tasks that write: what reading all positions at once, keeping what was read, and cutting the projection save.

    python benchmarks/generation.py [--repeats 15] [--output]

Each row is one thing done in two ways that give the same result, which is checked before anything is timed. One thread;
texts of random words from a vocabulary of 8,000.

- Training: a recurrent decoder without input feeding reads a whole target at once, or one position after the other.
  "decoder" is its forward and backward pass alone, "step" a whole training step with encoder, projection, loss,
  clipping and AdamW.
- Search: beam 5 over 32 texts, random weights, 40 tokens each (the end is forbidden before), with what the decoder
  keeps between steps, or with the prefix read again at each step. Projection and choice are the same on both sides.
- Loss: the projection cut into chunks (`models/projection.py`), or `F.cross_entropy` of all logits; forward and
  backward. Chunks save memory above all: 8 MiB of logits in place of 55.

The two take turns; times are medians, and the ratio is the median of the turns' ratios.
"""

from __future__ import annotations

import copy
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from drivers.reporting import RESULTS, compare_turns, machine, make_parser, publish
from torch import Tensor
from torch.nn import functional as F

from harness.build import data as run_data
from harness.build.data import encode, make_task
from harness.build.model import make_model
from harness.configuration.compose import compose_configuration
from harness.training.memory import keep_freed_memory
from models.backbones.base import Decoded, Decoder, Memory
from models.projection import linear_cross_entropy
from tasks.base import Batch
from tasks.model import TaskModel

BEAM = 5
RESULT = RESULTS / "generation.md"

Action = Callable[[], Any]


class Size(NamedTuple):
    """Words in the vocabulary, words a text (its end is one symbol more), texts; texts of a batch; symbols written."""

    words: int
    length: int
    rows: int
    trained_rows: int
    searched_rows: int
    written: int
    widths: tuple[int, ...]


FULL = Size(8_000, 24, 400, trained_rows=72, searched_rows=32, written=40, widths=(128, 256))
SMALLEST = Size(40, 5, 12, trained_rows=4, searched_rows=3, written=4, widths=(16,))


class OneByOne(Decoder):
    """A decoder that reads each position in a call of its own."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder, self.width = decoder, decoder.width

    def prepare(self, state: Any) -> Any:
        """As the decoder does."""
        return self.decoder.prepare(state)

    def forward(self, x_BTD: Tensor, state: Any, *, need_weights: bool = False) -> tuple[Decoded, Any]:
        """Position by position."""
        steps = []
        for position in range(x_BTD.shape[1]):
            decoded, state = self.decoder(x_BTD[:, position : position + 1], state)
            steps.append(decoded)
        states, contexts, _ = zip(*steps, strict=True)
        return Decoded(torch.cat(states, 1), torch.cat(contexts, 1), None), state


@dataclass(frozen=True)
class Prefix:
    """All that a search without caches knows: the memory, and the vectors of what was written."""

    memory: Memory
    x_RTD: Tensor

    def select(self, order_R: Tensor) -> Prefix:
        """Some of the rows, in this order."""
        return Prefix(Memory(*(part[order_R] for part in self.memory)), self.x_RTD[order_R])


class ReadAgain(Decoder):
    """A decoder that keeps nothing: each step reads memory and prefix anew."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder, self.width = decoder, decoder.width

    def begin(self, memory: Memory) -> Any:
        """Nothing is written."""
        return Prefix(memory, memory.states_BSD[:, :0])

    def prepare(self, state: Any) -> Any:
        """Nothing to prepare."""
        return state

    def forward(self, x_BTD: Tensor, state: Any, *, need_weights: bool = False) -> tuple[Decoded, Any]:
        """The last position, after reading all of them."""
        after = Prefix(state.memory, torch.cat((state.x_RTD, x_BTD), dim=1))
        decoded, _ = self.decoder(after.x_RTD, self.decoder.begin(after.memory))
        return Decoded(decoded.states_BTD[:, -1:], decoded.context_BTD[:, -1:], None), after


def write_texts(folder: Path, size: Size) -> None:
    """Files of random texts; each word of the vocabulary stands in a source."""
    generator, (words, length, count) = torch.Generator().manual_seed(0), size[:3]

    def text(ids: Tensor) -> str:
        return " ".join(f"w{number}" for number in ids.tolist())

    sources = torch.cat([torch.randperm(words, generator=generator) for _ in range(1 + count * length // words)])
    targets = torch.randint(words, (count, length), generator=generator)
    rows = zip(sources[: count * length].view(count, length), targets, strict=True)
    lines = [json.dumps({"source": text(source), "target": text(target)}) for source, target in rows]
    for split in ("train", "validation", "test"):
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def make(folder: Path, rows: int, written: int, *overrides: str) -> tuple[TaskModel, Batch]:
    """A model with random weights, and a batch, as a run would make them."""
    words = ["task.source_symbols=words", "task.target_symbols=words", "data=files", "data.language=de"]
    search = [f"task.search.min_length={written}", "task.search.length_factor=0"]
    search += [f"task.search.length_extra={written}", f"task.search.beam={BEAM}"]
    config = compose_configuration(["task=translation", *words, f"data.path={folder}", *search, *overrides])
    task = make_task(config)
    data = encode(config, task, run_data.load_corpus(config, task))
    return make_model(config, data), data.batch("train", list(range(rows)))


def with_decoder(model: TaskModel, wrapper: Callable[[Decoder], Decoder]) -> TaskModel:
    """A copy of the model whose decoder is wrapped."""
    other = copy.deepcopy(model)
    head: Any = other.head
    head.decoder = wrapper(head.decoder)
    return other


def decoding(decoder: Decoder, batch: Batch) -> Action:
    """Forward and backward pass of a decoder over random vectors."""
    torch.manual_seed(0)
    rows, length = batch.texts[0].mask_BT.shape
    x_BTD, states_BSD = torch.randn(2, rows, length + 1, decoder.width).unbind()

    def action() -> Tensor:
        leaf = x_BTD.clone().requires_grad_()
        state = decoder.begin(Memory(states_BSD[:, :length], batch.texts[0].mask_BT))
        loss: Tensor = decoder(leaf, state)[0].states_BTD.square().sum()
        torch.autograd.backward(loss)
        assert leaf.grad is not None
        return leaf.grad

    return action


def training(model: TaskModel, batch: Batch) -> Action:
    """A training step."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

    def action() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(model.loss(batch))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return action


def searching(model: TaskModel, batch: Batch) -> Action:
    def action() -> Any:
        with torch.no_grad():
            return model.eval().predict(batch)

    return action


def losing(width: int, symbols: int, words: int, *, chunks: bool) -> Action:
    """Loss of the vocabulary and its gradients."""
    torch.manual_seed(0)
    x_ND, weight_VD, bias_V = torch.randn(symbols, width), torch.randn(words, width) * width**-0.5, torch.zeros(words)
    leaves = [part.requires_grad_() for part in (x_ND, weight_VD, bias_V)]
    labels_N = torch.randint(words, (symbols,))

    def action() -> tuple[Tensor, ...]:
        if chunks:
            loss = linear_cross_entropy(x_ND, weight_VD, bias_V, labels_N, label_smoothing=0.1)
        else:
            loss = F.cross_entropy(F.linear(x_ND, weight_VD, bias_V), labels_N, label_smoothing=0.1)
        return (loss.detach(), *torch.autograd.grad(loss, leaves))

    return action


def cases(folder: Path, texts: Size) -> Iterator[tuple[str, str, Action, Action, int]]:
    """(what, size, the fast way, the slow way, what the ratio should reach), checked to give the same result."""
    for width in texts.widths:
        size = f"{texts.trained_rows} x {texts.length + 1}, width {width}"
        options = ["backbone=recurrent", "model=general", f"backbone.width={width}"]
        model, batch = make(folder, texts.trained_rows, texts.written, *options)
        slow = with_decoder(model, OneByOne)
        heads: list[Any] = [model.eval().head, slow.eval().head]
        actions = [decoding(head.decoder, batch) for head in heads]
        torch.testing.assert_close(actions[0](), actions[1](), rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(model.loss(batch), slow.loss(batch))
        model.train(), slow.train()
        yield "training: decoder", size, actions[0], actions[1], 3
        yield "training: step", size, training(model, batch), training(slow, batch), 3
    rows, written = texts.searched_rows, texts.written
    for backbone, options in {"transformer": ["backbone.layers=4", "decoder.layers=4"], "recurrent": []}.items():
        model, batch = make(folder, rows, written, f"backbone={backbone}", "model=self", *options)
        fast_search, slow_search = searching(model, batch), searching(with_decoder(model, ReadAgain), batch)
        found = [[text.log_probability for text in search()] for search in (fast_search, slow_search)]
        torch.testing.assert_close(torch.tensor(found[0]), torch.tensor(found[1]), rtol=1e-4, atol=1e-3)
        yield f"search: {backbone}", f"{rows} x {written}, beam {BEAM}", fast_search, slow_search, 3
    for width in texts.widths:
        symbols, words = texts.trained_rows * (texts.length + 1), texts.words
        fast_loss, slow_loss = (losing(width, symbols, words, chunks=chunks) for chunks in (True, False))
        torch.testing.assert_close(fast_loss(), slow_loss(), rtol=1e-3, atol=1e-6)
        yield "loss", f"{symbols} x {words}, width {width}", fast_loss, slow_loss, 1


def seconds(action: Action) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def measure(what: str, size: str, fast: Action, slow: Action, target: int, *, repeats: int) -> str:
    """One row of the table."""
    fast(), slow()
    pairs = [(seconds(fast), seconds(slow)) for _ in range(repeats)]
    ratio = compare_turns(pairs)
    return (
        f"| {what} | {size} | {1e3 * ratio.first:.0f} | {1e3 * ratio.second:.0f} | {ratio.median:.1f} "
        f"| {ratio.low:.1f} to {ratio.high:.1f} | {target} |"
    )


def main() -> None:
    parser = make_parser(__doc__, RESULT)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    if options.smallest:
        options.repeats = 2
    keep_freed_memory()
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        size = SMALLEST if options.smallest else FULL
        write_texts(Path(folder), size)
        for case in cases(Path(folder), size):
            rows.append(measure(*case, repeats=options.repeats))
            print(rows[-1], flush=True)
    head = (
        "| what | size | ours, ms | other way, ms | other / ours | quartiles | target |\n|---|---|--:|--:|--:|--:|--:|"
    )
    made = f"{machine(load)} Made by `python benchmarks/generation.py --output`."
    text = f"# Tasks that write, one way against another\n\n{__doc__}\n{made}\n\n{head}\n" + "\n".join(rows) + "\n"
    publish(text, RESULT, write=options.output)


if __name__ == "__main__":
    main()
