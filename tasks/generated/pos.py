"""Words whose part of speech is shown once: universal tags with one reading per discourse.

Words such as "light", "watch" or an invented "prall" are noun, verb or adjective, and keep the reading they are
introduced with throughout a text (the "one sense per discourse" of Gale, Church & Yarowsky 1992,
https://aclanthology.org/H92-1045/). Some are introduced by another one ("prall like light"). They come back in notes
without any context ("notes : light watch light"), where only the introduction tells. Other words are ambiguous locally
("that", "her", "to"), or are invented, with a suffix that gives them away.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.generated.base import (
    Knob,
    Row,
    Stream,
    Value,
    draw_links,
    draw_names,
    follow,
    generate_splits,
    invent_name,
    misspell,
    words,
)

KNOBS: Mapping[str, Knob] = {
    "length": Knob(7, 1, 12, "ambiguous words competing in a text, on average"),
    "distance": Knob(0.5, 0, 12, "sentences without ambiguous words between introductions and notes, on average"),
    "noise": Knob(0.2, 0, 1, "share of the longer words that are misspelt, outside introductions of ambiguous ones"),
    "mentions": Knob(12, 0, 24, "words in the notes, on average"),
    "referred": Knob(0.4, 0, 0.9, "share of the ambiguous words that are introduced by reference to another one"),
    "unseen": Knob(0.6, 0, 1, "share of the ambiguous words that are invented, and differ between the splits"),
}

AMBIGUOUS = words(
    "light watch duck play train plant point rest calm dry warm slow open double round level fish park clean square "
    "sound present blank cool"
)
INTRODUCTIONS: Mapping[str, tuple[str, ...]] = {
    "NOUN": ("VERB:saw DET:that *", "DET:the * VERB:came", "VERB:took PRON:her *"),
    "VERB": ("PRON:they * ADV:often", "VERB:try PART:to *", "VERB:know SCONJ:that PRON:they *"),
    "ADJ": ("AUX:was ADV:so *", "DET:a ADV:very * NOUN:day", "VERB:made PRON:her *"),
}
FILLERS = (
    "PRON:they VERB:went ADP:to PROPN:Paris",
    "DET:the NUM:two NOUN:boys VERB:called PRON:her CCONJ:and VERB:left",
    "PRON:that AUX:was @ADV",
    "PRON:we VERB:met DET:a @ADJ NOUN:man",
    "DET:the @NOUN AUX:was @ADJ",
    "PRON:they AUX:will @VERB PRON:it",
    "INTJ:oh",
)
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "NOUN": ("ness", "ment"),
    "VERB": ("ize", "ify"),
    "ADJ": ("ous", "ful"),
    "ADV": ("ly", "wise"),
}


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"tokens": [...], "tags": [...]}`` with universal tags.

    ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an unknown size or knob.
    """
    return generate_splits("pos", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    names = draw_names(stream, split, AMBIGUOUS, count=stream.around(knobs["length"]), unseen=knobs["unseen"])
    ambiguous = [name.lower() for name in names]
    others = draw_links(stream, ambiguous, knobs["referred"])
    shown = {word: stream.pick(tuple(INTRODUCTIONS)) for word in ambiguous if word not in others}
    tags = {word: shown[follow(word, others)] for word in ambiguous}
    tagged: list[tuple[str, str]] = []
    for word in ambiguous:
        if word in others:
            tagged += [(word.capitalize(), tags[word]), ("like", "ADP"), (others[word], tags[word]), (".", "PUNCT")]
        else:
            tagged += _write(stream.pick(INTRODUCTIONS[tags[word]]), (word, tags[word]), stream, split, knobs["noise"])
    for _ in range(max(0, stream.around(knobs["distance"]))):
        tagged += _write(stream.pick(FILLERS), ("", ""), stream, split, knobs["noise"])
    notes = [("Notes", "NOUN"), (":", "PUNCT")]
    for _ in range(max(0, stream.around(knobs["mentions"]))):
        word = stream.pick(ambiguous)
        notes.append((misspell([word], stream, knobs["noise"])[0], tags[word]))
    notes.append((".", "PUNCT"))
    tagged = tagged + notes if stream.chance(0.7) else notes + tagged
    return {"tokens": [word for word, _ in tagged], "tags": [tag for _, tag in tagged]}


def _write(template: str, word: tuple[str, str], stream: Stream, split: str, noise: float) -> list[tuple[str, str]]:
    """A sentence as pairs of token and tag: ``TAG:token``, ``*`` for the word, ``@TAG`` for an invented word."""
    sentence = []
    for part in template.split():
        if part == "*":
            sentence.append(word)
        elif part[0] == "@":
            stem = invent_name(stream, split).lower()
            sentence.append((stem + stream.pick(SUFFIXES[part[1:]]), part[1:]))
        else:
            tag, token = part.split(":")
            sentence.append((misspell([token], stream, noise)[0], tag))
    sentence[0] = (sentence[0][0].capitalize(), sentence[0][1])
    return [*sentence, (".", "PUNCT")]
