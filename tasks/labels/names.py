"""The names of labels in words: what a mechanism can read about "B-PER", "NOUN" or "card_arrival"."""

from __future__ import annotations

import re
from collections.abc import Mapping

ABBREVIATIONS: Mapping[str, str] = {
    # Named entities: CoNLL-2003, OntoNotes 5, the Weibo corpus
    "PER": "person",
    "PERS": "person",
    "LOC": "location",
    "ORG": "organization",
    "MISC": "miscellaneous",
    "GPE": "geopolitical entity",
    "FAC": "facility",
    "NORP": "nationality or group",
    "NAM": "name",
    "NOM": "nominal",
    # Universal parts of speech, https://universaldependencies.org/u/pos/
    "ADJ": "adjective",
    "ADP": "adposition",
    "ADV": "adverb",
    "AUX": "auxiliary",
    "CCONJ": "coordinating conjunction",
    "CONJ": "conjunction",
    "DET": "determiner",
    "INTJ": "interjection",
    "NOUN": "noun",
    "NUM": "numeral",
    "PART": "particle",
    "PRON": "pronoun",
    "PROPN": "proper noun",
    "PUNCT": "punctuation",
    "SCONJ": "subordinating conjunction",
    "SYM": "symbol",
    "VERB": "verb",
    "X": "other",
}
"""Capitals that stand for words. Others are only put in lower case."""

BETWEEN_WORDS = re.compile(r"[\s_\-/.:]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def label_name(label: str) -> list[str]:
    """The words of a label: ``card_arrival`` -> card arrival, ``PlayMusic`` -> play music, ``PER`` -> person.

    Splits at spaces, ``_ - / . :`` and where a capital starts a word, and spells out ``ABBREVIATIONS``.
    A label without a letter or digit stays as it is.
    """
    pieces = [piece for piece in BETWEEN_WORDS.split(label) if piece]
    words = [word for piece in pieces for word in ABBREVIATIONS.get(piece, piece.lower()).split()]
    return words or [label]
