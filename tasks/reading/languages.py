"""Languages: what a tag names, which script it is written in, and which script some texts are in.

Tags are those of BCP 47 and ISO 639 (``de``, ``zh-TW``, ``zh_TW``, ``jpn``), read by langcodes; ``und-Thai`` is some
language in Thai script. A script is its ISO 15924 code. What decides how texts are cut is the script, not the language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import regex

SPACELESS = (
    *("Hani", "Bopo", "Hira", "Kana"),
    # the South East Asian scripts of Unicode's line breaking class SA, and their kin
    *("Thai", "Laoo", "Khmr", "Mymr", "Lana", "Tale", "Talu", "Tavt", "Tibt", "Java", "Bali"),
)
"""The scripts that put no space between words."""

SPACELESS_LETTERS = "".join(rf"\p{{sc={script}}}" for script in SPACELESS) + "\u3006\u30fc\uff70"
"""Their letters and signs, as the inside of a character class; the last three belong to several scripts."""

COMPOUND = {"Hans": "Hani", "Hant": "Hani", "Hanb": "Hani", "Hrkt": "Jpan", "Hira": "Jpan", "Kana": "Jpan"}
"""Codes for variants and mixtures of scripts -> the one that stands for them here."""

NAMES: Mapping[str, str] = {
    "Hani": "Chinese",
    "Jpan": "Japanese",
    "Bopo": "Bopomofo",
    "Thai": "Thai",
    "Laoo": "Lao",
    "Khmr": "Khmer",
    "Mymr": "Myanmar",
    "Lana": "Tai Tham",
    "Tale": "Tai Le",
    "Talu": "New Tai Lue",
    "Tavt": "Tai Viet",
    "Tibt": "Tibetan",
    "Java": "Javanese",
    "Bali": "Balinese",
    "Hira": "Hiragana",
    "Kana": "Katakana",
    "Latn": "Latin",
    "Cyrl": "Cyrillic",
    "Grek": "Greek",
    "Arab": "Arabic",
    "Hebr": "Hebrew",
    "Hang": "Korean",
    "Deva": "Devanagari",
    "Beng": "Bengali",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Knda": "Kannada",
    "Mlym": "Malayalam",
    "Gujr": "Gujarati",
    "Guru": "Gurmukhi",
    "Orya": "Odia",
    "Sinh": "Sinhala",
    "Ethi": "Ethiopic",
    "Armn": "Armenian",
    "Geor": "Georgian",
    "Mong": "Mongolian",
    "Syrc": "Syriac",
    "Thaa": "Thaana",
    "Cher": "Cherokee",
    "Tfng": "Tifinagh",
    "Nkoo": "N'Ko",
    "Yiii": "Yi",
    "Cans": "Syllabics",
}
"""The scripts that texts are told by, and what they are called in messages."""

LOOKED_AT = 2000
"""So many texts, evenly spread, say which script all are in."""


@dataclass(frozen=True)
class Language:
    """What a tag names. ``code``: ISO 639, empty if undetermined. ``script``: the usual one if the tag names none."""

    tag: str
    code: str
    script: str

    @property
    def spaceless(self) -> bool:
        """Whether it is written without spaces between words, so that words cannot be told by them."""
        return self.script in SPACELESS or self.script == "Jpan"


@cache
def language_named(tag: str) -> Language:
    """The language of a tag. Raises ValueError for what is no tag, or names no language."""
    import langcodes

    if not isinstance(tag, str) or not langcodes.tag_is_valid(tag):
        raise ValueError(
            "expected data.language (or task.language) as a tag of BCP 47 or ISO 639, such as en, de-AT, zh-TW or "
            f"tha, got {tag!r}; correct it, or leave it null: then the script of the texts decides"
        )
    found = langcodes.Language.get(tag)
    script = found.maximize().script or "Latn"
    return Language(found.to_tag(), found.language or "", COMPOUND.get(script, script))


def script_of(texts: Iterable[str]) -> str | None:
    """The script that most words of the texts are in; of scripts without spaces every character counts as a word.

    None if the texts hold no letter of ``NAMES``. Japanese is told from Chinese by its kana.
    """
    all_texts = list(texts)
    step = max(1, len(all_texts) // LOOKED_AT)
    first_letters = Counter(word[0] for text in all_texts[::step] for word in _units().findall(text))
    counts: Counter[str] = Counter()
    for letter, count in first_letters.items():
        counts[_script_of_letter(letter) or ""] += count
    kana = counts["Hira"] + counts["Kana"]
    if kana > 0.05 * counts["Hani"]:
        counts["Jpan"] = kana + counts["Hani"]
    named = {script: counts[script] for script in NAMES if counts[script]}
    return max(named, key=named.__getitem__, default=None)


@cache
def _units() -> regex.Pattern[str]:
    return regex.compile(rf"[{SPACELESS_LETTERS}]|\p{{L}}[\p{{L}}\p{{M}}]*")


@cache
def _script_of_letter(letter: str) -> str | None:
    return next((code for code in NAMES if code != "Jpan" and regex.match(rf"\p{{sc={code}}}", letter)), None)
