"""What a network makes of an example: its prediction, and every map of attention on the way to it.

H heads, T tokens that look, S tokens that are looked at
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch

from harness.build.data import Data
from harness.explanation.maps import AttentionMap
from models.attention.base import Attended, Attention, recorded_weights
from tasks.base import Row, Task
from tasks.encoding.tokenization import tokenizer_named
from tasks.model import TaskModel

LONGEST = 25
"""Test examples of more tokens are passed over where there are shorter ones: their maps are hard to read."""


@dataclass(frozen=True)
class Explained:
    """An example with what was predicted and every map of attention. ``row``: its number in the test split.

    ``tagged``: whether the prediction is a tag a token.
    """

    row: int
    texts: list[list[str]]
    gold: Any
    predicted: Any
    maps: list[AttentionMap]
    tagged: bool = False

    @property
    def words(self) -> str:
        """The prediction in words; tags stand behind their tokens, several labels one after the other."""
        if isinstance(self.predicted, list) and not self.tagged:
            return ", ".join(self.predicted) or "no label"
        if self.tagged:
            return " ".join(f"{token}/{tag}" for token, tag in zip(self.texts[0], self.predicted, strict=True))
        return str(self.predicted)


def explain_example(data: Data, model: TaskModel, number: int, *, row: int) -> Explained:
    """Example ``number`` of the encoded test split, told as ``row``. The model is on the CPU and evaluates."""
    batch = data.batch("test", [number])
    example = data.corpus.splits["test"][int(data.encoded.splits["test"].rows_N[number])]
    tokens = data.encoded.tokens("test", number)
    with torch.no_grad():
        with ExitStack() as watched:
            watched.enter_context(recorded_weights(model))
            calls = watched.enter_context(_recorded_calls(model))
            encoded = model.encode(batch)
            if model.head.stepwise:
                watched.close()  # of a step alone a call says little
            (predicted,) = model.head.predict(encoded)
        (weights_TS,) = model.head.align(encoded, [predicted])
    maps = _maps(calls, tokens, _external(data, example))
    if weights_TS is not None:
        written = data.encoded.pieces("test", predicted)
        maps.append(AttentionMap("head.decoder", "decoder", written, tokens[0], weights_TS[None].float().numpy()))
    readable = data.readable("test", predicted)
    return Explained(row, tokens, example.get(data.task.label_column), readable, maps, data.task.tokenized)


def short_examples(
    task: Task, rows: Sequence[Row], tokenizer: str, wanted: int, *, longest: int = LONGEST
) -> list[int]:
    """The numbers of up to ``wanted`` of the test examples: of at most ``longest`` tokens, one a stretch of the split.

    If a stretch has none, the shortest of all. They depend on the data alone: every run of a data set shows the same.
    """

    def length(number: int) -> int:
        """Of its longest text; 0 if one of them is empty."""
        lengths = [len(tokens_of(rows[number][column], tokenizer)) for column in task.text_columns]
        return max(lengths) if all(lengths) else 0

    stretches = pairwise(len(rows) * place // wanted for place in range(wanted + 1))
    firsts = [next((n for n in range(*stretch) if 0 < length(n) <= longest), None) for stretch in stretches]
    found = [number for number in firsts if number is not None]
    if len(found) == len(firsts):
        return found
    lengths = {number: size for number in range(len(rows)) if (size := length(number))}
    return sorted(sorted(lengths, key=lengths.__getitem__)[:wanted])


def tokens_of(value: str | list[str], tokenizer: str) -> list[str]:
    """The tokens of a text as the tokenizer of this name divides it."""
    return value if isinstance(value, list) else tokenizer_named(tokenizer)(value)


def _external(data: Data, example: Row) -> list[str] | None:
    """The tokens of the external memory; None where there is none, or where it is the other text of a pair."""
    source = data.encoded.encoding.external_source
    if source == "labels":
        return [word for name in data.task.label_words(data.encoded.labels) for word in name]
    return tokens_of(example["external"], data.encoded.encoding.tokenizer) if source == "column" else None


Calls = dict[str, list[Attended]]


@contextmanager
def _recorded_calls(model: TaskModel) -> Iterator[Calls]:
    """Keep what every mechanism returns, call by call: both texts of a pair pass through the same ones."""
    calls: Calls = defaultdict(list)

    def keep(name: str, _module: Any, _args: Any, output: Attended) -> None:
        calls[name].append(output)

    mechanisms = [(name, module) for name, module in model.named_modules() if isinstance(module, Attention)]
    handles = [module.register_forward_hook(partial(keep, name)) for name, module in mechanisms]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _maps(calls: Calls, tokens: Sequence[list[str]], external: list[str] | None) -> list[AttentionMap]:
    """The maps of the encoder's and the pooling sites; what was done to external texts themselves is left out."""
    maps = []
    for name, outputs in calls.items():
        kind = "pooling" if name.startswith("head") else "token"
        waiting = list(outputs)
        for number, text in enumerate(tokens):
            shape = (1 if kind == "pooling" else len(text), len(text))
            found = next((one for one in waiting if _shape(one) == shape), None)
            if found is None or found.weights_BHTS is None:
                continue
            waiting = [one for one in waiting if one is not found]
            of = number + 1 if len(tokens) == 2 else None
            rows = ["query"] if kind == "pooling" else text
            maps.append(AttentionMap(name, kind, rows, text, found.weights_BHTS[0].float().numpy(), of))
            other = external if external is not None else tokens[1 - number] if len(tokens) == 2 else None
            outside = found.external_weights_BHTE
            if outside is not None and other is not None and outside.shape[-1] == len(other):
                maps.append(AttentionMap(name, "external", rows, other, outside[0].float().numpy(), of))
    return maps


def _shape(attended: Attended) -> tuple[int, ...]:
    return () if attended.weights_BHTS is None else tuple(attended.weights_BHTS.shape[-2:])
