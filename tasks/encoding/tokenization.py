"""From a text to its tokens: words, whitespace, or characters.

Every tokenizer is a plain function ``str -> list[str]``: no state, no model, the same result on every machine. Tokens
never contain whitespace and never are empty.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache
from itertools import pairwise

Tokenizer = Callable[[str], list[str]]

HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters, which are written without spaces and are therefore tokens of their own."""


def split_words(text: str) -> list[str]:
    """Words, numbers, clitics of English contractions, Chinese characters, and single punctuation marks.

    >>> split_words("It isn't 3,500.50 km (yet)")
    ['It', 'is', "n't", '3,500.50', 'km', '(', 'yet', ')']
    """
    return _word_pattern().findall(text)


def split_whitespace(text: str) -> list[str]:
    """What stands between whitespace; for text that is tokenised already."""
    return text.split()


def split_characters(text: str) -> list[str]:
    """Every character that is not whitespace, together with the marks that combine with it."""
    return _character_pattern().findall(text)


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


@cache
def _combining() -> str:
    """The ranges of combining marks and joiners as the inside of a character class.

    Python's ``\\w`` leaves them out, which would cut words of Hindi or Thai, and decomposed accents, into pieces.
    """
    codes = [code for code in range(0x20000) if unicodedata.category(chr(code))[0] == "M" or code in (0x200C, 0x200D)]
    starts = [code for before, code in pairwise([-2, *codes]) if code != before + 1]
    ends = [code for code, after in pairwise([*codes, 0x20001]) if after != code + 1]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


@cache
def _word_pattern() -> re.Pattern[str]:
    word = rf"(?:[^\W{HAN}]+[{_combining()}]*)+"
    apostrophe = "['’]"
    return re.compile(
        rf"\d+(?:[.,:]\d+)+(?!\w)"  # numbers with separators
        rf"|[^\W\d_{HAN}]+(?=n{apostrophe}t\b)"  # is|n't
        rf"|n{apostrophe}t\b"
        rf"|(?<=\w){apostrophe}(?:s|m|re|ve|ll|d)\b"  # it|'s
        rf"|{word}(?:-{word})*"
        rf"|[{HAN}]"
        rf"|[^\w\s]",
        re.IGNORECASE,
    )


@cache
def _character_pattern() -> re.Pattern[str]:
    return re.compile(rf"[^\s{_combining()}][{_combining()}]*|[{_combining()}]+")
