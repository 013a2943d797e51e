"""From a simple English into an invented language whose words stand elsewhere and agree with words far away.

The language puts the verb last ("the dog see a cat" -> dog cat see), adjectives after their noun, modifiers and
possessors before theirs ("the dog with a hat" -> hat with dog), postpositions for prepositions, and a clause with
"because" or "when" before the one it explains. In a question the verb comes first.

What English leaves open is decided elsewhere in the sentence: articles, adjectives and verbs take the ending of
their noun's class (-o, -a, -e, plural -i), articles that of its role; the tense follows from an adverb that begins or
ends the sentence; "it" has the class of the subject before; and nouns with two meanings ("bank") follow the only kind
of places named in the sentence. Names are copied, and a share of them differs between the splits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tasks.generated.base import (
    Knob,
    Row,
    Stream,
    Value,
    draw_names,
    generate_splits,
    misspell,
    words,
)

KNOBS: Mapping[str, Knob] = {
    "length": Knob(1.4, 1, 6, "clauses of a sentence, on average"),
    "distance": Knob(0.2, 0, 6, "modifiers between a clause's subject and its verb, on average"),
    "noise": Knob(0.02, 0, 1, "share of the longer words outside names that are misspelt in the source"),
    "ambiguity": Knob(0.3, 0, 1, "share of the nouns that have two meanings, in sentences that name a place"),
    "names": Knob(0.2, 0, 1, "share of the subjects and objects that are names"),
    "unseen": Knob(0.3, 0, 1, "share of the names that are invented, and differ between the splits"),
    "pronouns": Knob(0.25, 0, 1, "share of the later clauses whose subject is the one before, as a pronoun"),
    "questions": Knob(0.2, 0, 1, "share of the sentences that ask"),
}


def lexicon(text: str) -> dict[str, str]:
    """A dictionary written as "dog kelo, cat mira": English, then the invented word or its stem."""
    pairs = [pair.split() for pair in text.split(", ")]
    return {pair[0]: pair[1] for pair in pairs}


NAMES = words("Anna Bob Carl Dora Emil Fay Gina Hugo")
NOUNS = lexicon(
    "dog kelo, farmer brando, book tivo, hat shupo, letter morko, cat mira, teacher olva, cup dresha, apple puna, "
    "coin vekka, horse zate, friend lume, chair gorbe, flower tine, boat frave"
)
AMBIGUOUS: Mapping[str, Mapping[str, str]] = {
    "wild": lexicon("bat nokta, crane grue, seal foko, spring fonte, bank riva"),
    "town": lexicon("bat kluvo, crane lifta, seal stampe, spring rizo, bank monete"),
}
PLACES: Mapping[str, Mapping[str, str]] = {
    "wild": lexicon("forest selva, river ruvo, lake mere, hill dune"),
    "town": lexicon("office biro, street vorta, school lerne, market basaro"),
}
ADJECTIVES = lexicon("red rub, old vet, small min, big gran, happy fel, strange mist, clean pur, young nov")
VERBS = lexicon(
    "see vid, like plak, find trov, carry port, follow segv, wash lav, paint pint, watch gard, touch tang, "
    "remember mnem"
)
ADVERBS: Mapping[str, Mapping[str, str]] = {
    "past": lexicon("yesterday heri, earlier prue"),
    "present": lexicon("now nuk, today hodi"),
    "future": lexicon("tomorrow krai, soon balde"),
}
TENSES: Mapping[str, str] = {"past": "at", "present": "", "future": "ur"}
MODIFIERS = lexicon("with kun, behind retro, near prok")
COORDINATE = lexicon("and ed, but sed")
SUBORDINATE = lexicon("because kar, when kam")
NAME_CLASS, PLURAL_CLASS = "e", "i"


@dataclass(eq=False)
class Token:
    """A word of the source: two equal ones are told apart, so that translations can point to it."""

    text: str
    is_name: bool = False


class Phrase(NamedTuple):
    """Words of the source, their translation (each with the source word it stems from), and the class of its noun."""

    source: list[Token]
    target: list[tuple[str, Token]]
    noun_class: str = ""


@dataclass(frozen=True)
class Setting:
    """What all clauses of a sentence share.

    ``domain``: wild or town, the kind of its places, which decides between two meanings; empty if it names no place,
    and so no noun with two meanings either.
    """

    stream: Stream
    split: str
    knobs: Mapping[str, float]
    domain: str
    tense: str


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"source": str, "target": str, "alignment": [[t, s], ...]}``.

    Both texts are words between spaces; ``alignment`` names for every target word (counted from 0) the source words it
    translates. ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an unknown size or knob.
    """
    return generate_splits("translation", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    tense = stream.pick(tuple(TENSES))
    setting = Setting(stream, split, knobs, stream.pick(tuple(PLACES)) if stream.chance(0.6) else "", tense)
    asks = stream.chance(knobs["questions"])
    phrase = _draw_clauses(setting, asks)
    if tense != "present" or stream.chance(0.5):
        adverb = Token(stream.pick(tuple(ADVERBS[tense])))
        source = [adverb, *phrase.source] if stream.chance(0.5) else [*phrase.source, adverb]
        phrase = Phrase(source, [(ADVERBS[tense][adverb.text], adverb), *phrase.target])
    end = Token("?" if asks else ".")
    source, target = [*phrase.source, end], [*phrase.target, (end.text, end)]
    places = {id(token): index for index, token in enumerate(source)}
    return {
        "source": " ".join(_written(token, stream, knobs["noise"]) for token in source),
        "target": " ".join(word for word, _ in target),
        "alignment": [[index, places[id(token)]] for index, (_, token) in enumerate(target)],
    }


def _written(token: Token, stream: Stream, noise: float) -> str:
    return token.text if token.is_name else misspell([token.text], stream, noise)[0]


def _draw_clauses(setting: Setting, asks: bool) -> Phrase:
    """Clauses, each joined to the one before it: after it by "and", in front of it by "because"."""
    stream = setting.stream
    count = max(1, stream.around(setting.knobs["length"]))
    located = stream.below(count)
    source: list[Token] = []
    blocks: list[list[tuple[str, Token]]] = []
    place, subject_class = 0, ""
    for number in range(count):
        clause = _draw_clause(setting, subject_class, asks=asks and number == 0, located=number == located)
        subject_class = clause.noun_class
        target = clause.target
        if number > 0:
            joint = stream.pick((*COORDINATE, *SUBORDINATE))
            token = Token(joint)
            source.append(token)
            target = [((COORDINATE | SUBORDINATE)[joint], token), *target]
            place += joint in COORDINATE
        source += clause.source
        blocks.insert(place, target)
    return Phrase(source, [pair for block in blocks for pair in block])


def _draw_clause(setting: Setting, subject_class: str, *, asks: bool, located: bool) -> Phrase:
    """Subject, verb, object, place -> subject, place, object, verb; the class is that a later pronoun refers to."""
    stream = setting.stream
    if subject_class and stream.chance(setting.knobs["pronouns"]):
        pronoun = Token("they" if subject_class == PLURAL_CLASS else "it")
        subject = Phrase([pronoun], [(f"s{subject_class}", pronoun)], subject_class)
    else:
        subject = _draw_noun_phrase(setting, accusative=False)
        for _ in range(max(0, stream.around(setting.knobs["distance"]))):
            subject = _add_modifier(setting, subject)
    verb = Token(stream.pick(tuple(VERBS)))
    ending = subject.noun_class or NAME_CLASS
    inflected = (f"{VERBS[verb.text]}{TENSES[setting.tense]}{ending}", verb)
    thing = _draw_noun_phrase(setting, accusative=True)
    named = bool(setting.domain) and (located or stream.chance(0.2))
    where = _draw_place(setting) if named else Phrase([], [])
    source = [*subject.source, verb, *thing.source, *where.source]
    others = [*subject.target, *where.target, *thing.target]
    if not asks:
        return Phrase(source, [*others, inflected], subject.noun_class)
    ask = Token("does")
    return Phrase([ask, *source], [("ki", ask), inflected, *others], subject.noun_class)


def _draw_noun_phrase(setting: Setting, *, accusative: bool) -> Phrase:
    """A name (without a class), or article, adjectives and noun -> article, noun, adjectives, which agree."""
    stream, knobs = setting.stream, setting.knobs
    if stream.chance(knobs["names"]):
        (name,) = draw_names(stream, setting.split, NAMES, count=1, unseen=knobs["unseen"])
        token = Token(name, is_name=True)
        return Phrase([token], [(name, token)])
    ambiguous = setting.domain and stream.chance(knobs["ambiguity"])
    nouns = AMBIGUOUS[setting.domain] if ambiguous else NOUNS
    english = stream.pick(tuple(nouns))
    foreign = nouns[english]
    plural = stream.chance(0.35)
    noun_class = PLURAL_CLASS if plural else foreign[-1]
    noun = Token(f"{english}s" if plural else english)
    definite = stream.chance(0.6)
    article = Token("the" if definite else "some" if plural else "a")
    stem, case = "l" if definite else "un", "m" if accusative else ""
    adjectives = [Token(word) for word in stream.sample(tuple(ADJECTIVES), stream.below(10) // 6)]
    return Phrase(
        [article, *adjectives, noun],
        [
            (f"{stem}{noun_class}{case}", article),
            (foreign[:-1] + noun_class, noun),
            *((ADJECTIVES[adjective.text] + noun_class, adjective) for adjective in adjectives),
        ],
        noun_class,
    )


def _add_modifier(setting: Setting, head: Phrase) -> Phrase:
    """The phrase followed by a preposition and a noun, which with a postposition go before it."""
    preposition = Token(setting.stream.pick(tuple(MODIFIERS)))
    other = _draw_noun_phrase(setting, accusative=True)
    return Phrase(
        [*head.source, preposition, *other.source],
        [*other.target, (MODIFIERS[preposition.text], preposition), *head.target],
        head.noun_class,
    )


def _draw_place(setting: Setting) -> Phrase:
    """A place, whose postposition follows it: "in the river" -> the river in."""
    places = PLACES[setting.domain]
    preposition, article, noun = Token("in"), Token("the"), Token(setting.stream.pick(tuple(places)))
    foreign = places[noun.text]
    return Phrase([preposition, article, noun], [(f"l{foreign[-1]}m", article), (foreign, noun), ("en", preposition)])
