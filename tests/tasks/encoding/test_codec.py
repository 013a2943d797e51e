from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.base import IGNORED, Task
from tasks.encoding.arrays import ClassLabels, EncodedSplit, TagLabels
from tasks.encoding.codec import TextCodec
from tasks.encoding.collation import collate
from tasks.encoding.labelled import encode_corpus
from tasks.encoding.ngrams import hash_ngrams
from tasks.encoding.shapes import shape_of
from tasks.encoding.vocabulary import EncodingOptions, Vocabulary
from tasks.kinds.tags import TaggingTask
from tasks.reading.source import Corpus

DEFAULTS = {
    "normalize": "nfc",
    "lowercase": True,
    "min_count": 1,
    "max_characters": 5,
    "ngram_min": 3,
    "ngram_max": 4,
    "ngram_buckets": 97,
}
texts_of_tokens = st.lists(
    st.lists(st.text("abBß字🎉", min_size=1, max_size=8), min_size=1, max_size=9), min_size=1, max_size=8
)


def options(**changes):
    return EncodingOptions(**(DEFAULTS | changes))


def slow_ngrams(form, shortest, longest, buckets):
    """Byte by byte, from the definition."""
    wrapped = f"<{form}>"
    found = []
    for size in range(shortest, longest + 1):
        for start in range(len(wrapped) - size + 1):
            gram = wrapped[start : start + size]
            if size == 1 and start in (0, len(wrapped) - 1):
                continue
            value = 2166136261
            for byte in gram.encode("utf-8"):
                value = (value ^ byte) * 16777619 % 2**32
            found.append(value % buckets)
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=9), max_size=6), st.integers(1, 4), st.integers(0, 3))
def test_ngrams_match_a_byte_by_byte_hash(forms, shortest, more):
    forms = [form.encode("utf-8", "ignore").decode() or "x" for form in forms]
    buckets, offsets = hash_ngrams(forms, shortest=shortest, longest=shortest + more, buckets=1_000)
    for form, (start, end) in zip(forms, pairwise(offsets), strict=True):
        assert buckets[start:end].tolist() == slow_ngrams(form, shortest, shortest + more, 1_000)


def test_the_hash_is_the_published_one():
    buckets, _ = hash_ngrams(["a"], shortest=3, longest=3, buckets=2**31 - 1)
    assert buckets.tolist() == [slow_ngrams("a", 3, 3, 2**31 - 1)[0]]
    assert slow_ngrams("foobar", 6, 6, 2**32)[1] == 0xBF9CF968  # the FNV test suite's value for "foobar"


def test_vocabulary_is_ordered_by_count_and_then_by_symbol():
    vocabulary = Vocabulary({"b": 2, "a": 2, "c": 5, "d": 1}, min_count=2)
    assert vocabulary.symbols == ("c", "a", "b")
    assert [vocabulary.id_of(symbol) for symbol in "cabd"] == [2, 3, 4, 1]
    assert len(vocabulary) == 5


def test_words_may_be_lower_cased_but_characters_are_not():
    codec = TextCodec.fit([["Apple", "apple"]], options())
    forms = codec.encode([["Apple", "apple"]]).forms
    assert forms.words_U[0] == forms.words_U[1]
    assert forms.characters_UC[0, 0] != forms.characters_UC[1, 0]
    cased = TextCodec.fit([["Apple", "apple"]], options(lowercase=False))
    assert cased.vocabulary_size == codec.vocabulary_size + 1


def test_what_train_never_showed_is_unknown():
    codec = TextCodec.fit([["ab", "ab", "ba"]], options(min_count=2))
    encoded = codec.encode([["ab", "ba", "xb"]])
    assert encoded.forms.words_U.tolist() == [2, 1, 1]
    assert (encoded.forms.characters_UC[2, 0], encoded.forms.characters_UC[2, 1]) == (1, codec.characters.id_of("b"))


def test_characters_beyond_the_limit_are_left_out():
    codec = TextCodec.fit([["abcdefgh"]], options(max_characters=3))
    assert codec.encode([["abcdefgh"]]).forms.characters_UC.shape == (1, 3)


def test_without_buckets_there_are_no_ngrams():
    forms = TextCodec.fit([["abc"]], options(ngram_buckets=0)).encode([["abc", "d"]]).forms
    assert forms.ngrams_M.tolist() == []
    assert forms.ngram_offsets.tolist() == [0, 0, 0]


@settings(max_examples=80, deadline=None)
@given(texts_of_tokens, st.data())
def test_collate_matches_loops(texts, data):
    codec = TextCodec.fit(texts[:1], options())
    encoded = codec.encode(texts)
    tags = [[len(token) for token in text] for text in texts]
    rows = np.arange(len(texts)) + 100
    labels = TagLabels(np.array([tag for row in tags for tag in row]), encoded.offsets)
    split = EncodedSplit(rows, (encoded,), None, labels)
    indices = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=6))
    batch = collate(split, np.array(indices))
    text = batch.texts[0]
    assert batch.rows_B.tolist() == [100 + index for index in indices]
    assert text.words_BT.shape == (len(indices), max(len(texts[index]) for index in indices))
    distinct = sorted({token for index in indices for token in texts[index]})
    assert len(text.characters_UC) == len(text.ngram_offsets_U) == len(distinct)
    bounds = [*text.ngram_offsets_U.tolist(), len(text.ngrams_N)]
    for row, index in enumerate(indices):
        for position in range(text.words_BT.shape[1]):
            inside = position < len(texts[index])
            assert bool(text.mask_BT[row, position]) == inside
            form = int(text.forms_BT[row, position])
            if not inside:
                assert (int(text.words_BT[row, position]), form) == (0, 0)
                assert int(batch.labels[row, position]) == IGNORED
                continue
            token = texts[index][position]
            assert int(batch.labels[row, position]) == len(token)
            assert int(text.words_BT[row, position]) == codec.words.id_of(token.lower())
            ids = [codec.characters.id_of(character) for character in token[:5]]
            assert text.characters_UC[form].tolist() == ids + [0] * (text.characters_UC.shape[1] - len(ids))
            assert text.ngrams_N[bounds[form] : bounds[form + 1]].tolist() == slow_ngrams(token, 3, 4, 97)


def test_labels_of_texts_follow_their_rows():
    encoded = TextCodec.fit([["a"]], options()).encode([["a"], ["b", "c"], ["d"]])
    split = EncodedSplit(np.arange(3), (encoded, encoded), None, ClassLabels(np.array([7, 8, 9])))
    batch = collate(split, np.array([2, 0]))
    assert batch.labels.tolist() == [9, 7]
    assert len(batch.texts) == 2
    assert split.lengths.tolist() == [1, 2, 1]
    assert split.tokens == 8


def test_a_shared_external_text_becomes_one_row():
    codec = TextCodec.fit([["a"]], options())
    texts, shared = codec.encode([["a"], ["b"], ["c"]]), codec.encode([["x", "y"]])
    batch = collate(EncodedSplit(np.arange(3), (texts,), shared, None), np.array([1, 2]))
    assert batch.external.words_BT.shape == (1, 2)
    own = collate(EncodedSplit(np.arange(3), (texts,), texts, None), np.array([1, 2]))
    assert own.external.words_BT.shape == (2, 1)
    assert batch.labels is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"min_count": 0}, "of at least 1"),
        ({"ngram_min": 4, "ngram_max": 3}, "expected 1 <= encoding.ngram_min <= encoding.ngram_max, got 4 and 3"),
    ],
)
def test_impossible_options_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        options(**changes)


class Tagging:
    name, text_columns, label_column, tokenized = "tagging", ("tokens",), "tags", True
    labels_of, unseen_label = TaggingTask.labels_of, Task.unseen_label

    def label_set(self, labels):
        return sorted({tag for tags in labels for tag in tags})


class Sorting:
    name, text_columns, label_column, tokenized = "sorting", ("text",), "label", False
    labels_of, unseen_label = Task.labels_of, Task.unseen_label

    def label_set(self, labels):
        return sorted(set(labels))

    def label_words(self, labels):
        return [label.split("_") for label in labels]


def corpus_of(train, validation, *, unseen_labels="error"):
    splits = {"train": train, "validation": validation, "test": train}
    places = {split: lambda row, split=split: f"{split}.jsonl, line {row + 1}" for split in splits}
    return Corpus("toy", splits, places, "0" * 64, "hand", "words", unseen_labels)


TRAIN = [{"text": "Good!", "label": "card_arrival"}, {"text": "Bad.", "label": "B"}]


def test_a_label_that_train_never_shows_is_named_with_its_line():
    corpus = corpus_of(TRAIN, [*TRAIN, {"text": "Odd", "label": "C"}])
    with pytest.raises(ValueError, match=r"validation.jsonl, line 3: the label 'C' never occurs .*unseen_labels=drop"):
        encode_corpus(corpus, Sorting(), options=options(), external=False)


def test_a_label_that_a_limit_left_out_of_train_blames_the_limit():
    corpus = replace(corpus_of(TRAIN, [*TRAIN, {"text": "Odd", "label": "C"}]), left_out={"C": "data.max_train"})
    with pytest.raises(
        ValueError,
        match=r"line 3: the label 'C' never occurs in the rows of train that data.max_train leaves, .*; raise",
    ):
        encode_corpus(corpus, Sorting(), options=options(), external=False)


def test_rows_with_unseen_labels_can_be_dropped_and_counted():
    corpus = corpus_of(TRAIN, [{"text": "Odd", "label": "C"}, *TRAIN], unseen_labels="drop")
    encoded = encode_corpus(corpus, Sorting(), options=options(), external=False)
    assert encoded.dropped == {"train": 0, "validation": 1, "test": 0}
    assert encoded.splits["validation"].rows_N.tolist() == [1, 2]
    assert encoded.splits["validation"].labels.classes_N.tolist() == [1, 0]


def test_an_unseen_tag_is_named():
    row = {"tokens": ["a"], "tags": ["O"]}
    corpus = corpus_of([row], [row, {"tokens": ["a", "b"], "tags": ["O", "B-X"]}])
    with pytest.raises(ValueError, match="line 2: the label 'B-X' never occurs in train"):
        encode_corpus(corpus, Tagging(), options=options(), external=False)


def test_a_text_without_tokens_is_named():
    for blank in (" ", "\u200b"):
        corpus = corpus_of(TRAIN, TRAIN)
        corpus.splits["test"] = [{"text": blank, "label": "B"}]
        with pytest.raises(ValueError, match=r"test.jsonl, line 1: the tokenizer 'words' finds no token in 'text'"):
            encode_corpus(corpus, Sorting(), options=options(), external=False)


def test_the_external_text_is_the_column_or_the_names_of_the_labels():
    by_labels = encode_corpus(corpus_of(TRAIN, TRAIN), Sorting(), options=options(), external=True)
    assert by_labels.encoding.external_source == "labels"
    words = [by_labels.encoding.codec.words.symbols[i - 2] for i in by_labels.splits["test"].external.forms.words_U]
    assert words == ["b", "card", "arrival"]
    rows = [row | {"external": "some hint"} for row in TRAIN]
    by_column = encode_corpus(corpus_of(rows, rows), Sorting(), options=options(), external=True)
    assert by_column.encoding.external_source == "column"
    assert by_column.splits["train"].external.lengths.tolist() == [2, 2]
    neither = encode_corpus(corpus_of(TRAIN, TRAIN), Sorting(), options=options(), external=False)
    assert (neither.encoding.external_source, neither.splits["train"].external) == ("none", None)


@pytest.mark.parametrize("min_count", [1, 2, 9])
def test_the_names_of_labels_are_known_however_rare_their_words(min_count: int):
    encoded = encode_corpus(corpus_of(TRAIN, TRAIN), Sorting(), options=options(min_count=min_count), external=True)
    words = [encoded.encoding.codec.words.symbols[i - 2] for i in encoded.splits["test"].external.forms.words_U]
    assert words == ["b", "card", "arrival"]
    assert ("good" in encoded.encoding.codec.words) == (min_count == 1)


@pytest.mark.parametrize(
    ("form", "bits"),
    [
        ("the", "001000"), ("Paris", "101000"), ("NASA", "110000"), ("iPhone", "011000"), ("76ers", "001100"),
        ("2026", "000100"), ("@Joe", "011010"), ("e-mail", "001001"), ("...", "000011"), ("大", "000000"),
    ],
)  # fmt: skip
def test_shapes_say_which_characters_a_form_has(form: str, bits: str):
    assert shape_of(form) == int(bits[::-1], 2)
