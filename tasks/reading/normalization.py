"""One form for what is the same text: ``é`` may be one character or two, and looks alike (Unicode, UAX 15)."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Any, Literal, cast, get_args

Form = Literal["none", "nfc", "nfkc"]
"""``nfc``: letters with their marks as one character. ``nfkc``: full-width, ligatures and the like plain, too."""

_UNICODE: dict[str, Literal["NFC", "NFKC"]] = {"nfc": "NFC", "nfkc": "NFKC"}
_WORD = re.compile(r"\S+")


def checked_form(form: Any) -> Form:
    """The form, if it is one; else ValueError."""
    if form not in get_args(Form):
        raise ValueError(f"expected encoding.normalize among {', '.join(get_args(Form))}, got {form!r}")
    return cast(Form, form)


def normalized(value: Any, form: Form) -> Any:
    """A value of a row with all its texts in a form; lists and dictionaries (their keys not) are looked into.

    Words stay words: a character that NFKC would write with a blank (such as ``´``) is left as it is, so that tokens
    hold no blanks and the words of a text keep their numbers.
    """
    if isinstance(value, str):
        return _of_text(value, form)
    if isinstance(value, list):
        return [normalized(item, form) for item in value]
    if isinstance(value, dict):
        return {key: normalized(item, form) for key, item in value.items()}
    return value


def _of_text(text: str, form: Form) -> str:
    if form == "none" or unicodedata.is_normalized(_UNICODE[form], text):
        return text
    return _WORD.sub(lambda found: _of_word(found[0], _UNICODE[form]), text)


def _of_word(word: str, form: Literal["NFC", "NFKC"]) -> str:
    whole = unicodedata.normalize(form, word)
    if whole.split() == [whole]:
        return whole
    parts = groupby(word, key=lambda character: len(unicodedata.normalize(form, f"a{character}b").split()) > 1)
    return "".join("".join(part) if blank else unicodedata.normalize(form, "".join(part)) for blank, part in parts)


def same_name(one: str, other: str) -> bool:
    """Whether two names of columns are written with the same letters."""
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
