"""Texts longer than ``encoding.max_length``: read in windows, cut, or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tasks.base import Batch
from tasks.encoding.collation import collate
from tasks.encoding.vocabulary import Overlong
from tasks.reading.source import Corpus
from tests.tasks.test_matrix import MECHANISMS, OPTIONS, encoded_samples, make, names

LONG = {"text": "one two three four five", "label": "b"}
SHORT = {"text": "one two", "label": "a"}


def corpus(rows: list[dict[str, str]]) -> Corpus:
    splits = dict.fromkeys(("train", "validation", "test"), rows)
    places = {split: lambda row: f"file, line {row + 1}" for split in splits}
    return Corpus("mine", splits, places, "0", "mine", "words", "en", "error")


def part(batch: Batch, row: int, start: int, stop: int) -> Batch:
    """Some tokens of one text as a batch of their own."""
    (text,) = batch.texts
    cut = {name: getattr(text, name)[row : row + 1, start:stop] for name in ("words_BT", "mask_BT", "forms_BT")}
    external = batch.external
    if external is not None and len(external.words_BT) > 1:
        external = replace(
            external, **{k: getattr(external, k)[row : row + 1] for k in ("words_BT", "mask_BT", "forms_BT")}
        )
    return replace(batch, texts=(replace(text, **cut),), external=external)


@pytest.mark.parametrize("backbone", names("backbone"))
@pytest.mark.parametrize("model", ["none", "self", "cross"])
@pytest.mark.parametrize("task", ["ner", "sentiment"])
def test_each_window_is_encoded_as_it_would_be_alone(task: str, model: str, backbone: str):
    network, batch = make(task, model, backbone)
    network.eval().window = 3
    (whole,) = network.encode(batch)
    lengths = batch.texts[0].mask_BT.sum(1).tolist()
    assert max(lengths) > 3
    for row, length in enumerate(lengths):
        for start in range(0, length, 3):
            (alone,) = network.encode(part(batch, row, start, min(start + 3, length)))
            window_TD = whole.states_BTD[row, start : min(start + 3, length)]
            torch.testing.assert_close(window_TD, alone.states_BTD[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("model", MECHANISMS)
@pytest.mark.parametrize("task", ["ner", "classification", "matching"])
def test_every_mechanism_learns_and_predicts_in_windows(task: str, model: str):
    network, batch = make(task, model, "recurrent")
    network.window = 2  # the shortest texts have windows without a token
    loss = network.loss(batch)
    loss.backward()
    gradients: list[Tensor] = [p.grad for p in network.parameters() if p.grad is not None]
    assert loss.isfinite()
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)
    network.eval()
    with torch.no_grad():
        predicted = network.predict(batch)
        (alone,) = network.predict(_row(batch, 0))
    assert predicted[0] == alone
    network.window = batch.texts[0].mask_BT.shape[1]
    with torch.no_grad():
        as_a_whole = network.predict(batch)
        network.window = None
        assert network.predict(batch) == as_a_whole


def _row(batch: Batch, row: int) -> Batch:
    def only(text):
        length = int(text.mask_BT[row].sum())
        parts = {k: getattr(text, k)[row : row + 1, :length] for k in ("words_BT", "mask_BT", "forms_BT")}
        return replace(text, **parts)

    labels = None if batch.labels is None else batch.labels[row : row + 1]
    return replace(batch, rows_B=batch.rows_B[row : row + 1], texts=tuple(map(only, batch.texts)), labels=labels)


@pytest.mark.parametrize(("overlong", "lengths"), [("windows", [5, 2]), ("cut", [3, 2])])
def test_long_texts_are_counted_and_kept_or_cut(overlong: Overlong, lengths: list[int]):
    task, _ = encoded_samples("classification", False)
    options = replace(OPTIONS, max_length=3, overlong=overlong)
    encoded = task.encode(corpus([LONG, SHORT]), options=options, external=False, cache=None)
    assert encoded.splits["test"].texts[0].lengths.tolist() == lengths
    assert encoded.overlong == {"train": 1, "validation": 1, "test": 1}
    assert len(collate(encoded.splits["test"], np.arange(2))) == 2


def test_they_are_refused_with_their_place():
    task, _ = encoded_samples("classification", False)
    said = "file, line 2: a text of 5 tokens, and encoding.max_length is 3; raise that, shorten the text, or use"
    with pytest.raises(ValueError, match=said):
        task.encode(
            corpus([SHORT, LONG]), options=replace(OPTIONS, max_length=3, overlong="error"), external=False, cache=None
        )


def test_what_is_tagged_is_not_cut_and_what_is_written_has_limits_of_its_own():
    tagging, _ = encoded_samples("ner", False)
    rows = [tagging.check(row) for row in tagging.samples()]
    with pytest.raises(ValueError, match=r"encoding\.overlong=cut would leave tokens without a tag"):
        tagging.encode(corpus(rows), options=replace(OPTIONS, max_length=3, overlong="cut"), external=False, cache=None)
    writing, _ = encoded_samples("translation", False)
    with pytest.raises(ValueError, match=r"task=translation has task\.max_source"):
        writing.encode(corpus([]), options=replace(OPTIONS, lowercase=False, max_length=3), external=False, cache=None)
