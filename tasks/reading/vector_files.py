"""Files of word vectors: text as GloVe, word2vec and fastText (``.vec``) write it, word2vec's binary; also gzipped.

A file is read as a stream, once, and every line is looked at: where a row begins is kept, its numbers are not. Those of
the words that are wanted are read afterwards, so that memory is taken for these, and for 24 bytes a row of the file.

R rows, W wanted ones, D width
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tasks.reading.normalization import Form
from tasks.reading.vector_rows import BinaryRows, Malformed, Rows, Spans, TextRows, binary_numbers, text_numbers

HEAD = 1 << 20
"""The bytes from which is told what a file is."""

WIDEST = 100_000
"""No vector is as wide; what says so was made by mistake."""

TOGETHER = 2048
"""So many wanted rows are parsed at once."""

GZIP = b"\x1f\x8b"

OTHERS = {
    b"PK\x03\x04": "a zip archive: unpack it, and name one of the files in it",
    b"BZh": "packed by bzip2: unpack it, or pack it by gzip",
    b"\xfd7zXZ": "packed by xz: unpack it, or pack it by gzip",
    b"(\xb5/\xfd": "packed by zstd: unpack it, or pack it by gzip",
    b"\xba\x16O/": "a fastText model: name its vectors, the file that ends in .vec",
    b"\x80": "a pickle, which may hold anything: save the vectors in word2vec's format",
    b"\x93NUMPY": "an array without words: save the vectors in word2vec's format",
    b"\xff\xfe": "in UTF-16: convert it to UTF-8",
    b"\xfe\xff": "in UTF-16: convert it to UTF-8",
}
"""How files begin that are known and are not read, and what to do."""

UTF8_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Layout:
    """What the beginning of a file says of the rest.

    ``count``: the number of vectors that the first line tells, or None where it is a vector already. ``start``: the
    byte, once unpacked, where the first vector begins.
    """

    binary: bool
    width: int
    count: int | None
    start: int
    separator: bytes


@dataclass(frozen=True)
class Index:
    """Where each word of a file is. ``content``: the SHA-256 of the file, as it lies there.

    ``repeated``: rows whose word stands in an earlier row, which counts. ``spaced``: rows whose word holds a blank, as
    no token does. ``undecodable``: words that are no UTF-8, left out; ``first_undecodable``: the place of the first.
    """

    content: str
    rows: int
    repeated: int
    spaced: int
    undecodable: int
    first_undecodable: str
    spans: Spans
    keys_R: NDArray[np.int64]
    order_R: NDArray[np.int32]
    signature: tuple[int, ...]

    def find(self, words: Sequence[str]) -> NDArray[np.int64]:
        """The row of each word, -1 where it has none; of several the first."""
        wanted_W = np.fromiter(map(hash, words), dtype=np.int64, count=len(words))
        places_W = np.searchsorted(self.keys_R, wanted_W)
        inside_W = np.minimum(places_W, len(self.keys_R) - 1)
        return np.where(self.keys_R[inside_W] == wanted_W, self.order_R[inside_W], -1)


class VectorFile:
    """A file of word vectors. ``form``: the Unicode form that its words are brought into, as those of texts are.

    Raises ValueError, with the place, for what is no such file, or is not whole.
    """

    def __init__(self, path: str | Path, *, form: Form) -> None:
        self.path, self.form = Path(path), form
        if not self.path.is_file():
            what = "a folder" if self.path.is_dir() else "not there"
            raise ValueError(f"{path} is {what}; give the file of word vectors as embedding.path")
        with self.path.open("rb") as file:
            self.packed = file.read(2) == GZIP
        with self._readable() as (stream, _):
            self.layout = _layout(stream.read(HEAD), self.path)

    def scan(self) -> Index:
        """Look at every row, and note where each word is."""
        layout = self.layout
        with self._readable() as (stream, hashed):
            stream.read(layout.start)
            rows: Rows = (BinaryRows if layout.binary else TextRows)(
                self.path, width=layout.width, separator=layout.separator, start=layout.start, form=self.form
            )
            rows.first_line = 1 if layout.count is None else 2
            rows.read(stream, layout.count)
            hashed.read_rest()
            content, signature = hashed.digest.hexdigest(), _signature(hashed.raw)
        keys_R = np.concatenate(rows.keys) if rows.keys else np.zeros(0, dtype=np.int64)
        if len(keys_R) == 0:
            raise ValueError(f"{self.path} holds no word that a text could have; name another file of word vectors")
        order_R = np.argsort(keys_R, kind="stable").astype(np.int32)
        keys_R = keys_R[order_R]
        repeated = int((keys_R[1:] == keys_R[:-1]).sum())
        spans = Spans(np.concatenate(rows.starts), np.concatenate(rows.sizes))
        dropped = (rows.spaced, rows.undecodable, rows.first_undecodable)
        return Index(content, len(keys_R), repeated, *dropped, spans, keys_R, order_R, signature)

    def read(self, index: Index, rows_W: NDArray[np.int64], words: Sequence[str]) -> NDArray[np.float32]:
        """The numbers of some rows, whose ``words`` these are, (W + 1, D), below a row of zeros."""
        table = np.empty((len(rows_W) + 1, self.layout.width), dtype=np.float32)
        table[0], numbers_WD = 0, table[1:]
        numbers_of = binary_numbers if self.layout.binary else text_numbers
        order_W = np.argsort(rows_W)
        with self.path.open("rb") as raw, self._unpacked(raw) as stream:
            if _signature(raw) != index.signature:
                raise ValueError(f"{self.path} changed while it was read; run again")
            for first in range(0, len(order_W), TOGETHER):
                some = order_W[first : first + TOGETHER]
                pieces = [self._piece(raw, stream, index.spans, int(row)) for row in rows_W[some]]
                try:
                    numbers_WD[some] = numbers_of(pieces, [words[n] for n in some], self.layout.width, self.form)
                except Malformed as error:
                    row = int(rows_W[some[error.number]])
                    raise ValueError(f"{self._place(index.spans, row)}: {error}") from None
        return table

    def _piece(self, raw: BinaryIO, stream: Any, spans: Spans, row: int) -> bytes:
        start, size = int(spans.starts_R[row]), int(spans.sizes_R[row])
        if not self.packed:
            return os.pread(raw.fileno(), size, start)
        stream.seek(start)
        piece: bytes = stream.read(size)
        return piece

    def _place(self, spans: Spans, row: int) -> str:
        """Where a row stands, in words: counted again, since a place is asked for only to be complained of."""
        if self.layout.binary:
            return f"{self.path}, vector {row + 1}"
        left, line = int(spans.starts_R[row]), 1
        with self._readable() as (stream, _):
            while left and (block := stream.read(min(HEAD, left))):
                line += block.count(b"\n")
                left -= len(block)
        return f"{self.path}, line {line}"

    @contextmanager
    def _readable(self) -> Iterator[tuple[Any, _Hashed]]:
        """The content, unpacked, and what has been read of the file itself."""
        with self.path.open("rb", buffering=0) as raw:
            hashed = _Hashed(raw)
            with self._unpacked(hashed) as stream:
                yield stream, hashed

    @contextmanager
    def _unpacked(self, raw: Any) -> Iterator[Any]:
        if not self.packed:
            yield raw
            return
        try:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{self.path} cannot be unpacked ({error}); get the file again") from error


class _Hashed:
    """A file that is read once, from its beginning, and hashed on the way."""

    def __init__(self, raw: Any) -> None:
        self.raw, self.digest = raw, sha256()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer only at the end."""
        parts = []
        while size and (part := self.raw.read(size)):
            parts.append(part)
            self.digest.update(part)
            size -= len(part)
        return b"".join(parts)

    def read_rest(self) -> None:
        """Read to the end."""
        while self.read(HEAD):
            pass


def _signature(file: Any) -> tuple[int, ...]:
    """What changes when a file is written to; the time of the change cannot be set back."""
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _layout(head: bytes, path: Path) -> Layout:
    if not head.strip():
        raise ValueError(f"{path} is empty; name another file of word vectors")
    for magic, what in OTHERS.items():
        if head.startswith(magic):
            raise ValueError(f"{path} is {what}")
    start = len(UTF8_MARK) if head.startswith(UTF8_MARK) else 0
    first, newline, rest = head[start:].partition(b"\n")
    fields = first.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        count, width = map(int, fields)
        if count < 1 or not 1 <= width <= WIDEST:
            raise ValueError(
                f"{path}, line 1: {count} vectors of width {width}, but there are some, of width 1 to {WIDEST:,}; "
                "correct it"
            )
        start += len(first) + len(newline)
        if _is_binary(rest, width):
            return Layout(True, width, count, start, b" ")
        return Layout(False, width, count, start, b"\t" if b"\t" in rest.partition(b"\n")[0] else b" ")
    if len(fields) < 2 or not _all_numbers(fields[1:]):
        raise ValueError(
            f"{path}, line 1: expected a word and its numbers, or how many vectors there are and of which width, got "
            f"{first[:60].decode('utf-8', 'replace')!r}; name a file of word vectors (GloVe, word2vec, fastText .vec)"
        )
    return Layout(False, len(fields) - 1, None, start, b"\t" if b"\t" in first else b" ")


def _is_binary(rest: bytes, width: int) -> bool:
    """Whether what follows the first word are the bytes of numbers: they are no text."""
    after = rest.partition(b" ")[2][: 4 * width]
    text = after.decode("utf-8", "ignore")  # a character may be cut at the end
    return len(text.encode()) + 3 < len(after) or any(byte < 32 and byte not in b"\t\n\r" for byte in after)


def _all_numbers(fields: Sequence[bytes]) -> bool:
    try:
        return all(np.isfinite(float(field)) for field in fields)
    except ValueError:
        return False
