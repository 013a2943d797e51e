"""A kind of task that nobody foresaw runs through everything: encoding, head, training step, scores, explanation.

Its label is the place of a token (where does the answer begin?), which is neither a name, nor tags, nor a text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import Tensor, nn

from harness.build.checks import check_combination
from harness.build.data import Data, encode, load_corpus, make_task
from harness.build.model import make_model
from harness.build.saved import SavedNetwork, save_network
from harness.configuration.compose import compose_configuration
from harness.explanation.finished import explain_texts
from tasks.base import Body, Encoded, Head, Row, Sizes, Task
from tasks.encoding.arrays import EncodedLabels, EncodedSplit
from tasks.encoding.codec import TextCodec
from tasks.encoding.corpus import EncodedCorpus, Encoding
from tasks.encoding.padding import Ints
from tasks.encoding.vocabulary import EncodingOptions
from tasks.reading.source import Corpus


@dataclass(frozen=True)
class Places(EncodedLabels):
    places_N: Ints

    def collate(self, indices: Ints) -> Tensor:
        return torch.from_numpy(self.places_N[indices])


class PlacedEncoding(Encoding):
    def encode(self, corpus: Corpus) -> EncodedCorpus:
        splits = {split: self._split(rows) for split, rows in corpus.splits.items()}
        return EncodedCorpus(self, splits, dict.fromkeys(splits, 0))

    def readable(self, split: EncodedSplit, prediction: Any) -> int:
        return int(prediction)

    def _split(self, rows: Sequence[Row]) -> EncodedSplit:
        labels = None
        if all("place" in row for row in rows):
            labels = Places(torch.tensor([row["place"][0] for row in rows]).numpy())
        texts = self.codec.encode([row["text"].split() for row in rows])
        return EncodedSplit(torch.arange(len(rows)).numpy(), (texts,), None, labels)


class PlaceHead(Head):
    """A score a token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scores = nn.Linear(width, 1)

    def forward(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> Tensor:
        (text,) = texts
        scores_BT: Tensor = self.scores(text.states_BTD)[..., 0].masked_fill(~text.mask_BT, -1e9)
        return scores_BT

    def loss(self, texts: Sequence[Encoded], labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(self(texts), labels)

    def predict(self, texts: Sequence[Encoded], labels: Tensor | None = None) -> list[Any]:
        return self(texts).argmax(dim=-1).tolist()


class Finding(Task):
    """Where in a text does the answer begin?"""

    text_columns = ("text",)
    label_column = "place"
    tokenized = False
    main_score = "found"
    needs = frozenset({"self"})

    def __init__(self, *, name: str) -> None:
        self.name = name

    def label_problem(self, row: Row) -> str | None:
        return None if isinstance(row["place"], list) else "expected a list with a place; write it so"

    def label_set(self, labels: Sequence[Any]) -> list[str]:
        return []

    def labels_of(self, row: Row) -> Sequence[str]:
        return []

    def encode(self, corpus: Corpus, *, options: EncodingOptions, external: bool, cache: Path | None) -> EncodedCorpus:
        codec = TextCodec.fit([row["text"].split() for row in corpus.splits["train"]], options)
        return PlacedEncoding(corpus.tokenizer, [], codec, "none").encode(corpus)

    def load_encoding(self, saved: Mapping[str, Any], *, options: EncodingOptions) -> PlacedEncoding:
        return PlacedEncoding(saved["tokenizer"], [], TextCodec.load(saved, options), "none")

    def build_head(self, sizes: Sizes, body: Body) -> Head:
        return PlaceHead(body.width)

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        right = sum(found in row["place"] for row, found in zip(rows, predicted, strict=True))
        return {"found": right / len(rows)}

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        return {"found": "share of the texts whose place was found, 0-1, higher is better"}

    def samples(self) -> list[dict[str, Any]]:
        return [{"text": "a b here c", "place": [2]}, {"text": "here d", "place": [0]}] * 2


def configuration(folder: Path, *overrides: str) -> DictConfig:
    """That of a sentiment task, whose task is ours and whose rows lie in files."""
    rows = "\n".join(f'{{"text": "{row["text"]}", "place": {row["place"]}}}' for row in Finding(name="x").samples())
    for split in ("train", "validation", "test"):
        (folder / f"{split}.jsonl").write_text(rows)
    made = ("task=sentiment", "data=files", f"data.path={folder}", f"results_dir={folder / 'results'}")
    config = compose_configuration([*made, "backbone.width=8", "embedding.parts.words.width=8", *overrides])
    with open_dict(config):
        config.task = OmegaConf.create({"_target_": f"{__name__}.Finding", "name": "finding"})
    return config


@pytest.mark.parametrize("model", ["self", "additive", "none"])
def test_it_is_checked_built_learnt_scored_and_explained(tmp_path: Path, model: str):
    config = configuration(tmp_path, f"model={model}", "embedding.parts.ngrams.width=0")
    task = make_task(config)
    check_combination(config, task)
    corpus = load_corpus(config, task)
    data: Data = encode(config, task, corpus)
    network = make_model(config, data)
    batch = data.batch("train", [0, 1, 2, 3])
    assert batch.labels is not None
    assert batch.labels.tolist() == [2, 0, 2, 0]
    optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
    network.eval()
    for _ in range(60):
        optimizer.zero_grad()
        network.loss(batch).backward()
        optimizer.step()
    predictions: Mapping[int, Any] = dict(enumerate(network.predict(batch)))
    assert data.score("train", predictions) == {"found": 1.0}
    assert data.readable("train", predictions[0]) == 2
    save_network(tmp_path, data, network)
    saved = SavedNetwork.load({"config": OmegaConf.to_container(config)}, tmp_path)  # type: ignore[typeddict-item]
    explained = explain_texts(saved, ["c here a"])
    assert (explained.texts, explained.predicted) == ([["c", "here", "a"]], 1)


def test_it_says_what_its_labels_must_be(tmp_path: Path):
    config = configuration(tmp_path)
    (tmp_path / "test.jsonl").write_text('{"text": "a", "place": 3}')
    with pytest.raises(ValueError, match=r"test\.jsonl, line 1: expected a list with a place; write it so"):
        load_corpus(config, make_task(config))


def test_texts_beyond_learned_positions_are_named(tmp_path: Path):
    config = configuration(tmp_path, "position=learned", "position.max_length=3", "model=self")
    task = make_task(config)
    with pytest.raises(ValueError, match=r"train\.jsonl, line 1: a text of 4 symbols, but .* position\.max_length=3"):
        encode(config, task, load_corpus(config, task))
