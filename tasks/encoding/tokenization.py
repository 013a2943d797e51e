"""From a text to its tokens: words, whitespace, or characters.

Every tokenizer is a plain function ``str -> list[str]``: no state, no model, the same result on every machine. Tokens
never contain whitespace and never are empty. What a reader takes for a character is a grapheme cluster of Unicode
(UAX 29): a letter with the marks that belong to it. Scripts without spaces (``languages.SPACELESS``) show no words, so
each of their clusters is a token of its own; a zero-width space, which some texts put between words, parts tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from itertools import chain, pairwise

import regex

from tasks.reading.languages import SPACELESS_LETTERS

Tokenizer = Callable[[str], list[str]]

CLUSTERS = f"grapheme clusters (Unicode UAX 29, regex {version('regex')})"
"""What the tokens of ``split_characters`` are, for definitions."""

ZERO_WIDTH_SPACE = "\u200b"

ALONE = rf"[{SPACELESS_LETTERS}]--\d"
MARKS = r"\p{M}\u200c\u200d"
"""Combining marks and joiners. ``\\w`` of ``re`` leaves them out, which would cut words of Hindi into pieces."""


def split_words(text: str) -> list[str]:
    """Words, numbers, clitics of English contractions, clusters of scripts without spaces, and punctuation marks.

    >>> split_words("It isn't 3,500.50 km (yet)")
    ['It', 'is', "n't", '3,500.50', 'km', '(', 'yet', ')']
    """
    words = _word_pattern().findall(_parted(text))
    if _alone_pattern().search(text) is None:
        return words
    return [token for word in words for token in (_clusters(word) if _alone_pattern().match(word) else [word])]


def split_whitespace(text: str) -> list[str]:
    """What stands between whitespace; for text that is tokenised already."""
    return text.split()


def split_characters(text: str) -> list[str]:
    """Every grapheme cluster that is not whitespace."""
    return _clusters(_parted(text))


TOKENIZERS: dict[str, Tokenizer] = {
    "words": split_words,
    "whitespace": split_whitespace,
    "characters": split_characters,
}


def tokenizer_named(name: str) -> Tokenizer:
    """The tokenizer of this name; ValueError with the choices if there is none."""
    if name not in TOKENIZERS:
        raise ValueError(f"expected a tokenizer among {', '.join(TOKENIZERS)}, got {name!r}; set data.tokenizer")
    return TOKENIZERS[name]


def is_spaceless(token: str) -> bool:
    """Whether a token is of a script without spaces."""
    return _alone_pattern().match(token) is not None


def _parted(text: str) -> str:
    return text.replace(ZERO_WIDTH_SPACE, " ")


def _clusters(text: str) -> list[str]:
    found: list[str] = _cluster_pattern().findall(text)
    return found


@cache
def _cluster_pattern() -> regex.Pattern[str]:
    return regex.compile(r"(?![\s\x1c-\x1f])\X")  # the latter are whitespace for Python


@cache
def _ranges(inside: str) -> str:
    """A character class of ``regex`` as ranges for ``re``, which lacks scripts and categories but is ten times as fast.

    Looked for where Unicode has assigned any: the first four planes, and the variation selectors.
    """
    member = regex.compile(f"[{inside}]", regex.VERSION1)
    codes = list(map(ord, member.findall("".join(map(chr, chain(range(0x34000), range(0xE0100, 0xE01F0)))))))
    starts = [code for before, code in pairwise([-2, *codes]) if code != before + 1]
    ends = [code for code, after in pairwise([*codes, 0x110001]) if after != code + 1]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


@cache
def _alone_pattern() -> re.Pattern[str]:
    return re.compile(f"[{_ranges(ALONE)}]")


@cache
def _word_pattern() -> re.Pattern[str]:
    alone, marks = _ranges(ALONE), _ranges(MARKS)
    word = rf"(?:[^\W{alone}]+[{marks}]*)+"
    apostrophe = "['’]"
    return re.compile(
        rf"\d+(?:[.,:]\d+)+(?!\w)"  # numbers with separators
        rf"|[^\W\d_{alone}]+(?=n{apostrophe}t\b)"  # is|n't
        rf"|n{apostrophe}t\b"
        rf"|(?<=\w){apostrophe}(?:s|m|re|ve|ll|d)\b"  # it|'s
        rf"|{word}(?:-{word})*"
        rf"|[{alone}][{alone}{marks}]*"  # cut into clusters afterwards
        rf"|[^\w\s]",
        re.IGNORECASE,
    )
