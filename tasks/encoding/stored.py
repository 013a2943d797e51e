"""Arrays that are kept in one file, which holds nothing that could be executed (``.npz`` without objects)."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = "1"
"""Version of the layout; files of another one are refused."""


DAMAGED = (
    *(OSError, ValueError, KeyError, IndexError, EOFError, AttributeError, TypeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error, MemoryError),
)
"""What NumPy raises for a file of other bytes."""


def blob(words: Iterable[str]) -> NDArray[np.uint8]:
    """Words as bytes."""
    text = json.dumps(list(words), ensure_ascii=False)
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)


def unblob(blob: NDArray[np.uint8]) -> list[str]:
    """The words of such bytes."""
    words: list[str] = json.loads(blob.tobytes().decode("utf-8", "surrogatepass"))
    return words


def write_arrays(file: Path, arrays: Mapping[str, Any], described: Mapping[str, str]) -> None:
    """Write whole or not at all. Raises the error of the system, as of a full disk."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    said = {"format": FORMAT, **described}
    try:
        with part.open("wb") as stream:
            np.savez(stream, allow_pickle=False, said=blob([json.dumps(said)]), **arrays)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def read_arrays(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The arrays and what is said of them. Raises ValueError for a file that is not there, or damaged."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as opened:
            arrays = {name: opened[name] for name in opened.files}
        described: dict[str, str] = json.loads(unblob(arrays.pop("said"))[0])
    except DAMAGED as error:
        raise ValueError(f"no file of vectors that a run kept: {error}") from error
    if described.get("format") != FORMAT:
        raise ValueError(
            f"no file of vectors that a run kept: expected format {FORMAT}, got {described.get('format')!r}"
        )
    return arrays, described


def link(there: Path, name: Path) -> bool:
    """Whether the file could be given a second name; where links are not to be had, it is copied."""
    if not there.exists():
        return False
    part = name.with_name(f"{name.name}.{os.getpid()}")
    try:
        name.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(there, part)
        except OSError:
            shutil.copyfile(there, part)
        part.replace(name)
    except OSError:
        part.unlink(missing_ok=True)
        return False
    return True
