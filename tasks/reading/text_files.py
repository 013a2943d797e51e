"""Files of text: in which encoding they are, and the line and byte of what is not in it."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

MARKS = (
    *((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")),
    *((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")),
)
"""Byte order marks, the longer ones first, and what they tell. That of UTF-8 is skipped."""

USUAL = "utf-8-sig"


def checked_encoding(given: Any) -> str | None:
    """The name of an encoding of texts, or None; ValueError for what is none."""
    if given is None:
        return None
    try:
        found = codecs.lookup(str(given))
        "".encode(found.name)
    except LookupError:
        raise ValueError(
            f"expected data.encoding as the name of an encoding (utf-8, cp1252, latin-1, utf-16, …), got {given!r}"
        ) from None
    return found.name


def open_text(path: Path, encoding: str | None) -> TextIO:
    """The file as text, decompressed if its name ends in ``.gz``. None: UTF-8, or what a byte order mark says.

    Raises ValueError for a file of zero bytes and no mark, which is no text in UTF-8.
    """
    if encoding is None:
        with _open_bytes(path) as file:
            start = file.read(64)
        encoding = next((name for mark, name in MARKS if start.startswith(mark)), USUAL)
        if encoding == USUAL and b"\0" in start:
            raise ValueError(
                f"{path}: expected text, got zero bytes; if it is in UTF-16, set data.encoding=utf-16-le (or utf-16-be)"
            )
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding=encoding, newline=""))
    return path.open(encoding=encoding, newline="")


def undecodable(path: Path, error: UnicodeDecodeError) -> str:
    """Where a file is not in its encoding, in words, with the remedy; ``error``: what was raised while it was read."""
    place = f"{path}: no {error.encoding} ({error.reason})"
    try:
        with _open_bytes(path) as file:
            content = file.read()
        content.decode(USUAL if error.encoding == "utf-8" else error.encoding)
    except UnicodeDecodeError as found:
        before = content[: found.start]
        line, column = before.count(b"\n") + 1, found.start - before.rfind(b"\n")
        place = f"{path}, line {line}: byte {column} of it (0x{content[found.start]:02x}) is no {error.encoding}"
    except (OSError, EOFError, zlib.error):  # an archive that breaks off further on
        pass
    return (
        f"{place}; name the encoding, as in data.encoding=cp1252 (Windows and Excel in western Europe; or latin-1, "
        "cp1251, gb18030, shift_jis, …), or save the file as UTF-8"
    )


def _open_bytes(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))
