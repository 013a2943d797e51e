"""From a text to the symbols a decoder writes, and back: subwords, characters or words.

A symbol that begins a word starts with ``▁`` (U+2581), so the symbols of a text give the text back, up to whitespace.

    "Ein Hund." -> ["▁Ein", "▁Hu", "nd", "."] -> "Ein Hund."

Punctuation is never part of a longer symbol, so that where it stands alone its ``▁`` is a symbol too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, get_args

WORD = "\u2581"
"""The mark of a symbol that begins a word."""


Kind = Literal["bpe", "characters", "words"]
KINDS = get_args(Kind)

_UNKNOWN = "<▁>"
"""What the BPE says for a character that it does not know; no text can contain it, since ``▁`` is replaced."""


class Segmenter:
    """Cuts texts into symbols and joins them again.

    ``bpe``: byte-pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909) of at most ``size`` symbols,
    learnt by the ``tokenizers`` library; punctuation stands alone. ``characters``: every character is a symbol.
    ``words``: what stands between whitespace. Whitespace of any kind and length counts as one space. A character that
    the training texts never show is a symbol of its own, which only copying can write.
    """

    def __init__(self, kind: Kind, bpe: Any = None) -> None:
        self.kind = kind
        self._bpe = bpe

    @classmethod
    def fit(cls, texts: Sequence[str], *, kind: str, size: int, cache: Path | None) -> Segmenter:
        """Learn from training texts. A BPE that was learnt from the same texts before is read from ``cache``.

        Raises ValueError for an unknown kind and a size below 1.
        """
        if kind not in KINDS or size < 1:
            raise ValueError(
                "expected task.source_symbols and target_symbols among bpe, characters, words and "
                f"task.vocabulary_size of at least 1, got {kind!r} and {size}"
            )
        if kind != "bpe":
            return cls("characters" if kind == "characters" else "words")
        from tokenizers import Tokenizer

        file = None if cache is None else cache / f"bpe-{size}-{_digest([_UNKNOWN, *texts])}.json"
        if file is not None and file.exists():
            with suppress(Exception):  # a damaged file is worth no more than none; the library raises nothing narrower
                return cls("bpe", Tokenizer.from_file(str(file)))
        bpe = _learn(texts, size)
        if file is not None:
            _write_once(file, bpe.to_str())
        return cls("bpe", bpe)

    def saved(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {"kind": self.kind, "bpe": None if self._bpe is None else self._bpe.to_str()}

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Segmenter:
        """What was ``saved``. Raises ValueError for anything else."""
        kind, bpe = saved["kind"], saved["bpe"]
        if kind not in KINDS or (kind == "bpe") != isinstance(bpe, str):
            raise ValueError(f"expected a segmentation among {', '.join(KINDS)}, got {kind!r}")
        if kind != "bpe":
            return cls(kind)
        from tokenizers import Tokenizer

        try:
            return cls(kind, Tokenizer.from_str(bpe))
        except Exception as error:  # the library raises nothing narrower
            raise ValueError(f"the byte-pair encoding is damaged ({error})") from error

    def split(self, texts: Sequence[str]) -> list[list[str]]:
        """The symbols of each text."""
        texts = [" ".join(text.replace(WORD, "_").split()) for text in texts]
        if self.kind == "words":
            return [[WORD + word for word in text.split()] for text in texts]
        if self.kind == "characters":
            return [_characters(text) for text in texts]
        return [_pieces(text, encoding) for text, encoding in zip(texts, self._bpe.encode_batch(texts), strict=True)]

    @staticmethod
    def join(symbols: Sequence[str]) -> str:
        """The text of some symbols."""
        return "".join(symbols).replace(WORD, " ").strip()


def shown(symbol: str) -> str:
    """A symbol for people to look at: without the mark of where a word begins, unless it is nothing else."""
    return symbol.replace(WORD, "") or WORD


def word_numbers(symbols: Sequence[str]) -> list[int]:
    """For each symbol, the number (from 0) of the whitespace-separated word it belongs to."""
    starts = accumulate(symbol.startswith(WORD) for symbol in symbols)
    return [max(0, number - 1) for number in starts]


def _learn(texts: Sequence[str], size: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE(unk_token=_UNKNOWN))
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(replacement=WORD, prepend_scheme="always"), pre_tokenizers.Punctuation("isolated")]
    )
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[_UNKNOWN], show_progress=False)
    bpe.train_from_iterator([" ".join(text.replace(WORD, "_").split()) for text in texts], trainer)
    return bpe


def _pieces(text: str, encoding: Any) -> list[str]:
    """The symbols of a text; one that the BPE does not know is written as it stands in the text."""
    return [
        text[start:end].replace(" ", WORD) if symbol == _UNKNOWN else symbol
        for symbol, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)
    ]


def _characters(text: str) -> list[str]:
    return [symbol for word in text.split() for symbol in (WORD + word[0], *word[1:])]


def _digest(texts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()[:16]


def _write_once(file: Path, content: str) -> None:
    """Write whole or not at all: several processes may learn the same at once. A disk may be full, or read-only."""
    import os

    partial = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(content, encoding="utf-8")
        partial.replace(file)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
