"""A finished run rebuilt from its record, and what its attention does on texts.

A new text takes the way of a test example: it stands in for the test split while the corpus is encoded with the
vocabularies of train, as in the run itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf, open_dict

from harness.build import data as run_data
from harness.build.data import Data, encode, make_task
from harness.build.matching import resized
from harness.build.model import make_model
from harness.explanation.example import Explained, explain_example, short_rows, tokens_of
from harness.records.record import Record
from tasks.base import UNKNOWN, Row, Task
from tasks.model import TaskModel
from tasks.reading.checks import check_rows
from tasks.reading.normalization import normalized
from tasks.reading.source import Corpus


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
        return explain_example(data, self._model(data), 0, row=0)

    def explain_rows(self, rows: Sequence[int]) -> list[Explained]:
        """The same for examples of the test split."""
        if not rows:
            return []
        data = self._encode([self.corpus.splits["test"][row] for row in rows])
        model = self._model(data)
        kept = data.encoded.splits["test"].rows_N.tolist()
        return [explain_example(data, model, number, row=rows[place]) for number, place in enumerate(kept)]

    def explain_some(self, wanted: int) -> list[Explained]:
        """The same for ``wanted`` short examples, which are the same ones for every run of the data."""
        return self.explain_rows(short_rows(self.task, self.corpus, wanted))

    def _row(self, texts: Sequence[str], external: str | None) -> Row:
        """A row of the corpus with the texts; the label is any that train shows, and is not looked at."""
        task, train = self.task, self.corpus.splits["train"]
        if len(texts) != len(task.text_columns):
            columns = ", ".join(task.text_columns)
            raise ValueError(f"task={task.name} reads {len(task.text_columns)} text(s) ({columns}), got {len(texts)}")
        row: dict[str, Any] = dict(zip(task.text_columns, texts, strict=True))
        if task.tokenized:
            row[task.text_columns[0]] = tokens_of(texts[0], self.corpus)
        row[task.label_column] = task.any_label(row, train)
        if all(other.get("external") is not None for other in train):
            if external is None:
                raise ValueError("the data set has an external text with every row; give one with --external")
            row["external"] = external
        row = normalized(row, self.config.encoding.normalize)
        return check_rows([row], task=task, place=lambda _row: "the text")[0]

    def _encode(self, rows: list[Row]) -> Data:
        """The corpus with ``rows`` instead of those to validate and test on; vocabularies come from train."""
        splits = {"train": self.corpus.splits["train"], "validation": rows, "test": rows}
        places = {**self.corpus.places, **dict.fromkeys(("validation", "test"), lambda row: f"text {row + 1}")}
        return encode(self.config, self.task, replace(self.corpus, splits=splits, places=places))

    def _model(self, data: Data) -> TaskModel:
        model = make_model(self.config, data)
        try:
            model.load_state_dict(_weights_in(self.weights))
        except RuntimeError as error:
            first = str(error).splitlines()[-1].strip()
            raise ValueError(
                f"{self.weights} does not fit the network that this version of the code builds from the record "
                f"({first}); check out the commit that the record names"
            ) from error
        return model.eval()


def _weights_in(path: Path) -> dict[str, torch.Tensor]:
    """The weights that a run kept. Raises ValueError for a file of anything else; nothing in it is executed."""
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
        if isinstance(weights, dict) and all(isinstance(value, torch.Tensor) for value in weights.values()):
            return weights
        found = f"a {type(weights).__name__} of other things"
    except Exception as error:  # whatever bytes make of torch's reader
        found = f"{type(error).__name__} in reading it"
    raise ValueError(f"{path} is no file of a run's weights ({found}); run again with force=true to have them")


def _read_from(folder: str, source: DictConfig) -> None:
    """Let a source of data, and the sources inside it (``train_from``), read their files from the folder."""
    if "data_dir" in source:
        source.data_dir = folder
    for inner in source.values():
        if isinstance(inner, DictConfig):
            _read_from(folder, inner)
