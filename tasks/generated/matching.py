"""Does the second text follow from the first? Entailment, contradiction or neutral.

The first text states several facts: where people are, what they have, how they feel. The second asserts or denies
one fact about one person in other words (synonyms). It follows, is excluded, or is left open: the first text
says nothing about this property of this person. Facts may be denied in the first text too, which excludes only
the same value, and people may share the state of another ("Bob is with Anna").
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.generated.base import Knob, Row, Stream, Value, generate_splits, misspell, words

KNOBS: Mapping[str, Knob] = {
    "length": Knob(3, 1, 12, "facts in the first text, on average"),
    "distance": Knob(0.5, 0, 12, "clauses without a fact in the first text, on average"),
    "noise": Knob(0.02, 0, 1, "share of the longer words that are misspelt"),
    "negation": Knob(0.15, 0, 1, "share of the second texts that deny a fact"),
}

LABELS = ("entailment", "contradiction", "neutral")

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
    facts = [(person, verb, stream.pick(tuple(PROPERTIES[verb]))) for person, verb in chosen]
    asserted, denied = _draw_claim(stream, facts, label, knobs["negation"])
    clauses = [_say(fact, stream, denied=False) for fact in facts[:count]]
    clauses += [stream.pick(FILLERS).split() for _ in range(max(0, stream.around(knobs["distance"])))]
    tokens = [word for clause in stream.shuffled(clauses) for word in [*clause, "."]]
    return {
        "text_a": " ".join(misspell(tokens, stream, knobs["noise"])),
        "text_b": " ".join(misspell(_say(asserted, stream, denied=denied), stream, knobs["noise"])) + " .",
        "label": label,
    }


def _draw_claim(
    stream: Stream, facts: list[tuple[str, str, str]], label: str, negation: float
) -> tuple[tuple[str, str, str], bool]:
    """A claim with this label, and whether it denies; the last of the facts is the one that is not told."""
    denied = stream.chance(negation)
    if label == "neutral":
        return facts[-1], denied
    person, verb, value = facts[stream.below(len(facts) - 1)]
    if (label == "entailment") == denied:
        value = stream.pick([other for other in PROPERTIES[verb] if other != value])
    return (person, verb, value), denied


def _say(fact: tuple[str, str, str], stream: Stream, *, denied: bool) -> list[str]:
    person, verb, value = fact
    return [person, verb, *(["not"] if denied else []), *stream.pick(PROPERTIES[verb][value]).split()]
