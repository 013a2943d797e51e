"""What does the speaker want? Twelve intents, several requests in a text, one of which counts.

Each text lists requests of several people ("Anna drop flight") and says, before or after them, whose request counts
("do Bob"), perhaps taking back another ("not Anna but Bob"). The intent is
what is to be done (book, cancel, change, price) with what (flight, hotel, car) for that person; all other requests
are there to mislead. Some requests are those of another ("Anna as Bob"). Verbs and objects have synonyms.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.generated.base import Knob, Row, Stream, Value, draw_links, follow, generate_splits, misspell, words

KNOBS: Mapping[str, Knob] = {
    "length": Knob(5, 1, 12, "requests in a text, on average"),
    "distance": Knob(1, 0, 12, "clauses without a request in a text, on average"),
    "noise": Knob(0.1, 0, 1, "share of the longer words that are misspelt"),
    "referred": Knob(0.35, 0, 0.9, "share of the requests that are said to be those of another person"),
    "cancelled": Knob(0.3, 0, 1, "share of the texts that name a request only to take it back"),
}

ACTIONS: Mapping[str, tuple[str, ...]] = {
    "book": ("book", "reserve", "order"),
    "cancel": ("cancel", "drop", "undo"),
    "change": ("change", "move", "shift"),
    "price": ("price", "quote", "value"),
}
OBJECTS: Mapping[str, tuple[str, ...]] = {
    "flight": ("flight", "plane", "ticket"),
    "hotel": ("hotel", "room", "suite"),
    "car": ("car", "taxi", "van"),
}
LABELS = tuple(f"{action}_{thing}" for action in ACTIONS for thing in OBJECTS)
PEOPLE = words("Anna Bob Carl Dora Emil Fay Gus Hana")
FILLERS = ("it is late", "we met today", "thanks a lot", "all is well")


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"text": str, "label": str}``, labels from ``LABELS``.

    ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an unknown size or knob.
    """
    return generate_splits("classification", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    count = min(len(PEOPLE) - 1, max(1, stream.around(knobs["length"])))
    people = stream.sample(PEOPLE, count)
    others = draw_links(stream, people, knobs["referred"])
    clauses = [[person, "as", other] for person, other in others.items()]
    intents = {}
    for person in people:
        if person not in others:
            action, thing = stream.pick(tuple(ACTIONS)), stream.pick(tuple(OBJECTS))
            clauses.append([person, stream.pick(ACTIONS[action]), stream.pick(OBJECTS[thing])])
            intents[person] = f"{action}_{thing}"
    label = intents[follow(people[0], others)]
    clauses += [stream.pick(FILLERS).split() for _ in range(max(0, stream.around(knobs["distance"])))]
    clauses = stream.shuffled(clauses)
    clauses.insert(0 if stream.chance(0.5) else len(clauses), _draw_choice(stream, people, knobs["cancelled"]))
    tokens = [word for clause in clauses for word in [*clause, "."]]
    return {"text": " ".join(misspell(tokens, stream, knobs["noise"])), "label": label}


def _draw_choice(stream: Stream, people: list[str], cancelled: float) -> list[str]:
    """The clause that says whose request counts: the first of ``people``."""
    if len(people) > 1 and stream.chance(cancelled):
        other = stream.pick(people[1:])
        if stream.chance(0.5):
            return ["not", other, "but", people[0]]
        return ["do", people[0], "not", other]
    return ["do", people[0]]
