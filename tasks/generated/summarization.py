"""News in which a cue says what matters: one or two facts are to be told again, shortly, among others like them.

Each sentence of a document tells who did what to how many things, with adjectives, places and days around it, in the
active or the passive. A fact matters if a cue says so in its sentence ("above all , …"), in the one before ("remember
this :") or in the one after ("this was the big news ."). Cues of the opposite kind ("by the way , …") stand at other
facts, and where a fact stands says nothing. The summary tells the facts that matter, in their order, by person, verb,
number and thing alone; two facts about one person make one sentence; verbs of one meaning become one verb.

Persons and numbers have to be copied: one person and one kind of thing may occur in several facts of a document, and a
share of the names and of the large numbers differs between the splits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tasks.generated.base import (
    Knob,
    Row,
    Stream,
    Value,
    draw_names,
    generate_splits,
    misspell,
    owner,
    words,
)

KNOBS: Mapping[str, Knob] = {
    "length": Knob(4, 2, 16, "facts of a document, on average"),
    "distance": Knob(1, 0, 12, "sentences without a fact in a document, on average"),
    "noise": Knob(0.02, 0, 1, "share of the longer words outside names that are misspelt in the document"),
    "unseen": Knob(0.5, 0, 1, "share of the names and numbers that differ between the splits"),
    "pairs": Knob(0.4, 0, 1, "share of the documents with two facts that matter"),
    "decoys": Knob(0.4, 0, 1, "share of the other facts with a cue that they do not matter"),
}

NAMES = words("Anna Bob Carl Dora Emil Fay Gina Hugo Irma Karl Lena Otto")
VERBS: Mapping[str, tuple[str, ...]] = {
    "bought": ("bought", "purchased", "acquired"),
    "sold": ("sold", "marketed"),
    "lost": ("lost", "misplaced"),
    "found": ("found", "discovered"),
    "broke": ("damaged", "smashed"),
    "sent": ("sent", "mailed", "shipped"),
}
THINGS = words("boats books chairs clocks coins horses lamps letters rings shoes tables tickets")
ADJECTIVES = words("old new red small cheap heavy rare painted")
PLACES = words("Oslo Rome Lima Cairo Delhi Boston Kyoto Dublin")
DAYS = words("Monday Tuesday Thursday Friday Sunday")
JOBS = words("teacher baker lawyer farmer doctor painter")

TEMPLATES = (
    "{p} {v} {n} {a} {t} in {c} on {d}",
    "{p} , a {j} from {c} , {v} {n} {t}",
    "on {d} {p} the {j} {v} {n} {a} {t}",
    "in {c} {n} {a} {t} were {v} by {p}",
    "on {d} {n} {t} were {v} by {p} from {c}",
)
"""p person, v verb, n number, t thing: told again; a adjective, c city, d day, j job: left out."""
FILLERS = (
    "it rained in {c} on {d} .",
    "the {j} in {c} said nothing .",
    "prices rose again on {d} .",
    "more news follows on {d} .",
)
# What matters, what does not: in the sentence, before it, after it.
CUES_WITHIN = (("above all ,", "most of all ,", "crucially ,"), ("by the way ,", "as usual ,", "of course ,"))
CUES_BEFORE = (("remember this :", "now the main point :"), ("forget this :", "now a side note :"))
CUES_AFTER = (("this was the big news .", "everybody talked about it ."), ("this was no news .", "nobody cared ."))


class Fact(NamedTuple):
    """Who did what to how many of which things."""

    person: str
    verb: str
    number: str
    thing: str


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"source": str, "target": str}``, words between spaces.

    ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an unknown size or knob.
    """
    return generate_splits("summarization", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    facts = _draw_facts(stream, split, knobs)
    matter = stream.sample(range(len(facts)), 2 if stream.chance(knobs["pairs"]) else 1)
    names = {fact.person for fact in facts}
    sentences = []
    for index, fact in enumerate(facts):
        cued = index in matter or stream.chance(knobs["decoys"])
        sentences.append(_tell(stream, fact, cue=(index not in matter) if cued else None))
    for _ in range(max(0, stream.around(knobs["distance"]))):
        sentences.insert(stream.below(len(sentences) + 1), _fill(stream, stream.pick(FILLERS)))
    tokens = [token for sentence in sentences for token in sentence.split()]
    written = [token if token in names else misspell([token], stream, knobs["noise"])[0] for token in tokens]
    return {"source": " ".join(written), "target": summary_of([facts[index] for index in sorted(matter)])}


def summary_of(facts: list[Fact]) -> str:
    """One or two facts in short: one sentence if they are about one person."""
    first, *others = [f"{fact.verb} {fact.number} {fact.thing}" for fact in facts]
    if not others:
        return f"{facts[0].person} {first} ."
    joint = "and" if facts[0].person == facts[1].person else f". {facts[1].person}"
    return f"{facts[0].person} {first} {joint} {others[0]} ."


def _draw_facts(stream: Stream, split: str, knobs: Mapping[str, float]) -> list[Fact]:
    """At least two facts about fewer persons, with different numbers."""
    count = max(2, stream.around(knobs["length"]))
    persons = draw_names(stream, split, NAMES, count=1 + count // 2, unseen=knobs["unseen"])
    facts: list[Fact] = []
    while len(facts) < count:
        number = _draw_number(stream, split, knobs["unseen"])
        if number not in {fact.number for fact in facts}:
            facts.append(Fact(stream.pick(persons), stream.pick(tuple(VERBS)), number, stream.pick(THINGS)))
    return facts


def _draw_number(stream: Stream, split: str, unseen: float) -> str:
    """A number below 40 that every split has, or a larger one that only this split has."""
    if not stream.chance(unseen):
        return str(2 + stream.below(38))
    while True:
        number = str(100 + stream.below(900))
        if owner(number) == split:
            return number


def _tell(stream: Stream, fact: Fact, *, cue: int | None) -> str:
    """The sentence of a fact, with a cue that it matters (0), that it does not (1), or none."""
    person, verb, number, thing = fact
    template = stream.pick(TEMPLATES).replace("{p}", person).replace("{n}", number).replace("{t}", thing)
    sentence = _fill(stream, template.replace("{v}", stream.pick(VERBS[verb])))
    if cue is None:
        return f"{sentence} ."
    kind = stream.below(3)
    if kind == 0:
        return f"{stream.pick(CUES_WITHIN[cue])} {sentence} ."
    if kind == 1:
        return f"{stream.pick(CUES_BEFORE[cue])} {sentence} ."
    return f"{sentence} . {stream.pick(CUES_AFTER[cue])}"


def _fill(stream: Stream, template: str) -> str:
    """The template with adjectives, cities, days and jobs."""
    for mark, inventory in (("{a}", ADJECTIVES), ("{c}", PLACES), ("{d}", DAYS), ("{j}", JOBS)):
        template = template.replace(mark, stream.pick(inventory))
    return template
