"""Arrays and words that are kept in one file, which holds nothing that could be executed (safetensors)."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = "1"
"""Version of the layout; files of another one are refused."""


def blob(words: Iterable[str]) -> NDArray[np.uint8]:
    """Words as bytes."""
    text = json.dumps(list(words), ensure_ascii=False)
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)


def unblob(blob: NDArray[np.uint8]) -> list[str]:
    """The words of such bytes."""
    words: list[str] = json.loads(blob.tobytes().decode("utf-8", "surrogatepass"))
    return words


def write_tensors(file: Path, tensors: dict[str, Any], described: dict[str, str]) -> None:
    """Write whole or not at all. Raises the error of the system, as of a full disk."""
    from safetensors.numpy import save

    part = file.with_name(f"{file.name}.{os.getpid()}")
    metadata = {"format": FORMAT, **described}
    try:
        part.write_bytes(save(tensors, metadata))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def read_tensors(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The tensors and what is said of them. Raises ValueError for a file that is not there, or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="numpy") as opened:
            described = dict(opened.metadata() or {})
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file} is no file of vectors that a run kept ({error})") from error
    if described.get("format") != FORMAT:
        raise ValueError(f"{file} is no file of vectors that a run kept, of format {FORMAT}")
    return tensors, described


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
