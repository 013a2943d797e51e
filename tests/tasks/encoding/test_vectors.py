"""Vectors of the words of a corpus: which spelling finds them, what is kept, and what texts that come later have."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tasks.encoding import vectors as module
from tasks.encoding.arrays import EncodedSplit
from tasks.encoding.codec import TextCodec
from tasks.encoding.collation import collate
from tasks.encoding.stored import read_arrays, write_arrays
from tasks.encoding.vectors import FileOfVectors, SavedVectors, Vectors, coverage_of, learn_vectors, spellings
from tasks.encoding.vocabulary import EncodingOptions

ROWS = {"the": [1, 1], "Berlin": [2, 2], "NATO": [3, 3], "us": [4, 4], "US": [5, 5], "dog": [6, 6], "unread": [7, 7]}


def source_in(folder: Path, rows: dict[str, list[float]] = ROWS) -> FileOfVectors:
    file = folder / "vectors.txt"
    file.write_text("".join(f"{word} {a} {b}\n" for word, (a, b) in rows.items()))
    return FileOfVectors(str(file), hashlib.sha256(file.read_bytes()).hexdigest(), "nfc")


@pytest.fixture
def source(tmp_path: Path) -> FileOfVectors:
    return source_in(tmp_path)


def firsts(vectors: Vectors | SavedVectors, *forms: str) -> list[float]:
    """The first number of the vector of each form."""
    found = vectors.of(forms)
    return found.table.rows_VD[found.places_U, 0].tolist()


def test_a_form_is_looked_up_as_it_stands_then_lower_cased_then_capitalised_then_in_capitals(source: FileOfVectors):
    assert spellings("bErlin") == ["bErlin", "berlin", "Berlin", "BERLIN"]
    assert spellings("▁Dog") == ["Dog", "dog", "Dog", "DOG"]
    vectors = Vectors(source, 2)
    assert firsts(vectors, "US", "us", "Us") == [5, 4, 4]
    assert firsts(vectors, "THE", "The", "BERLIN", "berlin", "nato", "cat") == [1, 1, 2, 2, 3, 0]


def test_words_that_train_shows_come_first_and_others_have_theirs_too(source: FileOfVectors):
    vectors = Vectors(source, 2)
    vectors.learn(["The", "cat", "the", "Berlin"])
    assert vectors.learnt == 2
    assert vectors.of(["Berlin", "cat", "the"]).ids_U.tolist() == [2, 0, 1]
    assert vectors.of(["dog", "the"]).ids_U.tolist() == [3, 1]
    assert vectors.learnt == 2
    assert vectors.rows_VD[:, 0].tolist() == [0, 1, 2, 6]


def test_what_was_looked_up_is_not_read_again(source: FileOfVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    forms = ["the", "Dog", "cat", "nato"]
    expected = firsts(Vectors(source, 2, tmp_path / "cache"), *forms)
    assert expected == [1, 6, 0, 3]
    with monkeypatch.context() as patched:
        patched.setattr(module, "look_up", None)
        again = Vectors(source, 2, tmp_path / "cache")
        assert firsts(again, *reversed(forms)) == expected[::-1]
        assert again.said["rows"] == 7
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3])
    assert firsts(Vectors(source, 2, tmp_path / "cache"), *forms) == expected


def test_another_content_of_the_same_path_is_another_entry_of_the_cache(tmp_path: Path):
    one = source_in(tmp_path)
    assert firsts(Vectors(one, 2, tmp_path / "cache"), "dog") == [6]
    other = source_in(tmp_path, ROWS | {"dog": [9, 9]})
    assert firsts(Vectors(other, 2, tmp_path / "cache"), "dog") == [9]
    assert firsts(Vectors(one, 2, tmp_path / "cache"), "dog") == [6]
    with pytest.raises(ValueError, match="is not the file that was asked for"):
        firsts(Vectors(one, 2), "dog")


def options(vectors: Vectors | None) -> EncodingOptions:
    return EncodingOptions(
        normalize="nfc",
        lowercase=True,
        min_count=1,
        max_characters=4,
        ngram_min=3,
        ngram_max=5,
        ngram_buckets=0,
        vectors=vectors,
    )


def test_a_batch_brings_the_vectors_of_its_forms(source: FileOfVectors):
    train = [["the", "cat"], ["dog", "the", "dog"]]
    given = options(Vectors(source, 2))
    learn_vectors(given, train)
    texts = TextCodec.fit(train, given).encode([["cat", "Berlin"], ["the", "dog", "dog"]])
    split = EncodedSplit(np.arange(2), (texts,), None, None)
    (batch,) = collate(split, np.array([1, 0])).texts
    assert batch.vectors_UD is not None
    assert batch.vector_ids_U is not None
    assert batch.vectors_UD[batch.forms_BT][..., 0].masked_fill(~batch.mask_BT, 0).tolist() == [[1, 6, 6], [0, 2, 0]]
    assert batch.vector_ids_U[batch.forms_BT].masked_fill(~batch.mask_BT, 0).tolist() == [[1, 2, 2], [0, 3, 0]]
    assert coverage_of(split) == {"types": 3 / 4, "tokens": 4 / 5}


def test_without_vectors_a_batch_brings_none():
    texts = TextCodec.fit([["a"]], options(None)).encode([["a"]])
    (batch,) = collate(EncodedSplit(np.arange(1), (texts,), None, None), np.array([0])).texts
    assert batch.vectors_UD is None
    assert batch.to("cpu").vector_ids_U is None


@pytest.fixture
def saved(source: FileOfVectors, tmp_path: Path) -> Path:
    vectors = Vectors(source, 2, tmp_path / "cache")
    vectors.learn(["The", "cat"])
    vectors.of(["Berlin", "DOG"])
    vectors.save(tmp_path / "saved.npz")
    return tmp_path / "saved.npz"


def test_new_texts_have_the_vectors_of_the_file(saved: Path):
    kept = SavedVectors(saved)
    assert (kept.learnt, kept.width) == (1, 2)
    assert firsts(kept, "dog", "unread", "the", "Cat", "US", "cat", "DOG") == [6, 7, 1, 0, 5, 0, 6]
    assert kept.of(["the", "US", "Berlin", "cat"]).ids_U.tolist() == [1, 4, 2, 0]


def test_words_that_were_kept_do_without_the_file_and_others_have_none_which_is_said_once(saved: Path):
    (saved.parent / "vectors.txt").unlink()
    kept = SavedVectors(saved)
    assert firsts(kept, "DOG", "The", "Berlin", "cat") == [6, 1, 2, 0]
    with pytest.warns(UserWarning, match=r"have no vector: .* cannot be read \(No such file"):
        assert firsts(kept, "unread", "berlin", "dog") == [0, 2, 6]
    assert firsts(kept, "US", "berlin") == [0, 2]


def test_a_file_of_another_content_is_not_used(saved: Path):
    source_in(saved.parent, ROWS | {"US": [8, 8]})
    kept = SavedVectors(saved)
    with pytest.warns(UserWarning, match="is not the file that was asked for"):
        assert firsts(kept, "US", "the") == [0, 1]


def test_runs_that_read_the_same_words_share_one_file(source: FileOfVectors, saved: Path):
    vectors = Vectors(source, 2, saved.parent / "cache")
    vectors.learn(["The", "cat"])
    vectors.of(["Berlin", "DOG"])
    vectors.save(saved.parent / "other.npz")
    assert (saved.parent / "other.npz").samefile(saved)
    vectors.of(["us"])
    vectors.save(saved.parent / "third.npz")
    assert not (saved.parent / "third.npz").samefile(saved)
    assert SavedVectors(saved.parent / "third.npz").words["us"] == 4


@pytest.mark.parametrize("rows", [{"zebra": [1, 1]}, ROWS])
def test_nothing_found_is_kept_too(tmp_path: Path, rows: dict[str, list[float]]):
    vectors = Vectors(source_in(tmp_path, rows), 2, tmp_path / "cache")
    vectors.learn(["qwertz"])
    vectors.save(tmp_path / "saved.npz")
    assert firsts(SavedVectors(tmp_path / "saved.npz"), "qwertz") == [0]


def test_tokens_may_hold_any_character(source: FileOfVectors, tmp_path: Path):
    odd = ["New York", "a\nb", "\udc80", "the"]
    for _ in range(2):
        vectors = Vectors(source, 2, tmp_path / "cache")
        assert firsts(vectors, *odd) == [0, 0, 0, 1]
    vectors.save(tmp_path / "saved.npz")
    assert list(SavedVectors(tmp_path / "saved.npz").forms) == sorted(odd)


def test_parts_that_do_not_fit_together_are_refused(saved: Path):
    arrays, described = read_arrays(saved)
    for change in ({"places": arrays["places"] + 9}, {"rows": arrays["rows"][:-1]}, {"words": arrays["forms"]}):
        write_arrays(saved, arrays | change, {k: v for k, v in described.items() if k != "format"})
        with pytest.raises(ValueError, match="do not fit together"):
            SavedVectors(saved)


@pytest.mark.parametrize("damage", [lambda content: content[:40], lambda content: b"", lambda content: b"{}" * 99])
def test_a_damaged_file_is_refused(saved: Path, damage):
    saved.write_bytes(damage(saved.read_bytes()))
    with pytest.raises(ValueError, match="no file of vectors that a run kept"):
        SavedVectors(saved)
