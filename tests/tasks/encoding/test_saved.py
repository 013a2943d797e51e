"""An encoding that was saved and loaded gives new texts the numbers, and predictions the words, that it gave before."""

from __future__ import annotations

import json
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tasks.encoding.arrays import EncodedSplit, EncodedTexts
from tasks.encoding.corpus import EncodedCorpus, Encoding
from tasks.heads.generation import Generated
from tasks.reading.source import Corpus
from tests.tasks.test_matrix import OPTIONS, TASKS, encoded_samples


def arrays(texts: EncodedTexts) -> list[Any]:
    forms = texts.forms
    return [texts.forms_K, texts.offsets, *(value for name, value in vars(forms).items() if name != "spelt_U")]


def equal(one: EncodedSplit, other: EncodedSplit) -> bool:
    pairs = [*zip(one.texts, other.texts, strict=True)]
    if one.external is not None and other.external is not None:
        pairs.append((one.external, other.external))
    same = all(a.forms.spelt_U == b.forms.spelt_U for a, b in pairs)
    same &= all(np.array_equal(x, y) for a, b in pairs for x, y in zip(arrays(a), arrays(b), strict=True))
    copies = (one.copies_U is None) == (other.copies_U is None)
    return same and copies and (one.copies_U is None or np.array_equal(one.copies_U, other.copies_U))


def reloaded(task: Any, encoded: EncodedCorpus) -> Encoding:
    saved = json.loads(json.dumps(encoded.encoding.saved()))
    found: Encoding = task.load_encoding(saved, options=replace(OPTIONS, lowercase=not task.generates))
    return found


@pytest.mark.parametrize("external", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_texts_without_labels_get_the_numbers_that_they_had(name: str, external: bool):
    task, encoded = encoded_samples(name, external)
    loaded = reloaded(task, encoded)
    assert loaded.sizes == encoded.encoding.sizes
    rows = [{column: row[column] for column in task.text_columns} for row in task.samples()]
    corpus = Corpus("new", {"test": rows}, {"test": str}, "", "new", loaded.tokenizer, "error")
    found = loaded.encode(corpus).splits["test"]
    assert found.labels is None
    assert equal(found, encoded.splits["test"])
    prediction: Any = {True: Generated([4, 5, 6], 0.0, torch.zeros(3, 2)), False: 1}[task.generates]
    if task.tokenized:
        prediction = [0, 1]
    assert loaded.readable(found, prediction) == encoded.readable("test", prediction)


def test_source_and_target_keep_vocabularies_of_their_own():
    task = copy(encoded_samples("translation", False)[0])  # that one is shared
    task.symbols, task.tie = replace(task.symbols, joint=False), False  # type: ignore[attr-defined]
    rows = task.samples()
    splits, places = dict.fromkeys(("train", "validation", "test"), rows), dict.fromkeys(("train", "test"), str)
    corpus = Corpus("samples", splits, places, "0", "samples", "words", "error")
    encoded = task.encode(corpus, options=replace(OPTIONS, lowercase=False), external=False, cache=None)
    loaded = reloaded(task, encoded)
    assert loaded.sizes == encoded.encoding.sizes
    assert equal(loaded.encode(corpus).splits["test"], encoded.splits["test"])
    prediction = Generated([4, 5, 6], 0.0, torch.zeros(3, 2))
    assert loaded.readable(encoded.splits["test"], prediction) == encoded.readable("test", prediction)
