"""Files of word vectors in every format, and what is malformed in them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from tasks.reading import vector_rows
from tasks.reading.vector_files import VectorFile

WORDS = ["the", "Cat", "é", "3,5"]
NUMBERS = np.array([[0.1, -2.0, 3e-5], [1, 0, 0], [0.25, 7, -1e3], [5, 6, 7]], dtype=np.float32)


def text(*, header: bool = False, separator: str = " ", end: str = "\n") -> bytes:
    rows = [separator.join([word, *(f"{x:.9g}" for x in row)]) for word, row in zip(WORDS, NUMBERS, strict=True)]
    return "".join(row + end for row in [*(["4 3"] if header else []), *rows]).encode()


def binary(*, newline: bytes = b"\n", count: int = 4, width: int = 3) -> bytes:
    rows = [w.encode() + b" " + row.astype("<f4").tobytes() + newline for w, row in zip(WORDS, NUMBERS, strict=True)]
    return f"{count} {width}\n".encode() + b"".join(rows)


FORMATS = {
    "glove": text(),
    "word2vec": text(header=True),
    "fasttext": text(header=True, end=" \n"),
    "windows": text(end="\r\n"),
    "tabs": text(separator="\t"),
    "aligned": text(separator="   "),
    "byte_order_mark": b"\xef\xbb\xbf" + text(),
    "no_last_end": text().rstrip(),
    "empty_lines": text() + b"\n\n",
    "binary": binary(),
    "gensim_binary": binary(newline=b""),
}


def written(folder: Path, content: bytes) -> VectorFile:
    (folder / "vectors").write_bytes(content)
    return VectorFile(folder / "vectors", form="nfc")


def read(file: VectorFile, *words: str) -> np.ndarray:
    index = file.scan()
    rows = index.find(words)
    assert (rows >= 0).all()
    table = file.read(index, rows, words)
    assert (table[0] == 0).all()
    return table[1:]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_vectors(tmp_path: Path, name: str, packed: bool):
    content = gzip.compress(FORMATS[name]) if packed else FORMATS[name]
    file = written(tmp_path, content)
    index = file.scan()
    assert file.layout.width == 3
    assert index.rows == 4
    assert index.find(["dog", "cat", "é", "Cat"]).tolist() == [-1, -1, 2, 1]
    np.testing.assert_array_equal(read(file, "é", "3,5", "the", "Cat"), NUMBERS[[2, 3, 0, 1]])


def test_blocks_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for size in (1, 7, 64):
        monkeypatch.setattr(vector_rows, "BLOCK", size)
        for name in ("glove", "fasttext", "binary"):
            np.testing.assert_array_equal(read(written(tmp_path, FORMATS[name]), *WORDS), NUMBERS)


def test_numbers_are_those_that_python_reads(tmp_path: Path):
    spelt = ["+1.5", "-.5", "2.", "1e-3", "1E+2", "0.1234567890123", "-0", "16777217"]
    file = written(tmp_path, f"a {' '.join(spelt)}\nb {' '.join(['0.5'] * 8)}\n".encode())
    assert read(file, "a")[0].tolist() == [np.float32(float(one)) for one in spelt]


def test_the_first_of_repeated_words_counts_and_they_are_counted(tmp_path: Path):
    file = written(tmp_path, b"a 1 2\nb 3 4\na 5 6\na 7 8\n")
    index = file.scan()
    assert index.repeated == 2
    assert read(file, "a").tolist() == [[1, 2]]


def test_words_are_brought_into_the_form_of_the_texts(tmp_path: Path):
    file = written(tmp_path, "cafe\u0301 1 2\ncaf\u00e9 3 4\n".encode())
    assert read(file, "caf\u00e9").tolist() == [[1, 2]]
    assert file.scan().repeated == 1
    assert VectorFile(file.path, form="none").scan().repeated == 0


def test_words_with_blanks_are_left_out_and_counted(tmp_path: Path):
    index = written(tmp_path, b"a 1 2\n. . . 3 4\nat me@x.org 5 6\n 7 8\n").scan()
    assert (index.rows, index.spaced) == (1, 3)


def test_words_that_are_no_utf8_are_left_out_and_the_first_is_named(tmp_path: Path):
    index = written(tmp_path, b"a 1 2\ncaf\xe9 3 4\nna\xefve 5 6\n").scan()
    assert (index.rows, index.undecodable, index.first_undecodable) == (1, 2, "line 2")
    index = written(tmp_path, b"2 1\na \0\0\0\0\ncaf\xe9 \0\0\0\0\n").scan()
    assert (index.rows, index.undecodable, index.first_undecodable) == (1, 1, "vector 2")


MALFORMED = {
    "too few numbers": (b"a 1 2 3\nb 1 2\n", "line 2: expected a word and 3 numbers, as in line 1, got 2 numbers"),
    "no number": (b"a 1 2 3\nb 1 x 3\n", "line 2: expected 3 numbers after the word, got 'x'"),
    "not a number": (b"a 1 2 3\nb 1 nan 3\n", "line 2: expected 3 numbers after the word, got 'nan'"),
    "infinity": (b"a 1 2 3\nb 1 -inf 3\n", "line 2: expected 3 numbers after the word, got '-inf'"),
    "too large": (b"b 1 2 3\na 1 1e39 3\n", "line 2: expected 3 numbers after the word, got '1e39'"),
    "two points": (b"b 1 2 3\na 1 1.2.3 3\n", "line 2: expected 3 numbers after the word, got '1.2.3'"),
    "another width": (b"2 4\na 1 2 3\nb 1 2 3\n", "line 2: expected a word and 4 numbers, as line 1 says, got 3"),
    "too few rows": (b"3 3\na 1 2 3\nb 1 2 3\n", "its first line says 3 vectors, and there are 2"),
    "too many rows": (b"1 3\na 1 2 3\nb 1 2 3\n", "its first line says 1 vectors, and there are 2"),
    "no such width": (b"1 1000000000\na 1\n", "line 1: 1 vectors of width 1000000000"),
    "none": (b"0 3\n", "line 1: 0 vectors of width 3"),
    "prose": (b"Once upon a time\n", "line 1: expected a word and its numbers"),
    "empty": (b"\n", "is empty"),
    "cut binary": (binary()[:-2], "vector 4: the file ends before it does"),
    "binary of another width": (binary(width=2), "there are numbers where its word should be, so that width 2"),
    "binary with too large a count": (binary(count=5), "vector 5: the file ends before it does"),
    "binary with too small a count": (binary(count=3), "there are more bytes after the last of them"),
    "binary without a number": (b"1 1\na \0\0\xc0\x7f\n", "vector 1: the vector of 'a' holds what is no number"),
    "cut gzip": (gzip.compress(text())[:-9], "cannot be unpacked"),
    "malformed in gzip": (gzip.compress(b"b 1 2 3\na 1 1.2.3 3\n"), "line 2: expected 3 numbers"),
    "zip": (b"PK\x03\x04", "is a zip archive: unpack it"),
    "model of fastText": (b"\xba\x16O/", "is a fastText model: name its vectors"),
    "pickle": (b"\x80\x04", "is a pickle"),
    "UTF-16": ("a 1 2\n".encode("utf-16"), "is in UTF-16"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused_with_its_place(tmp_path: Path, name: str):
    content, said = MALFORMED[name]
    with pytest.raises(ValueError, match="vectors") as refused:
        read(written(tmp_path, content), "a")
    assert str(refused.value).startswith(str(tmp_path / "vectors"))
    assert said in str(refused.value)


@pytest.mark.parametrize(("name", "said"), [("", "is a folder"), ("nowhere.txt", "is not there")])
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, said: str):
    with pytest.raises(ValueError, match=said):
        VectorFile(tmp_path / name, form="nfc")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path):
    file = written(tmp_path, text())
    index = file.scan()
    written(tmp_path, text().replace(b"the", b"tha"))
    with pytest.raises(ValueError, match="changed while it was read"):
        file.read(index, index.find(["the"]), ["the"])


def test_the_content_is_that_of_the_file_as_it_lies_there(tmp_path: Path):
    import hashlib

    for content in (text(), gzip.compress(text()), binary()):
        assert written(tmp_path, content).scan().content == hashlib.sha256(content).hexdigest()
