"""English sentences with the errors that people make, to be written as they should be.

Errors: wrong forms (a verb that does not agree with its subject or with the time, a noun that does not with its number,
"a" for "an", a missing article, a wrong preposition, homophones), misspellings (neighbouring keys, transposed, doubled
and lost letters), doubled words, neighbours in the wrong order, words run together or torn apart, and disfluencies
("the cook no wait the baker", "you know"). A share of the sentences is right already.

What is right never depends on taste: the subject, with "the" and perhaps a modifier that is nearer to the verb than its
noun, decides about the verb's number, an adverb at one end of the sentence about its tense; objects have "a" or "an"
in the singular; each place and day has one preposition. Names are to be left as they are, and a share of them differs
between the splits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tasks.generated.base import (
    Knob,
    Row,
    Stream,
    Value,
    draw_names,
    generate_splits,
    words,
)

KNOBS: Mapping[str, Knob] = {
    "length": Knob(1.3, 1, 6, "clauses of a sentence, on average"),
    "distance": Knob(0.4, 0, 6, "modifiers between a subject and its verb, on average"),
    "noise": Knob(1.6, 0, 6, "errors of a sentence that is not right already, on average, but at least one"),
    "right": Knob(0.25, 0, 0.9, "share of the sentences without an error"),
    "disfluency": Knob(0.2, 0, 1, "share of the errors that are disfluencies"),
    "unseen": Knob(0.5, 0, 1, "share of the names that are invented, and differ between the splits"),
}

NAMES = words("Anna Bob Carl Dora Emil Fay Gina Hugo Irma Karl Lena Otto")
PEOPLE = words("farmer baker teacher doctor painter singer lawyer sailor")
THINGS = words("apple orange umbrella engine basket letter picture candle ticket blanket")
ADJECTIVES = words("old expensive small ugly heavy empty green broken")
VERBS: Mapping[str, tuple[str, str]] = {
    "buys": ("buy", "bought"),
    "sells": ("sell", "sold"),
    "takes": ("take", "took"),
    "finds": ("find", "found"),
    "writes": ("write", "wrote"),
    "sees": ("see", "saw"),
    "paints": ("paint", "painted"),
    "repairs": ("repair", "repaired"),
    "brings": ("bring", "brought"),
    "shows": ("show", "showed"),
}
"""Third person -> base, past."""
PLACES: Mapping[str, tuple[str, ...]] = {
    "in": words("garden kitchen library village"),
    "at": words("station airport market office"),
    "on": words("beach island roof farm"),
}
TIMES: Mapping[str, tuple[str, ...]] = {
    "present": ("every day", "these days", "on Mondays", "in summer", "at night"),
    "past": ("yesterday", "last week", "on Monday", "in 1990", "two days ago"),
}
PREPOSITIONS = ("in", "on", "at")
QUANTITIES = words("two three four many several")
HOMOPHONES: Mapping[str, tuple[str, ...]] = {
    "their": ("there", "they're"),
    "there": ("their",),
    "its": ("it's",),
    "too": ("to", "two"),
    "here": ("hear",),
}
REPAIRS = ("no wait", "I mean", "sorry", "or rather")
FILLERS = ("uh", "um", "you know", "well")
KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


class Slot(NamedTuple):
    """A word as it should be. ``wrong``: what may stand there by error; ``others``: what may be said and taken back."""

    text: str
    wrong: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    is_name: bool = False


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"source": str, "target": str}``, words between spaces.

    ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an unknown size or knob.
    """
    return generate_splits("correction", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    slots = _draw_sentence(stream, split, knobs)
    target = " ".join(slot.text for slot in slots)
    source = target
    errors = 0 if stream.chance(knobs["right"]) else max(1, stream.around(knobs["noise"]))
    # An error may leave a word as it is (two equal letters transposed), and a sentence is right only by choice.
    while errors and source == target:
        source = " ".join(_spoil(stream, slots, errors, knobs["disfluency"]))
    return {"source": source[0].upper() + source[1:], "target": target[0].upper() + target[1:]}


# What is right


def _draw_sentence(stream: Stream, split: str, knobs: Mapping[str, float]) -> list[Slot]:
    tense = stream.pick(tuple(TIMES))
    slots: list[Slot] = []
    for number in range(max(1, stream.around(knobs["length"]))):
        if number:
            slots += [Slot(","), Slot(stream.pick(("and", "but", "because")))]
        slots += _draw_clause(stream, split, knobs, tense)
    time = _time(stream.pick(TIMES[tense]))
    slots = [*time, Slot(","), *slots] if stream.chance(0.4) else [*slots, *time]
    return [*slots, Slot(".")]


def _time(phrase: str) -> list[Slot]:
    return [_preposition(word) if word in PREPOSITIONS else Slot(word) for word in phrase.split()]


def _draw_clause(stream: Stream, split: str, knobs: Mapping[str, float], tense: str) -> list[Slot]:
    subject, plural = _draw_subject(stream, split, knobs)
    third = stream.pick(tuple(VERBS))
    base, past = VERBS[third]
    forms = {verb: parts[1] if tense == "past" else parts[0] if plural else verb for verb, parts in VERBS.items()}
    form = forms[third]
    alternatives = tuple(other for other in forms.values() if other != form)
    verb = Slot(form, tuple(other for other in (third, base, past) if other != form), alternatives)
    clause = [*subject, verb, *_draw_object(stream)]
    if stream.chance(0.3):
        clause += _draw_company(stream, plural)
    if stream.chance(0.4):
        clause += _draw_place(stream)
    if stream.chance(0.15):
        clause.append(_homophone(stream.pick(("too", "here"))))
    return clause


def _draw_subject(stream: Stream, split: str, knobs: Mapping[str, float]) -> tuple[list[Slot], bool]:
    """A name, or "the" and a noun, with modifiers that may differ from it in number; and whether it is plural."""
    if stream.chance(0.3):
        (name,) = draw_names(stream, split, NAMES, count=1, unseen=knobs["unseen"])
        slots, plural = [Slot(name, others=tuple(known for known in NAMES if known != name), is_name=True)], False
    else:
        plural = stream.chance(0.5)
        slots = _the_people(stream, plural)
    for _ in range(max(0, stream.around(knobs["distance"]))):
        slots += [Slot("behind"), *_the_people(stream, stream.chance(0.5))]
    return slots, plural


def _the_people(stream: Stream, plural: bool) -> list[Slot]:
    forms = [f"{person}s" if plural else person for person in PEOPLE]
    person = stream.pick(forms)
    return [Slot("the", ("",)), Slot(person, others=tuple(form for form in forms if form != person))]


def _draw_object(stream: Stream) -> list[Slot]:
    """A number and a plural, or "a" or "an" and a singular; perhaps with an adjective between."""
    thing = stream.pick(THINGS)
    adjectives = [stream.pick(ADJECTIVES)] if stream.chance(0.5) else []
    if stream.chance(0.5):
        return [Slot(stream.pick(QUANTITIES)), *map(Slot, adjectives), Slot(f"{thing}s", (thing,))]
    article, other = ("an", "a") if [*adjectives, thing][0][0] in "aeiou" else ("a", "an")
    return [Slot(article, (other, "")), *map(Slot, adjectives), Slot(thing)]


def _draw_company(stream: Stream, plural: bool) -> list[Slot]:
    """Something that belongs to the subject, or to what is there: a place for homophones."""
    thing = stream.pick(THINGS)
    if plural:
        return [Slot("with"), _homophone("their"), Slot(f"{thing}s")]
    return [Slot("with"), _homophone("its"), Slot(thing)] if stream.chance(0.3) else [Slot("over"), _homophone("there")]


def _draw_place(stream: Stream) -> list[Slot]:
    preposition = stream.pick(PREPOSITIONS)
    place = stream.pick(PLACES[preposition])
    return [_preposition(preposition), Slot("the", ("",)), Slot(place)]


def _preposition(right: str) -> Slot:
    return Slot(right, tuple(other for other in PREPOSITIONS if other != right))


def _homophone(right: str) -> Slot:
    return Slot(right, HOMOPHONES[right])


# What goes wrong


def _spoil(stream: Stream, slots: Sequence[Slot], errors: int, disfluency: float) -> list[str]:
    """The words of the sentence with errors in different places, as many as find one."""
    written = [[slot.text] for slot in slots]
    free = set(range(len(slots) - 1))  # the full stop stays
    for _ in range(errors):
        spoil = stream.pick(DISFLUENCIES if stream.chance(disfluency) else SLIPS)
        for place in stream.shuffled(sorted(free)):
            groups = spoil(stream, slots[place : place + 2])
            taken = {place + offset for offset in range(len(groups))}
            if groups and taken <= free:
                written[place : place + len(groups)] = groups
                free -= taken
                break
    return [word for group in written for word in group if word]


# Each reads a word and the next one, and gives what is written for one or both of them; nothing if it does not apply.
Spoil = Callable[[Stream, Sequence[Slot]], list[list[str]]]


def _confuse(stream: Stream, slots: Sequence[Slot]) -> list[list[str]]:
    return [[stream.pick(slots[0].wrong)]] if slots[0].wrong else []


def _misspell(stream: Stream, slots: Sequence[Slot]) -> list[list[str]]:
    word = slots[0].text
    if not _is_plain(slots[0], longer_than=3):
        return []
    at = 1 + stream.below(len(word) - 2)
    kind = stream.below(4)
    if kind == 0:
        return [[word[:at] + _neighbour(stream, word[at]) + word[at + 1 :]]]
    if kind == 1:
        return [[word[:at] + word[at + 1] + word[at] + word[at + 2 :]]]
    return [[word[:at] + (word[at] * 2 if kind == 2 else "") + word[at + 1 :]]]


def _neighbour(stream: Stream, letter: str) -> str:
    """A letter beside this one on the keyboard."""
    (row,) = [keys for keys in KEYS if letter in keys]
    at = row.index(letter)
    return stream.pick(row[max(0, at - 1) : at] + row[at + 1 : at + 2])


def _double(stream: Stream, slots: Sequence[Slot]) -> list[list[str]]:
    return [[slots[0].text, slots[0].text]] if slots[0].text.isalpha() else []


def _swap(stream: Stream, slots: Sequence[Slot]) -> list[list[str]]:
    first, second = slots
    return [[second.text], [first.text]] if first.text.isalpha() and second.text.isalpha() else []


def _merge(stream: Stream, slots: Sequence[Slot]) -> list[list[str]]:
    return [[slots[0].text + slots[1].text], []] if _is_plain(slots[0]) and _is_plain(slots[1]) else []


def _split(stream: Stream, slots: Sequence[Slot]) -> list[list[str]]:
    word = slots[0].text
    if not _is_plain(slots[0], longer_than=5):
        return []
    at = 2 + stream.below(len(word) - 3)
    return [[word[:at], word[at:]]]


def _repair(stream: Stream, slots: Sequence[Slot]) -> list[list[str]]:
    slot = slots[0]
    return [[stream.pick(slot.others), *stream.pick(REPAIRS).split(), slot.text]] if slot.others else []


def _hesitate(stream: Stream, slots: Sequence[Slot]) -> list[list[str]]:
    return [[*stream.pick(FILLERS).split(), slots[0].text]]


def _is_plain(slot: Slot, *, longer_than: int = 1) -> bool:
    """Whether a word is spelt with small letters only and is no name."""
    return len(slot.text) > longer_than and not slot.is_name and slot.text.isalpha() and slot.text.islower()


# Wrong forms are of many kinds (verbs, articles, prepositions, homophones), so they come more often.
SLIPS: tuple[Spoil, ...] = (_confuse, _confuse, _confuse, _misspell, _misspell, _double, _swap, _merge, _split)
DISFLUENCIES: tuple[Spoil, ...] = (_repair, _repair, _hesitate)
