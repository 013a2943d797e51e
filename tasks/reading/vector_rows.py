"""The rows of a file of word vectors: where they begin and end, whether they are sound, and their numbers.

R rows, L lines of a block, W wanted rows, D width
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.reading.normalization import Form, normalized

BLOCK = 1 << 22
"""The bytes that are looked at together."""

LONGEST = 1 << 26
"""No line of text, and no word, has so many bytes."""

LARGEST = float(np.finfo(np.float32).max)

NUMERIC = b"0123456789+-.eE \t\r\n"
FOREIGN = bytes(byte not in NUMERIC for byte in range(256))
"""For each byte whether no number is written with it."""

NEWLINE, RETURN = b"\n"[0], b"\r"[0]


class Malformed(ValueError):
    """What is wrong with the numbers of a wanted row. ``number``: its place among those that were asked for."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.number = number


@dataclass(frozen=True)
class Spans:
    """The bytes of each row, of the unpacked file, its word among them."""

    starts_R: NDArray[np.int64]
    sizes_R: NDArray[np.int32]


class Rows(ABC):
    """Reads rows one after the other. ``starts``, ``sizes``, ``keys``: of their bytes and words, block by block."""

    def __init__(self, path: Path, *, width: int, separator: bytes, start: int, form: Form) -> None:
        self.path, self.width, self.separator, self.form = path, width, separator, form
        self.position = start  # of the next block in the unpacked file
        self.first_line = 1
        self.found = 0  # rows, whatever their words
        self.starts: list[NDArray[np.int64]] = []
        self.sizes: list[NDArray[np.int32]] = []
        self.keys: list[NDArray[np.int64]] = []
        self.spaced = self.undecodable = 0
        self.first_undecodable = ""

    @abstractmethod
    def read(self, stream: Any, count: int | None) -> None:
        """Read all rows, of which the first line of the file says that there are ``count``.

        Raises ValueError with the place of the first that is not sound.
        """

    def note(self, words: Sequence[bytes | None], starts: Any, sizes: Any, places: Sequence[str] | range) -> None:
        """Note some rows; those whose word is None are left out, and those whose word is no UTF-8."""
        texts = self._decoded(words, places)
        kept = [number for number, text in enumerate(texts) if text is not None]
        keys = (hash(texts[number]) for number in kept)
        self.keys.append(np.fromiter(keys, dtype=np.int64, count=len(kept)))
        self.starts.append(np.asarray(starts, dtype=np.int64)[kept])
        self.sizes.append(np.asarray(sizes, dtype=np.int32)[kept])

    def _decoded(self, words: Sequence[bytes | None], places: Sequence[str] | range) -> list[str | None]:
        texts: list[str | None] = []
        for word, place in zip(words, places, strict=True):
            if word is None:
                texts.append(None)
                continue
            try:
                text = word.decode()
            except UnicodeDecodeError:
                self.undecodable += 1
                self.first_undecodable = self.first_undecodable or f"{self.unit} {place}"
                texts.append(None)
                continue
            texts.append(text if text.isascii() else normalized(text, self.form))
        return texts

    unit = "line"


class TextRows(Rows):
    """Lines: a word, then ``width`` numbers."""

    def read(self, stream: Any, count: int | None) -> None:
        """Block by block."""
        self.line, rest = self.first_line, b""
        while block := stream.read(BLOCK):
            block = rest + block
            end = block.rfind(b"\n") + 1
            if len(block) - end > LONGEST:
                raise ValueError(f"{self.path}, line {self.line}: no end of the line; this is no file of word vectors")
            self._take(block[:end])
            rest = block[end:]
        self._take(rest + b"\n" if rest else b"")
        if count is not None and self.found != count:
            raise ValueError(
                f"{self.path}: its first line says {count:,} vectors, and there are {self.found:,}; get the whole "
                "file, or correct the line"
            )

    def _take(self, block: bytes) -> None:
        """Whole lines."""
        if not block:
            return
        bytes_ = np.frombuffer(block, dtype=np.uint8)
        ends_L = np.flatnonzero(bytes_ == NEWLINE)
        starts_L = np.concatenate(([0], ends_L[:-1] + 1))
        blanks = np.append(np.flatnonzero(bytes_ == self.separator[0]), len(block))
        first_L, after_L = np.searchsorted(blanks, starts_L), np.searchsorted(blanks, ends_L)
        last_L = np.maximum(ends_L - 1, 0)
        last_L = np.maximum(last_L - (bytes_[last_L] == RETURN), 0)
        columns_L = after_L - first_L - (bytes_[last_L] == self.separator[0])
        word_ends_L = np.minimum(blanks[first_L], ends_L)
        foreign = np.flatnonzero(np.frombuffer(block.translate(FOREIGN), dtype=np.bool_))
        line_of = np.searchsorted(ends_L, foreign)
        odd_L = (columns_L != self.width) | (word_ends_L == starts_L)
        odd_L[line_of[foreign >= word_ends_L[line_of]]] = True
        spans = zip(starts_L.tolist(), word_ends_L.tolist(), strict=True)
        words: list[bytes | None] = [block[start:end] for start, end in spans]
        for number in np.flatnonzero(odd_L).tolist():
            words[number] = self._odd(block[starts_L[number] : ends_L[number]], self.line + number)
        self.found += len(words) - self._empty
        places = range(self.line, self.line + len(words))
        self.note(words, self.position + starts_L, ends_L - starts_L, places)
        self.line += len(words)
        self.position += len(block)
        self._empty = 0

    _empty = 0  # lines of the block without anything

    def _odd(self, line: bytes, number: int) -> bytes | None:
        """The word of a line that is not written as most are, if it is sound; None where it holds a blank."""
        fields = line.split()
        if not fields:
            self._empty += 1
            return None
        if line[:1].isspace():
            fields = [b"", *fields]
        place, numbers = f"{self.path}, line {number}", fields[-self.width :]
        if len(fields) <= self.width:
            said = "as in line 1" if self.first_line == 1 else "as line 1 says"
            raise ValueError(
                f"{place}: expected a word and {self.width} numbers, {said}, got {len(fields) - 1} numbers; "
                "correct the line, or get the whole file"
            )
        for field in numbers:
            if not _is_finite(field):
                raise ValueError(
                    f"{place}: expected {self.width} numbers after the word, got {_shown(field)}; correct it"
                )
        if len(fields) > self.width + 1 or not fields[0]:
            self.spaced += 1
            return None
        return fields[0]


class BinaryRows(Rows):
    """A word, a blank, and ``width`` numbers of four bytes each, the lowest first; perhaps an end of line."""

    unit = "vector"

    def read(self, stream: Any, count: int | None) -> None:
        """As many as there are said to be."""
        assert count is not None
        buffer, position = b"", 0
        while self.found < count:
            more = stream.read(BLOCK)
            buffer, self.position = buffer[position:] + more, self.position + position
            position = self._take(buffer, count, whole=not more)
        if buffer[position:].strip() or stream.read(BLOCK).strip():
            raise ValueError(f"{self.path}: {self._misfit(count)} more bytes after the last of them; correct the line")

    def _take(self, buffer: bytes, count: int, *, whole: bool) -> int:
        """Note the rows that the buffer holds, and where they end. ``whole``: nothing comes after it."""
        words: list[bytes | None] = []
        starts, sizes, position, size = [], [], 0, 4 * self.width
        while self.found + len(words) < count:
            blank = buffer.find(b" ", position)
            end = blank + 1 + size
            if blank < 0 or end > len(buffer):
                if whole or len(buffer) - position > LONGEST + size:
                    number = self.found + len(words) + 1
                    raise ValueError(
                        f"{self.path}, vector {number}: the file ends before it does, but {self._misfit(count)} "
                        "fewer bytes; get the whole file"
                    )
                break
            word = buffer[position:blank].lstrip(b"\n")
            if word and min(word) < 32:
                raise ValueError(
                    f"{self.path}, vector {self.found + len(words) + 1}: there are numbers where its word should be, "
                    f"so that width {self.width}, which the first line says, is not that of the vectors; correct it"
                )
            self.spaced += not word
            words.append(word or None)
            starts.append(self.position + position)
            sizes.append(end - position)
            position = end
        self.note(words, starts, sizes, range(self.found + 1, self.found + len(words) + 1))
        self.found += len(words)
        return position

    def _misfit(self, count: int) -> str:
        return f"its first line says {count:,} vectors of width {self.width}, and there are"


def text_numbers(pieces: Sequence[bytes], words: Sequence[str], width: int, form: Form) -> NDArray[np.float32]:
    """The numbers of some lines, (W, D); Malformed for a line of another word, or of something else than numbers."""
    numbers = []
    for number, (piece, word) in enumerate(zip(pieces, words, strict=True)):
        found, _, rest = piece.lstrip().replace(b"\t", b" ").partition(b" ")
        _check_word(number, found, word, form)
        numbers.append(rest)
    return _parsed(numbers, width)


def _parsed(lines: Sequence[bytes], width: int) -> NDArray[np.float32]:
    """By Arrow, four times as fast as NumPy; what it cannot read is looked at line by line."""
    import pyarrow as pa
    from pyarrow import csv

    content = b"\n".join(lines).replace(b" ", b"\n")
    reading = csv.ReadOptions(column_names=["x"], use_threads=False, block_size=max(1 << 22, len(content)))
    kinds = csv.ConvertOptions(column_types={"x": pa.float32()}, null_values=[])
    try:
        column = csv.read_csv(pa.py_buffer(content), reading, csv.ParseOptions(quote_char=False), kinds).column(0)
        numbers: NDArray[np.float32] = column.to_numpy()
    except pa.ArrowInvalid:
        numbers = np.zeros(0, dtype=np.float32)
    if len(numbers) == len(lines) * width and np.isfinite(numbers).all():
        return numbers.reshape(len(lines), width)
    return np.array([_of_line(number, line, width) for number, line in enumerate(lines)], dtype=np.float32)


def _of_line(number: int, line: bytes, width: int) -> list[float]:
    fields = line.split()
    wrong = [field for field in fields if not _is_finite(field)]
    if wrong or len(fields) != width:
        got = _shown(wrong[0]) if wrong else f"{len(fields)} of them"
        raise Malformed(number, f"expected {width} numbers after the word, got {got}; correct it")
    return [float(field) for field in fields]


def binary_numbers(pieces: Sequence[bytes], words: Sequence[str], width: int, form: Form) -> NDArray[np.float32]:
    """The numbers of some vectors, (W, D); Malformed for one of another word, or that holds what is no number."""
    numbers_WD = np.empty((len(pieces), width), dtype=np.float32)
    for number, (piece, word) in enumerate(zip(pieces, words, strict=True)):
        found, _, rest = piece.partition(b" ")
        _check_word(number, found.lstrip(b"\n"), word, form)
        numbers_WD[number] = np.frombuffer(rest, dtype="<f4", count=width)
    for wrong in np.flatnonzero(~np.isfinite(numbers_WD).all(axis=1)).tolist():
        raise Malformed(wrong, f"the vector of {words[wrong]!r} holds what is no number (NaN or infinity)")
    return numbers_WD


def _check_word(number: int, found: bytes, word: str, form: Form) -> None:
    if normalized(found.decode("utf-8", "replace"), form) != word:
        raise Malformed(number, f"expected the word {word!r}; the file changed while it was read: run again")


def _is_finite(field: bytes) -> bool:
    try:
        return abs(float(field)) <= LARGEST and b"_" not in field  # which Python reads as part of a number
    except ValueError:
        return False


def _shown(field: bytes) -> str:
    return repr(field[:40].decode("utf-8", "replace"))
