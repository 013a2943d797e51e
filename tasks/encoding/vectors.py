"""Pretrained vectors of the words of a corpus: looked up in a file by their spelling, kept with the run.

A form is looked up as it stands, then lower-cased, then capitalised, then in capitals: the first that the file has is
its vector. Words of validation and test are looked up as those of train are: the file, not the corpus, knows them.

U distinct forms, V vectors that are kept, W of them looked up at once, D width
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.encoding.arrays import EncodedSplit, FormVectors, VectorRows
from tasks.encoding.stored import FORMAT, blob, link, read_arrays, unblob, write_arrays
from tasks.encoding.subwords import WORD
from tasks.encoding.vocabulary import EncodingOptions
from tasks.reading.normalization import Form, checked_form
from tasks.reading.vector_files import Index, VectorFile

Floats = NDArray[np.float32]


SPELLINGS: tuple[Callable[[str], str], ...] = (str, str.lower, str.capitalize, str.upper)
"""How a form is looked up, in this order: as it stands, lower-cased, capitalised, in capitals."""


def spellings(form: str) -> list[str]:
    """Each spelling of a form; the mark of where a word begins is none of its letters."""
    return [spelling(form.removeprefix(WORD)) for spelling in SPELLINGS]


@dataclass(frozen=True)
class FileOfVectors:
    """Which file of word vectors: its ``content`` (SHA-256), its ``path`` here, and the Unicode form of its words."""

    path: str
    content: str
    form: Form

    @property
    def width(self) -> int:
        """The width of its vectors, by its first lines. Raises ValueError for what is no such file."""
        return VectorFile(self.path, form=self.form).layout.width

    def index(self) -> tuple[VectorFile, Index]:
        """The file and where its words are, read once a process. Raises ValueError if it has another content."""
        file, index = _indexed(self.path, self.form, _changed_at(self.path))
        if index.content != self.content:
            raise ValueError(
                f"{self.path} is not the file that was asked for: its SHA-256 is {index.content}, and "
                f"embedding.content is {self.content}; if it changed, start again"
            )
        return file, index


@dataclass(frozen=True)
class Found:
    """What a file has of some forms. ``places_F``: the row of each, 0 where it has none.

    ``rows_VD``: row 0 is that of forms without a vector, then come those of the ``words``.
    ``said``: what is to be known of the file, as ``Index`` has it.
    """

    places_F: NDArray[np.int64]
    words: list[str]
    rows_VD: Floats
    said: dict[str, Any]


def look_up(source: FileOfVectors, forms: Sequence[str]) -> Found:
    """Read the vectors of some forms from the file."""
    file, index = source.index()
    spelt = [form.removeprefix(WORD) for form in forms]
    rows_F = np.full(len(forms), -1, dtype=np.int64)
    for spelling in SPELLINGS:
        left = np.flatnonzero(rows_F < 0)
        rows_F[left] = index.find([spelling(spelt[number]) for number in left])
        for number in left[rows_F[left] >= 0]:
            spelt[number] = spelling(spelt[number])
    there = np.flatnonzero(rows_F >= 0)
    rows_W, firsts, numbers = np.unique(rows_F[there], return_index=True, return_inverse=True)
    places_F = np.zeros(len(forms), dtype=np.int64)
    places_F[there] = numbers + 1
    words = [spelt[number] for number in there[firsts]]
    said = {name: getattr(index, name) for name in ("rows", "repeated", "spaced", "undecodable", "first_undecodable")}
    return Found(places_F, words, file.read(index, rows_W, words), said)


def look_up_once(source: FileOfVectors, forms: Sequence[str], cache: Path | None) -> Found:
    """The same, read from ``cache`` if these forms were looked up in a file of this content before."""
    if cache is None:
        return look_up(source, forms)
    asked = blob([FORMAT, source.content, source.form, *forms])
    file = cache / f"vectors-{hashlib.sha256(asked.tobytes()).hexdigest()[:24]}.npz"
    found = _read_found(file, len(forms))
    if found is None:
        found = look_up(source, forms)
        _write_found(file, found)
    return found


@dataclass
class Vectors(VectorRows):
    """The vectors of a run's corpus, which grow with each text that is encoded; the run keeps them.

    ``words``: of each vector that is kept its row, from 1; row 0 is that of words without one.
    ``learnt``: the first so many of them are of words that train shows.
    """

    source: FileOfVectors
    width: int
    cache: Path | None = None
    words: dict[str, int] = field(default_factory=dict)
    forms: dict[str, int] = field(default_factory=dict)
    learnt: int = 0
    said: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows_VD = np.zeros((1, self.width), dtype=np.float32)

    def learn(self, forms: Iterable[str]) -> None:
        """Look up the forms of train, before any others."""
        self._add(forms)
        self.learnt = len(self.words)

    def of(self, forms: Sequence[str]) -> FormVectors:
        """The vectors of some forms."""
        self._add(forms)
        places_U = np.array([self.forms[form] for form in forms], dtype=np.int64)
        return FormVectors(places_U, places_U, self)

    def _add(self, forms: Iterable[str]) -> None:
        new = sorted({form for form in forms if form not in self.forms})
        if not new:
            return
        found = look_up_once(self.source, new, self.cache)
        fresh = [number for number, word in enumerate(found.words) if word not in self.words]
        if not self.words:
            self.rows_VD = found.rows_VD
        elif fresh:
            self.rows_VD = np.concatenate([self.rows_VD, found.rows_VD[1:][fresh]])
        for number in fresh:
            self.words[found.words[number]] = len(self.words) + 1
        for form, place in zip(new, found.places_F.tolist(), strict=True):
            self.forms[form] = self.words[found.words[place - 1]] if place else 0
        self.said = found.said

    def save(self, file: Path) -> None:
        """Write all that is needed to look these forms up again, whole or not at all.

        Runs that read the same words share one file of the cache, of which each has a link.
        """
        asked = blob([FORMAT, *self._described().values(), *self.forms])
        name = f"vectors-{hashlib.sha256(asked.tobytes()).hexdigest()[:24]}-of-runs.npz"
        kept = None if self.cache is None else self.cache / name
        if kept is None or not link(kept, file):
            write_arrays(file, self._arrays(), self._described())
            if kept is not None:
                link(file, kept)

    def _arrays(self) -> dict[str, Any]:
        places_F = np.array(list(self.forms.values()), dtype=np.int32)
        return {"rows": self.rows_VD, "forms": blob(self.forms), "places": places_F, "words": blob(self.words)}

    def _described(self) -> dict[str, str]:
        source = self.source
        return {
            "path": source.path,
            "content": source.content,
            "form": source.form,
            "learnt": str(self.learnt),
        }


def learn_vectors(options: EncodingOptions, texts: Iterable[Sequence[str]]) -> None:
    """Look up the forms of train, before any others, where pretrained vectors are used."""
    if isinstance(options.vectors, Vectors):
        options.vectors.learn(form for text in texts for form in text)


def coverage_of(split: EncodedSplit) -> dict[str, float]:
    """The share of the different forms (``types``) and of the ``tokens`` of a split that have a vector.

    External texts that all examples share are no part of it.
    """
    covered: dict[str, bool] = {}
    tokens = have = 0
    for texts in split.texts:
        assert texts.forms.vectors is not None
        known_U = texts.forms.vectors.ids_U > 0
        covered.update(zip(texts.forms.spelt_U, known_U.tolist(), strict=True))
        tokens, have = tokens + len(texts.forms_K), have + int(known_U[texts.forms_K].sum())
    return {"types": sum(covered.values()) / max(1, len(covered)), "tokens": have / max(1, tokens)}


class SavedVectors:
    """The vectors that a run kept, for texts that come afterwards.

    Words that the run's own corpus does not hold are looked up in the file of vectors, if it is still there with the
    same content; else they have none, which is said once.
    """

    def __init__(self, saved: Path) -> None:
        """Raises ValueError for a file that is not there, or damaged."""
        arrays, described = read_arrays(saved)
        self.rows_VD: Floats = arrays["rows"]
        self.forms = dict(zip(unblob(arrays["forms"]), arrays["places"].tolist(), strict=True))
        self.words = {word: row for row, word in enumerate(unblob(arrays["words"]), start=1)}
        self.source = FileOfVectors(described["path"], described["content"], checked_form(described["form"]))
        self.learnt, self.width = int(described["learnt"]), self.rows_VD.shape[-1]
        kept = len(self.words) + 1
        if self.rows_VD.shape != (kept, self.width) or not self.learnt < kept or not 0 <= _farthest(self.forms) < kept:
            raise ValueError("no file of vectors that a run kept: its parts do not fit together")
        self._file_is_there: bool | None = None

    def of(self, forms: Sequence[str]) -> FormVectors:
        """The vectors of some forms."""
        ids_U = np.array([self.forms.get(form, -1) for form in forms], dtype=np.int64)
        new = np.flatnonzero(ids_U < 0).tolist()
        found = self._found([forms[number] for number in new]) if new else None
        for place, number in enumerate(new):
            there = 0 if found is None else int(found.places_F[place])
            word = found.words[there - 1] if found is not None and there else None
            ids_U[number] = self._id_of(forms[number], word)
        rows_UD = self.rows_VD[np.where(ids_U < len(self.rows_VD), ids_U, 0)]
        for place, number in enumerate(new):
            if found is not None and ids_U[number] == len(self.rows_VD):
                rows_UD[number] = found.rows_VD[found.places_F[place]]
        return FormVectors(ids_U, np.arange(len(forms)), VectorRows(rows_UD))

    def _id_of(self, form: str, word: str | None) -> int:
        """Of a form that the corpus lacks: that of the ``word`` the file has for it, or of one that was kept."""
        if word is not None:
            return self.words.get(word, len(self.rows_VD))
        return next((self.words[spelt] for spelt in spellings(form) if spelt in self.words), 0)

    def _found(self, forms: Sequence[str]) -> Found | None:
        if self._file_is_there is False:
            return None
        try:
            found = look_up(self.source, forms)
        except (ValueError, OSError) as error:
            self._file_is_there = False
            said = f"words that the run's own data do not hold have no vector: {error}"
            warnings.warn(said, stacklevel=2)
            return None
        self._file_is_there = True
        return found


@lru_cache(maxsize=1)
def _indexed(path: str, form: Form, changed_at: tuple[int, ...]) -> tuple[VectorFile, Index]:
    file = VectorFile(path, form=form)
    return file, file.scan()


def _changed_at(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); put the file of word vectors there") from error
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _farthest(places: Mapping[str, int]) -> int:
    """The largest place; -1 if one is below 0."""
    return -1 if min(places.values(), default=0) < 0 else max(places.values(), default=0)


def _write_found(file: Path, found: Found) -> None:
    """A disk may be full, or read-only: then the same is looked up again the next time."""
    arrays = {"places": found.places_F, "words": blob(found.words), "rows": found.rows_VD}
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(file, arrays, {"said": json.dumps(found.said)})


def _read_found(file: Path, forms: int) -> Found | None:
    """None if it is not there; a damaged file is worth no more than none."""
    if not file.exists():
        return None
    with suppress(ValueError, KeyError):
        arrays, described = read_arrays(file)
        found = Found(arrays["places"], unblob(arrays["words"]), arrays["rows"], json.loads(described["said"]))
        if len(found.places_F) == forms and len(found.words) + 1 == len(found.rows_VD):
            return found
    return None
