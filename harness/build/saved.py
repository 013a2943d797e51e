"""What a run keeps of its network, and the network made from that alone: no data set is needed to use it.

``model.safetensors`` holds the tested weights and nothing that could be executed, ``encoding.json`` what was learnt of
the training texts: vocabularies, labels, symbols; ``vectors.npz``, where pretrained vectors are used, those of
the run's words. All else stands in the record: its configuration names the parts.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from harness.build.data import Data, encoding_options, file_of_vectors, make_task
from harness.build.matching import resized
from harness.build.model import assemble
from harness.build.pretrained import saved_encoder
from harness.records.files import ENCODING, VECTORS, WEIGHTS, write_atomically
from harness.records.record import Record
from tasks.base import Row, Task
from tasks.encoding.corpus import Encoding
from tasks.encoding.vectors import SavedVectors, Vectors
from tasks.model import TaskModel
from tasks.reading.columns import Place
from tasks.reading.normalization import normalized
from tasks.reading.source import Corpus

FORMAT = 1
"""Version of the layout of ``encoding.json``; those of another one are refused."""

NEW = "test"
"""The split that new texts stand in for."""


def save_network(folder: Path, data: Data, model: TaskModel) -> dict[str, str]:
    """Write these files, each at once or not at all; the SHA-256 of each, by its name.

    Raises the error of the system, as of a full disk.
    """
    part = folder / f"{WEIGHTS}.part"
    try:
        save_model(model, str(part))
        _sync(part)
        part.chmod(0o644)
        part.replace(folder / WEIGHTS)
    except SafetensorError as error:
        raise OSError(*_system_error(error), str(folder / WEIGHTS)) from error
    finally:
        part.unlink(missing_ok=True)
    vectors = data.encoded.encoding.codec.options.vectors
    if isinstance(vectors, Vectors):
        vectors.save(folder / VECTORS)
    saved = {"format": FORMAT, **data.encoded.encoding.saved()}
    write_atomically(folder / ENCODING, json.dumps(saved, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    kept = [name for name in (WEIGHTS, ENCODING, VECTORS) if (folder / name).exists()]
    return {name: _content(folder / name) for name in kept}


@dataclass(frozen=True)
class SavedNetwork:
    """Configuration, task and encoding of a run, and its weights."""

    config: DictConfig
    task: Task
    encoding: Encoding
    weights: Path

    @classmethod
    def load(cls, record: Record, folder: Path) -> SavedNetwork:
        """What a finished run left in its folder. Raises ValueError for files that are not there, or damaged."""
        for name, content in record.get("kept_files", {}).items():
            if (folder / name).exists() and _content(folder / name) != content:
                raise ValueError(_damaged(folder / name, "its content is not the one that the record tells"))
        config = OmegaConf.create(record["config"])
        match = record.get("match")
        if match:
            config = resized(config, match["width"])
        task = make_task(config)
        task.language = record.get("language")
        saved = _read_encoding(folder / ENCODING)
        encoder = saved_encoder(config, saved.get("encoder"), symbols=task.generates)
        vectors = None if file_of_vectors(config) is None else _read_vectors(folder / VECTORS)
        try:
            encoding: Encoding = task.load_encoding(saved, options=encoding_options(config, vectors, encoder))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(_damaged(folder / ENCODING, f"{type(error).__name__}: {error}")) from error
        return cls(config, task, encoding, folder / WEIGHTS)

    @cached_property
    def model(self) -> TaskModel:
        """The network with its weights, on the CPU, as it evaluates."""
        model = assemble(self.config, self.task, self.encoding.sizes)
        try:
            load_model(model, str(self.weights))
        except (SafetensorError, OSError) as error:
            raise ValueError(_damaged(self.weights, str(error).splitlines()[0])) from error
        except RuntimeError as error:
            first = str(error).splitlines()[-1].strip()
            raise ValueError(
                f"{self.weights} does not fit the network that this version of the code builds from the record "
                f"({first}); check out the commit that the record names"
            ) from error
        return model.eval()

    def data(self, rows: list[Row], place: Place) -> Data:
        """New rows in the numbers of the run, in its Unicode form.

        Raises ValueError, with the place, for what cannot be encoded.
        """
        rows = normalized(rows, self.config.encoding.normalize)
        name = str(self.config.names.data)
        corpus = Corpus(name, {NEW: rows}, {NEW: place}, "", "new texts", self.encoding.tokenizer, "drop")
        return Data(self.config, self.task, corpus, self.encoding.encode(corpus))


def _read_encoding(path: Path) -> Mapping[str, Any]:
    try:
        saved = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(_damaged(path, f"{type(error).__name__}: {error}")) from error
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        found = saved.get("format") if isinstance(saved, dict) else type(saved).__name__
        raise ValueError(_damaged(path, f"expected format {FORMAT}, found {found!r}"))
    return saved


def _read_vectors(path: Path) -> SavedVectors:
    try:
        return SavedVectors(path)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(_damaged(path, str(error))) from error


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(path: Path, why: str) -> str:
    return f"{path} is no file of a run that stands alone ({why}); run again with force=true to have it"


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _system_error(error: SafetensorError) -> tuple[int, str]:
    """The number and the words of the error of the system that safetensors tells in its own: (os error 28)."""
    found = re.search(r"os error (\d+)", str(error))
    number = int(found[1]) if found else errno.EIO
    return number, os.strerror(number)
