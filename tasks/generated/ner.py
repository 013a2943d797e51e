"""Names whose type is said once, and has to be remembered: PER, LOC, ORG and MISC in BIO tags.

Each text introduces several names, some of them twice ("the river Jordan came", "Jordan , bank"), and mentions them
again in sentences that fit every type ("we like Jordan"). Any name takes any type from one text to the next, so that a
repeated mention can only be typed by finding an introduction of the same name among its competitors; some names are
introduced as another one ("Jordan , as Paris"), whose own introduction has to be found in turn. A share of
the names is invented and differs between the splits: they are unseen at test time, and have to be matched by
their spelling, which mentions may get wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.generated.base import (
    Knob,
    Row,
    Stream,
    Value,
    draw_links,
    draw_names,
    follow,
    generate_splits,
    misspell,
    words,
)

KNOBS: Mapping[str, Knob] = {
    "length": Knob(4.5, 1, 12, "names competing in a text, on average"),
    "distance": Knob(0.5, 0, 12, "sentences without names between introductions and mentions, on average"),
    "noise": Knob(0.1, 0, 1, "share of the longer words that are misspelt, other than names introduced"),
    "again": Knob(0.3, 0, 1, "share of the names that are introduced a second time"),
    "alias": Knob(0.15, 0, 0.9, "share of the names that are only introduced as another name of the text"),
    "mentions": Knob(4, 0, 24, "repeated mentions in a text, on average"),
    "unseen": Knob(0.5, 0, 1, "share of the names that are invented, and differ between the splits"),
    "lowercase": Knob(0.2, 0, 1, "share of the mentions written in lower case"),
    "cataphora": Knob(0.15, 0, 1, "share of the mentions that stand before the introduction"),
}

NAMES = words(
    "Jordan Paris Washington Sydney Florence Virginia Austin Dallas Chelsea Lincoln Houston Madison Georgia Carolina "
    "Phoenix Victoria Chester Preston Bradford Hudson Lourdes Savannah Brooklyn Verona Siena Vienna Milan Orlando "
    "Morgan Hilton Ford Dell Disney Wells Mercedes Siemens Benz Ferrero Chanel Boss "
    "Amber Emma Hamlet Ulysses Rebecca Carmen Evita Apollo Mercury Saturn"
)
SURNAMES = words("Hill Lake Brook Stone Field Marsh Ridge Cross Banks Wood")

INTRODUCTIONS = ("{c} * .", "* , {c} .", "the {c} * came .")
CUES: Mapping[str, tuple[str, ...]] = {
    "PER": words("teacher doctor singer painter farmer judge"),
    "LOC": words("river village town valley island harbour"),
    "ORG": words("bank company club airline party union"),
    "MISC": words("novel film song opera poem magazine"),
}
MENTIONS = ("then * .", "we like * .", "* again .", "about * too .")
FILLERS = (
    "no {c} on {d} .",
    "a {c} came .",
)
DAYS = ("Monday", "Tuesday", "Friday", "Sunday")


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"tokens": [...], "tags": [...]}`` with tags in BIO.

    ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an unknown size or knob.
    """
    return generate_splits("ner", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    entities, aliases = _draw_entities(stream, split, knobs)
    before: list[tuple[str, int | None]] = []
    after: list[tuple[str, int | None]] = []
    for _ in range(max(0, stream.around(knobs["mentions"]))):
        place = before if stream.chance(knobs["cataphora"]) else after
        place.append((stream.pick(MENTIONS), stream.below(len(entities))))
    introductions = _introduce(entities, aliases, stream, knobs["again"])
    fillers = [(_draw_filler(stream), None) for _ in range(max(0, stream.around(knobs["distance"])))]
    introduced = len(before)
    tokens: list[str] = []
    tags: list[str] = []
    for position, (template, index) in enumerate([*before, *introductions, *fillers, *after]):
        name, kind = entities[index] if index is not None else ([], "")
        is_introduction = introduced <= position < introduced + len(introductions)
        shown = name if is_introduction else _draw_mention(name, stream, knobs)
        _write(template, shown, kind, tokens, tags, stream, knobs["noise"])
    return {"tokens": tokens, "tags": tags}


def _draw_entities(
    stream: Stream, split: str, knobs: Mapping[str, float]
) -> tuple[list[tuple[list[str], str]], dict[int, int]]:
    """Different names, each of one or two tokens, with a type; and which of them are aliases of which, by number."""
    firsts = draw_names(stream, split, NAMES, count=stream.around(knobs["length"]), unseen=knobs["unseen"])
    names = [[first, stream.pick(SURNAMES)] if stream.chance(0.3) else [first] for first in firsts]
    kinds = [stream.pick(tuple(CUES)) for _ in names]
    aliases = draw_links(stream, range(len(names)), knobs["alias"])
    return [(name, kinds[follow(number, aliases)]) for number, name in enumerate(names)], aliases


def _introduce(
    entities: list[tuple[list[str], str]], aliases: Mapping[int, int], stream: Stream, again: float
) -> list[tuple[str, int | None]]:
    """The sentences that introduce each name once or twice: by a cue, or as ("Jordan , as Paris .") another name."""
    sentences: list[list[tuple[str, int | None]]] = []
    for number, (_, kind) in enumerate(entities):
        for _ in range(1 + stream.chance(again)):
            if number in aliases:
                sentences.append([("* , as", number), ("* .", aliases[number])])
            else:
                sentences.append([(stream.pick(INTRODUCTIONS).replace("{c}", stream.pick(CUES[kind])), number)])
    return [part for sentence in stream.shuffled(sentences) for part in sentence]


def _draw_mention(name: list[str], stream: Stream, knobs: Mapping[str, float]) -> list[str]:
    """The name as it is repeated: perhaps without its second token, misspelt or in lower case."""
    shown = misspell(name[:1] if stream.chance(0.5) else name, stream, knobs["noise"])
    return [token.lower() for token in shown] if stream.chance(knobs["lowercase"]) else shown


def _draw_filler(stream: Stream) -> str:
    cue = stream.pick(CUES[stream.pick(tuple(CUES))])
    return stream.pick(FILLERS).replace("{d}", stream.pick(DAYS)).replace("{c}", cue)


def _write(
    template: str, name: Sequence[str], kind: str, tokens: list[str], tags: list[str], stream: Stream, noise: float
) -> None:
    """Append a sentence to ``tokens`` and ``tags``; the place of the name is marked ``*``."""
    words = template.split()
    if words[0] != "*":
        words[0] = words[0].capitalize()
    for word in misspell(words, stream, noise):
        if word == "*":
            tokens.extend(name)
            tags.extend([f"B-{kind}"] + [f"I-{kind}"] * (len(name) - 1))
        else:
            tokens.append(word)
            tags.append("O")
