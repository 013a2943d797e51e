"""Sources and targets as ids: what is copied, what is cut, and the way back to text."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from tasks.base import IGNORED, PADDING, UNKNOWN
from tasks.encoding.collation import collate
from tasks.encoding.corpus import EncodedCorpus
from tasks.encoding.symbols import BEGIN, END, Symbols, Writer
from tasks.encoding.vocabulary import EncodingOptions
from tasks.encoding.written import WrittenEncoding, encode_sequences
from tasks.heads.generation import Generated
from tasks.reading.source import Corpus

OPTIONS = EncodingOptions(
    normalize="nfc", lowercase=False, min_count=1, max_characters=8, ngram_min=3, ngram_max=4, ngram_buckets=0
)
TRAIN = [
    {"source": "see a dog", "target": "einen hund sehen"},
    {"source": "see Anna", "target": ["Anna sehen", "sehen Anna"]},
]
TEST = [{"source": "see Bob a dog", "target": "Bob und Eva sehen"}, {"source": "dog", "target": "hund"}]


def encode(
    rows: list[dict[str, Any]] = TEST, further: list[dict[str, Any]] | None = None, **changed: Any
) -> EncodedCorpus:
    options: dict[str, Any] = {"vocabulary_size": 50, "source": "words", "target": "words", "joint": True}
    symbols = Symbols(**{**options, "max_source": None, "max_target": None, "copying": True, **changed})
    splits = {"train": TRAIN, "validation": rows, "test": rows, **({"further": further} if further else {})}
    places = dict.fromkeys(splits, str)
    corpus = Corpus("toy", splits, places, "0", "toy", "whitespace", "error")
    return encode_sequences(corpus, symbols, options=OPTIONS, cache=None)


def writer_of(encoded: EncodedCorpus) -> Writer:
    assert isinstance(encoded.encoding, WrittenEncoding)
    return encoded.encoding.writer


def written(encoded: EncodedCorpus, split: str, row: int) -> list[int]:
    labels = encoded.splits[split].labels
    return labels.ids_K[labels.offsets[row] : labels.offsets[row + 1]].tolist()


def test_a_target_ends_and_comes_back_as_its_text():
    encoded = encode()
    ids = written(encoded, "train", 0)
    assert ids[-1] == writer_of(encoded).end
    forms = encoded.splits["train"].texts[0].forms.spelt_U
    assert writer_of(encoded).text(ids[:-1], forms) == "einen hund sehen"


def test_the_first_of_several_targets_is_learnt_from():
    encoded = encode()
    assert writer_of(encoded).text(written(encoded, "train", 1)[:-1], ()) == "Anna sehen"


def test_a_word_that_only_the_source_shows_is_copied_and_another_is_unknown():
    encoded = encode()
    size = len(writer_of(encoded).vocabulary)
    bob, und, eva, sehen, _ = written(encoded, "test", 0)
    assert (und, eva) == (UNKNOWN, UNKNOWN)
    assert sehen < size
    forms = encoded.splits["test"].texts[0].forms.spelt_U
    assert forms[bob - size] == "\u2581Bob"
    assert writer_of(encoded).text([bob, und, sehen], forms) == "Bob sehen"


def test_without_copying_it_is_unknown():
    encoded = encode(copying=False)
    assert written(encoded, "test", 0)[0] == UNKNOWN
    assert encoded.splits["test"].copies_U.max() < len(writer_of(encoded).vocabulary)


def test_a_batch_holds_what_is_read_what_is_written_and_what_can_be_copied():
    encoded = encode()
    batch = collate(encoded.splits["test"], np.array([1, 0]))
    assert batch.labels.tolist()[0][2:] == [IGNORED] * 3
    assert batch.labels[1].tolist() == written(encoded, "test", 0)
    assert batch.copies_BS[0].tolist()[1:] == [PADDING] * 3
    assert batch.copies_BS[1, 1] == batch.labels[1, 0]  # Bob
    assert batch.texts[0].words_BT[1, 1] == UNKNOWN
    assert encoded.splits["test"].lengths.tolist() == [5, 2]


def test_begin_and_end_are_no_words_and_stand_first():
    encoded = encode()
    assert (writer_of(encoded).begin, writer_of(encoded).end) == (2, 3)
    assert writer_of(encoded).vocabulary.symbols[:2] == (BEGIN, END)
    assert writer_of(encode(joint=False)).begin == 2


def test_separate_vocabularies_share_no_words():
    encoded = encode(joint=False)
    assert "\u2581dog" in encoded.encoding.codec.words
    assert "\u2581dog" not in writer_of(encoded).vocabulary


def test_long_texts_are_cut_and_targets_only_in_train():
    encoded = encode(max_source=2, max_target=1)
    assert encoded.splits["test"].texts[0].lengths.tolist() == [2, 1]
    assert encoded.splits["train"].labels.lengths.tolist() == [1, 1]  # without an end, for they do not end there
    assert encoded.splits["test"].labels.lengths.tolist() == [5, 2]
    assert written(encode(max_target=2), "train", 1)[-1] == writer_of(encoded).end


def test_weights_of_symbols_become_weights_of_words():
    rows = [{"source": "ab c", "target": "?y", "alignment": [[0, 0]]}]  # an unknown symbol is a symbol
    encoded = encode(rows, source="characters", target="characters")
    assert encoded.aligned
    generated = Generated([], 0.0, torch.tensor([[0.1, 0.2, 0.7], [0.3, 0.1, 0.6]]))
    assert isinstance(encoded.encoding, WrittenEncoding)
    (weights,) = encoded.encoding.attention_between_words(encoded.splits["test"], rows, {0: generated})
    np.testing.assert_allclose(weights, [[0.35, 0.65]])


def test_words_that_were_cut_off_weigh_nothing():
    rows = [{"source": "a b c", "target": "x y", "alignment": [[1, 2]]}]
    encoded = encode(rows, max_source=2)
    assert isinstance(encoded.encoding, WrittenEncoding)
    generated = Generated([], 0.0, torch.eye(2))
    (weights,) = encoded.encoding.attention_between_words(encoded.splits["test"], rows, {0: generated})
    np.testing.assert_allclose(weights, [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("link", [[2, 0], [0, 3], [-1, 0], [0], "01"])
def test_a_link_between_words_that_are_not_there_is_refused(link: Any):
    rows = [{"source": "a b c", "target": "x y", "alignment": [[0, 0], link]}]
    with pytest.raises(ValueError, match=r"^0: .* target word \(0 to 1\) and a source word \(0 to 2\)") as caught:
        encode(rows)
    assert str(caught.value).endswith(f"got {link!r}")


def test_alignments_are_scored_only_if_further_test_sets_have_them_too():
    rows = [{"source": "a", "target": "x", "alignment": [[0, 0]]}]
    assert encode(rows).aligned
    assert not encode(rows, further=TEST).aligned


def test_rows_without_alignment_are_not_aligned():
    assert not encode().aligned


def test_words_beyond_the_size_of_the_vocabulary_are_unknown_but_can_be_copied():
    encoded = encode([{"source": "Anna see dog", "target": "dog hund"}], vocabulary_size=1)
    assert writer_of(encoded).vocabulary.symbols == (BEGIN, END, "\u2581Anna")
    dog, hund, _ = written(encoded, "test", 0)
    assert dog >= len(writer_of(encoded).vocabulary)
    assert hund == UNKNOWN


def test_what_is_written_is_in_the_form_of_the_data():
    encoded = encode([{"source": "x", "target": "e\u0301"}], source="characters", target="characters")
    writer = writer_of(encoded)
    size = len(writer.vocabulary)
    assert writer.text([size, size + 1], ["e", "\u0301"]) == "\u00e9"
    assert replace(writer, form="none").text([size, size + 1], ["e", "\u0301"]) == "e\u0301"
