"""Opinions about many aspects, of which one is asked for: five ordered labels.

A text judges several aspects in different ways, and asks about one of them before or after ("about
screen"). The label is the judgement of that aspect alone. A judgement is compositional: adjectives have a value of
-2 … 2, "very" strengthens, "rather" weakens, "not" turns a mild value round and leaves nothing of a strong one,
and of two judgements joined by contrast the one that outweighs counts ("good but very slow", "slow though good").
Some aspects are judged as another one is ("price like room").

Some pairs of modifier and adjective occur in validation and test only, so that a label cannot be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

from tasks.generated.base import Knob, Row, Stream, Value, draw_links, follow, generate_splits, misspell, words

KNOBS: Mapping[str, Knob] = {
    "length": Knob(4.5, 1, 12, "aspects judged in a text, on average"),
    "distance": Knob(0.5, 0, 12, "clauses without a judgement in a text, on average"),
    "noise": Knob(0.02, 0, 1, "share of the longer words that are misspelt"),
    "negation": Knob(0.3, 0, 0.9, "share of the phrases tried with a negation; the label decides which ones fit"),
    "contrast": Knob(0.25, 0, 1, "share of the judgements that are two in contrast"),
    "compared": Knob(0.4, 0, 0.9, "share of the aspects that are judged by reference to another one"),
    "unseen": Knob(0.15, 0, 0.5, "share of the pairs of modifier and adjective kept out of train"),
}

LABELS = ("very negative", "negative", "neutral", "positive", "very positive")

ASPECTS = words("screen battery camera price room food")
ADJECTIVES: Mapping[str, int] = {
    **dict.fromkeys(words("superb excellent"), 2),
    **dict.fromkeys(words("good nice"), 1),
    **dict.fromkeys(words("average ordinary"), 0),
    **dict.fromkeys(words("bad poor"), -1),
    **dict.fromkeys(words("awful terrible"), -2),
}
STRONGER = ("very", "really")
WEAKER = ("rather", "fairly")
NEGATIONS = ("not", "never")
BUT = ("but", "yet")
THOUGH = ("though", "although")
FILLERS = ("it took long", "we went twice", "my sister came", "rain fell")
QUESTIONS = (
    "about {a}",
    "judge {a}",
)


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"text": str, "label": str}``, labels from ``LABELS``.

    ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an unknown size or knob.
    """
    return generate_splits("sentiment", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def value_of(phrase: Sequence[str]) -> int:
    """The value -2 … 2 of a modified adjective such as ``["not", "very", "good"]``.

    Read from the right: "very" moves a value other than 0 one step out, "rather" one step in but not to 0, and a
    negation turns ±1 into ∓1 and anything else into 0.
    """
    *modifiers, adjective = phrase
    value = ADJECTIVES[adjective]
    for modifier in reversed(modifiers):
        sign = (value > 0) - (value < 0)
        if modifier in STRONGER:
            value = 2 * sign
        elif modifier in WEAKER:
            value = sign
        else:
            value = -value if abs(value) == 1 else 0
    return value


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    aspects = stream.sample(ASPECTS, min(len(ASPECTS), max(1, stream.around(knobs["length"]))))
    wanted = stream.below(5) - 2
    others = draw_links(stream, aspects, knobs["compared"])
    clauses = [[aspect, "like", other] for aspect, other in others.items()]
    decisive = follow(aspects[0], others)
    for aspect in aspects:
        if aspect not in others:
            judgement = _draw_judgement(stream, split, knobs, wanted if aspect == decisive else None)
            clauses.append([aspect, *judgement])
    clauses += [stream.pick(FILLERS).split() for _ in range(max(0, stream.around(knobs["distance"])))]
    clauses = stream.shuffled(clauses)
    question = stream.pick(QUESTIONS).replace("{a}", aspects[0]).split()
    clauses.insert(0 if stream.chance(0.5) else len(clauses), question)
    tokens = [word for clause in clauses for word in [*clause, "."]]
    return {"text": " ".join(misspell(tokens, stream, knobs["noise"])), "label": LABELS[wanted + 2]}


def _draw_judgement(stream: Stream, split: str, knobs: Mapping[str, float], wanted: int | None) -> list[str]:
    """The words of a judgement with the value ``wanted`` (any value if None)."""
    target = stream.below(5) - 2 if wanted is None else wanted
    phrase = _draw_phrase(stream, split, knobs, target)
    if not stream.chance(knobs["contrast"]):
        return phrase
    other = _draw_phrase(stream, split, knobs, stream.pick([value for value in range(-2, 3) if value != target]))
    if stream.chance(0.5):
        return [*other, stream.pick(BUT), *phrase]
    return [*phrase, stream.pick(THOUGH), *other]


def _draw_phrase(stream: Stream, split: str, knobs: Mapping[str, float], target: int) -> list[str]:
    """An adjective with modifiers that has the value ``target``."""
    adjectives = tuple(ADJECTIVES)
    negated = stream.chance(knobs["negation"])
    while True:
        phrase = [stream.pick(adjectives)]
        kind = stream.below(3)
        if kind:
            phrase.insert(0, stream.pick(STRONGER if kind == 1 else WEAKER))
        if negated:
            phrase.insert(0, stream.pick(NEGATIONS))
        if value_of(phrase) == target and (split != "train" or not held_out(phrase, knobs["unseen"])):
            return phrase
        negated = stream.chance(knobs["negation"])


def held_out(phrase: Sequence[str], share: float) -> bool:
    """True if a modified adjective is one of the ``share`` that never occurs in train."""
    return len(phrase) > 1 and crc32(" ".join(phrase).encode()) % 1000 < 1000 * share
