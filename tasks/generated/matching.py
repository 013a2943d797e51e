"""Does the second text follow from the first? Entailment, contradiction or neutral.

The first text states facts about several people, where they are and what they have, and says who it is about. The
second asserts or denies one fact about that person in other words (synonyms), as "X". It follows, is
excluded (everyone is in one place, and has one thing), or is left open: the first text says nothing about this
property of this person, though it does about others. Some facts are told by way of another person ("Bob like
Anna"), so that the first text has to be put together before it can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.generated.base import Knob, Row, Stream, Value, generate_splits, misspell, words

KNOBS: Mapping[str, Knob] = {
    "length": Knob(4, 1, 12, "people with a fact each in the first text, on average"),
    "distance": Knob(0.25, 0, 12, "clauses without a fact in the first text, on average"),
    "noise": Knob(0.1, 0, 1, "share of the longer words that are misspelt"),
    "shared": Knob(0.5, 0, 1, "share of the facts that are told by way of another person, where one can be"),
    "negation": Knob(0.15, 0, 1, "share of the second texts that deny a fact"),
}

LABELS = ("entailment", "contradiction", "neutral")

PEOPLE = words("Anna Bob Carl Dora Emil Fay")
PROPERTIES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "at": {"kitchen": ("kitchen", "stove"), "garden": ("garden", "lawn"), "cellar": ("cellar", "basement")},
    "has": {"dog": ("dog", "puppy"), "book": ("book", "novel"), "cake": ("cake", "pie")},
}
SHARED: Mapping[str, str] = {"at": "with", "has": "like"}
FILLERS = ("it is late", "doors open", "the radio plays", "rain falls")


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"text_a": str, "text_b": str, "label": str}``.

    Labels are those of ``LABELS``. ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an
    unknown size or knob.
    """
    return generate_splits("matching", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    label = stream.pick(LABELS)
    people = stream.sample(PEOPLE, min(len(PEOPLE), max(1, stream.around(knobs["length"]))))
    asked, other = stream.shuffled(tuple(PROPERTIES))
    topic = (people[0], other if label == "neutral" else asked)
    told = [topic, *((person, stream.pick((asked, other))) for person in people[1:])]
    facts, clauses = _tell(stream, stream.shuffled(told), knobs["shared"])
    clauses += [stream.pick(FILLERS).split() for _ in range(max(0, stream.around(knobs["distance"])))]
    clauses = stream.shuffled(clauses)
    clauses.insert(0 if stream.chance(0.5) else len(clauses), ["about", people[0]])
    claim = _draw_claim(stream, asked, facts.get((people[0], asked), ""), label, knobs["negation"])
    tokens = [word for clause in clauses for word in [*clause, "."]]
    return {
        "text_a": " ".join(misspell(tokens, stream, knobs["noise"])),
        "text_b": " ".join(misspell([*claim, "."], stream, knobs["noise"])),
        "label": label,
    }


def _tell(
    stream: Stream, chosen: list[tuple[str, str]], shared: float
) -> tuple[dict[tuple[str, str], str], list[list[str]]]:
    """A value for each pair of person and property, and the clauses that tell them."""
    values: dict[tuple[str, str], str] = {}
    clauses: list[list[str]] = []
    direct: list[tuple[str, str]] = []
    for person, verb in chosen:
        others = [name for name, told in direct if told == verb]
        if others and stream.chance(shared):
            other = stream.pick(others)
            values[person, verb] = values[other, verb]
            clauses.append([person, SHARED[verb], other])
        else:
            values[person, verb] = stream.pick(tuple(PROPERTIES[verb]))
            direct.append((person, verb))
            clauses.append([person, stream.pick(PROPERTIES[verb][values[person, verb]])])
    return values, clauses


def _draw_claim(stream: Stream, verb: str, value: str, label: str, negation: float) -> list[str]:
    """The words of a claim about X that has this label where the true value is ``value`` (empty if it is not told)."""
    denied = stream.chance(negation)
    if label == "neutral":
        claimed = stream.pick(tuple(PROPERTIES[verb]))
    elif (label == "entailment") == denied:
        claimed = stream.pick([other for other in PROPERTIES[verb] if other != value])
    else:
        claimed = value
    return ["X", *(["not"] if denied else []), verb, stream.pick(PROPERTIES[verb][claimed])]
