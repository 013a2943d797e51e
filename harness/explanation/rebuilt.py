"""A finished run rebuilt from its record, and what its attention does on texts.

A new text takes the way of a test example: it stands in for the test split while the corpus is encoded with the
vocabularies of train, as in the run itself.

H heads, T tokens that look, S tokens that are looked at
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf, open_dict

from harness.build import data as run_data
from harness.build.data import Data, encode, make_task
from harness.build.matching import resized
from harness.build.model import make_model
from harness.explanation.maps import AttentionMap
from harness.records.record import Record
from models.attention.base import Attended, Attention, recorded_weights
from tasks.base import UNKNOWN, Row, Task
from tasks.encoding.tokenization import tokenizer_named
from tasks.model import TaskModel
from tasks.reading.checks import check_rows
from tasks.reading.source import Corpus


@dataclass(frozen=True)
class Explained:
    """An example with what was predicted and every map of attention. ``row``: its number in the test split."""

    row: int
    texts: list[list[str]]
    gold: Any
    predicted: Any
    maps: list[AttentionMap]

    @property
    def words(self) -> str:
        """The prediction in words; tags stand behind their tokens."""
        if isinstance(self.predicted, list):
            return " ".join(f"{token}/{tag}" for token, tag in zip(self.texts[0], self.predicted, strict=True))
        return str(self.predicted)

    def as_dict(self) -> dict[str, Any]:
        """As ``attention.json`` keeps it."""
        return {
            "row": self.row,
            "gold": self.gold,
            "predicted": self.predicted,
            "maps": [made.as_dict() for made in self.maps],
        }


@dataclass(frozen=True)
class Rebuilt:
    """Configuration, task and corpus of a run, and its weights."""

    config: DictConfig
    task: Task
    corpus: Corpus
    weights: Path

    @classmethod
    def from_record(cls, record: Record, folder: Path, *, data_dir: str | None, results_dir: str) -> Rebuilt:
        """Raises ValueError if the data cannot be read, or are not those that the run was trained on."""
        config = OmegaConf.create(record["config"])
        with open_dict(config):
            config.results_dir = results_dir
            if data_dir is not None:
                config.data_dir = data_dir
                _read_from(data_dir, config.data)
        task = make_task(config)
        corpus = run_data.load_corpus(config, task)
        if corpus.fingerprint != record["data_fingerprint"]:
            raise ValueError(
                f"the data are not those of the run (fingerprint {corpus.fingerprint[:12]}, the run's is "
                f"{str(record['data_fingerprint'])[:12]}); give the folder that it read with --data_dir"
            )
        match = record.get("match")
        if match:
            config = resized(config, match["width"])
        return cls(config, task, corpus, folder / "model.pt")

    def explain_texts(self, texts: Sequence[str], *, external: str | None = None) -> Explained:
        """What the run makes of a new text (or pair).

        Raises ValueError for a wrong number of texts, a missing external text, and a text without known tokens.
        """
        row = self._row(texts, external)
        data = self._encode([row])
        for column, encoded in zip(self.task.text_columns, data.encoded.splits["test"].texts, strict=True):
            if (encoded.forms.words_U[encoded.forms_K] == UNKNOWN).all():
                raise ValueError(f"no token of {row[column]!r} occurs in the training texts, so the run knows none")
        return self._explain(data, self._model(data), 0, row=0)

    def explain_rows(self, rows: Sequence[int]) -> list[Explained]:
        """The same for examples of the test split."""
        if not rows:
            return []
        data = self._encode([self.corpus.splits["test"][row] for row in rows])
        model = self._model(data)
        kept = data.encoded.splits["test"].rows_N.tolist()
        return [self._explain(data, model, number, row=rows[place]) for number, place in enumerate(kept)]

    def short_rows(self, wanted: int, *, longest: int) -> list[int]:
        """``wanted`` test examples of at most ``longest`` tokens, evenly spread; if there are none, the shortest.

        They depend on the data alone.
        """
        columns = self.task.text_columns
        texts = [[self._tokens(row[column]) for column in columns] for row in self.corpus.splits["test"]]
        longest_of = {number: max(map(len, example)) for number, example in enumerate(texts) if all(example)}
        short = [number for number, length in longest_of.items() if length <= longest]
        short = short or sorted(sorted(longest_of, key=longest_of.__getitem__)[:wanted])
        return [short[int(n)] for n in np.unique(np.linspace(0, len(short) - 1, num=wanted).round())]

    def _tokens(self, value: str | list[str]) -> list[str]:
        return value if isinstance(value, list) else tokenizer_named(self.corpus.tokenizer)(value)

    def _row(self, texts: Sequence[str], external: str | None) -> Row:
        """A row of the corpus with the texts; the label is any that train shows, and is not looked at."""
        task, train = self.task, self.corpus.splits["train"]
        if len(texts) != len(task.text_columns):
            columns = ", ".join(task.text_columns)
            raise ValueError(f"task={task.name} reads {len(task.text_columns)} text(s) ({columns}), got {len(texts)}")
        row: dict[str, Any] = dict(zip(task.text_columns, texts, strict=True))
        if task.tokenized:
            row[task.text_columns[0]] = self._tokens(texts[0])
        row[task.label_column] = task.any_label(row, train)
        if all(other.get("external") is not None for other in train):
            if external is None:
                raise ValueError("the data set has an external text with every row; give one with --external")
            row["external"] = external
        return check_rows([row], task=task, place=lambda _row: "the text")[0]

    def _encode(self, rows: list[Row]) -> Data:
        """The corpus with ``rows`` instead of those to validate and test on; vocabularies come from train."""
        splits = {"train": self.corpus.splits["train"], "validation": rows, "test": rows}
        places = {**self.corpus.places, **dict.fromkeys(("validation", "test"), lambda row: f"text {row + 1}")}
        return encode(self.config, self.task, replace(self.corpus, splits=splits, places=places))

    def _model(self, data: Data) -> TaskModel:
        model = make_model(self.config, data)
        try:
            model.load_state_dict(torch.load(self.weights, map_location="cpu", weights_only=True))
        except RuntimeError as error:
            first = str(error).splitlines()[-1].strip()
            raise ValueError(
                f"{self.weights} does not fit the network that this version of the code builds from the record "
                f"({first}); check out the commit that the record names"
            ) from error
        return model.eval()

    def _explain(self, data: Data, model: TaskModel, number: int, *, row: int) -> Explained:
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
        maps = _maps(calls, tokens, self._external(data, example))
        if weights_TS is not None:
            written = data.encoded.pieces("test", predicted)
            maps.append(AttentionMap("head.decoder", "decoder", written, tokens[0], weights_TS[None].float().numpy()))
        readable = data.readable("test", predicted)
        return Explained(row, tokens, example[self.task.label_column], readable, maps)

    def _external(self, data: Data, example: Row) -> list[str] | None:
        """The tokens of the external memory; None where there is none, or where it is the other text of a pair."""
        source = data.encoded.external_source
        if source == "labels":
            return [word for name in self.task.label_words(data.encoded.labels) for word in name]
        return self._tokens(example["external"]) if source == "column" else None


def _read_from(folder: str, source: DictConfig) -> None:
    """Let a source of data, and the sources inside it (``train_from``), read their files from the folder."""
    if "data_dir" in source:
        source.data_dir = folder
    for inner in source.values():
        if isinstance(inner, DictConfig):
            _read_from(folder, inner)


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
