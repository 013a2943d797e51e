"""What a file that the configuration names holds: part of what identifies a run, wherever the file lies.

Only the standard library is needed.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from omegaconf import DictConfig

SETTLED_SECONDS = 2.0
"""A file that was written to so shortly before it was read may be written to again at what its clock calls then."""

_known: dict[str, tuple[tuple[int, ...], str]] = {}


def settle_content(config: DictConfig) -> None:
    """Write the SHA-256 of the file of word vectors into the configuration, as ``embedding.content``.

    A sweep settles it when its cells are composed, so that their workers need not read the whole file for its name.
    Raises ValueError for a file that cannot be read, and for one of another content than was given.
    """
    embedding = config.get("embedding")
    if embedding is None or "content" not in embedding or embedding.get("path") is None:
        return
    found, given = content_of(str(embedding.path)), embedding.content
    if given is not None and given != found:
        raise ValueError(
            f"embedding.path={embedding.path} has the SHA-256 {found}, and embedding.content is {given}; name the "
            "right file, or leave out embedding.content"
        )
    embedding.content = found


def content_of(path: str) -> str:
    """The SHA-256 of a file, read once a process while nobody writes to it. Raises ValueError if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            before, state = time.time(), _state(file.fileno())
            known = _known.get(path)
            if known is not None and known[0] == state:
                return known[1]
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            changed = os.fstat(file.fileno()).st_ctime
            if state == _state(file.fileno()) and before - changed > SETTLED_SECONDS:
                _known[path] = state, digest
            return digest
    except OSError as error:
        raise ValueError(f"embedding.path={path} cannot be read ({error.strerror}); name a file") from error


def _state(file: int) -> tuple[int, ...]:
    """What changes when a file is written to: the time of its last change (ctime) nobody can set back."""
    found = os.fstat(file)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
