"""Does the second text follow from the first? Entailment, contradiction or neutral.

The first text states several facts: where people are and what they have. The second asserts or denies one fact about
one person in other words (synonyms). It follows, is excluded (everyone is in one place, and has one thing), or is
left open: the first text says nothing about this property of this person. Some facts are told by way of another
person ("Bob is with Anna", "Carl has the same as Dora"), so that the first text has to be put together before it can
be compared.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.generated.base import Knob, Row, Stream, Value, generate_splits, misspell, words

KNOBS: Mapping[str, Knob] = {
    "length": Knob(3, 1, 12, "facts in the first text, on average"),
    "distance": Knob(0.5, 0, 12, "clauses without a fact in the first text, on average"),
    "noise": Knob(0.02, 0, 1, "share of the longer words that are misspelt"),
    "shared": Knob(0.35, 0, 1, "share of the facts that are told by way of another person, where one can be"),
    "negation": Knob(0.15, 0, 1, "share of the second texts that deny a fact"),
}

LABELS = ("entailment", "contradiction", "neutral")

Fact = tuple[str, str, str]
"""Who, is or has, what."""

PEOPLE = words("Anna Bob Carl Dora Emil Fay")
PROPERTIES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "is": {
        "kitchen": ("in the kitchen", "at the stove"),
        "garden": ("in the garden", "on the lawn"),
        "cellar": ("in the cellar", "below ground"),
    },
    "has": {
        "dog": ("a dog", "a puppy"),
        "book": ("a book", "a novel"),
        "cake": ("a cake", "a pie"),
    },
}
SHARED: Mapping[str, str] = {"is": "with", "has": "the same as"}
FILLERS = ("it is late", "the door is open", "the radio is on", "rain is falling")


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"text_a": str, "text_b": str, "label": str}``.

    Labels are those of ``LABELS``. ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an
    unknown size or knob.
    """
    return generate_splits("matching", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    label = stream.pick(LABELS)
    places = [(person, verb) for person in PEOPLE for verb in PROPERTIES]
    count = min(len(places) - 1, max(1, stream.around(knobs["length"])))
    chosen = stream.sample(places, count + 1)
    facts, clauses = _tell(stream, chosen, knobs["shared"])
    asserted, denied = _draw_claim(stream, facts, label, knobs["negation"])
    clauses = clauses[:count]
    clauses += [stream.pick(FILLERS).split() for _ in range(max(0, stream.around(knobs["distance"])))]
    tokens = [word for clause in stream.shuffled(clauses) for word in [*clause, "."]]
    return {
        "text_a": " ".join(misspell(tokens, stream, knobs["noise"])),
        "text_b": " ".join(misspell(_say(asserted, stream, denied=denied), stream, knobs["noise"])) + " .",
        "label": label,
    }


def _tell(stream: Stream, chosen: list[tuple[str, str]], shared: float) -> tuple[list[Fact], list[list[str]]]:
    """A fact for each pair of person and verb, and the clause that tells it."""
    facts: list[Fact] = []
    clauses: list[list[str]] = []
    direct: list[Fact] = []
    for person, verb in chosen:
        others = [fact for fact in direct if fact[1] == verb]
        if others and stream.chance(shared):
            other, _, value = stream.pick(others)
            clauses.append([person, verb, *SHARED[verb].split(), other])
        else:
            value = stream.pick(tuple(PROPERTIES[verb]))
            direct.append((person, verb, value))
            clauses.append(_say(direct[-1], stream, denied=False))
        facts.append((person, verb, value))
    return facts, clauses


def _draw_claim(stream: Stream, facts: list[Fact], label: str, negation: float) -> tuple[Fact, bool]:
    """A claim with this label, and whether it denies; the last of the facts is the one that is not told."""
    denied = stream.chance(negation)
    if label == "neutral":
        return facts[-1], denied
    person, verb, value = facts[stream.below(len(facts) - 1)]
    if (label == "entailment") == denied:
        value = stream.pick([other for other in PROPERTIES[verb] if other != value])
    return (person, verb, value), denied


def _say(fact: Fact, stream: Stream, *, denied: bool) -> list[str]:
    person, verb, value = fact
    return [person, verb, *(["not"] if denied else []), *stream.pick(PROPERTIES[verb][value]).split()]
