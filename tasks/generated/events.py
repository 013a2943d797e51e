"""What happened? Triggers of four types of events, typed by who took part.

Each text says who some people are ("Simon the soldier", "Rosa like Simon"), and reports what they did in words that
fit many types: a soldier who struck attacked, a trader who struck made a transfer. Some words need no participant
("shelled"), some triggers have two tokens ("opened fire"). What did not happen is no event: negated or planned acts,
and all acts of people on whom the reports are false. Names are partly invented, and differ between the splits.
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
    misspell,
    words,
)

KNOBS: Mapping[str, Knob] = {
    "length": Knob(3.5, 1, 12, "people competing in a text, on average"),
    "distance": Knob(0.25, 0, 12, "sentences without people between introductions and reports, on average"),
    "noise": Knob(0.1, 0, 1, "share of the longer words that are misspelt, other than triggers and names introduced"),
    "mentions": Knob(5, 1, 24, "reports in a text, on average"),
    "ambiguous": Knob(0.75, 0, 1, "share of the triggers that only the participant's role can type"),
    "again": Knob(0.3, 0, 1, "share of the people who are introduced a second time"),
    "company": Knob(0.3, 0, 0.9, "share of the people of whom is only said that they are like another one"),
    "unrealised": Knob(0.15, 0, 1, "share of the reports of what did not happen, said in the report itself"),
    "unseen": Knob(0.3, 0, 1, "share of the names that are invented, and differ between the splits"),
}

NAMES = words("Karola Lenora Milos Norman Otto Petra Quincy Rosa Simon Tessa")
ROLES: Mapping[str, tuple[str, ...]] = {
    "Attack": ("the soldier", "the gunman"),
    "Move": ("the pilgrim", "the refugee"),
    "Transfer": ("the trader", "the banker"),
    "Meet": ("the diplomat", "the envoy"),
    "": ("the rumour", "the legend"),
}
AMBIGUOUS = ("struck", "moved", "pressed", "came through")
CLEAR: Mapping[str, tuple[str, ...]] = {
    "Attack": ("shelled", "ambushed", "opened fire"),
    "Move": ("fled", "travelled", "set out"),
    "Transfer": ("paid", "donated", "handed over"),
    "Meet": ("met", "conferred", "held talks"),
}
REALISED = ("* ^ at {t}", "* ^", "then * ^", "* ^ again")
UNREALISED = ("nobody says * ^", "* never ^", "maybe * ^")
TIMES = ("noon", "night", "dawn")
FILLERS = ("news came at {t}", "the road was closed", "it was quiet")


def generate(*, size: str, seed: int, knobs: Mapping[str, Value]) -> dict[str, list[Row]]:
    """The splits train, validation and test: rows ``{"tokens": [...], "tags": [...]}`` with tags in BIO.

    ``KNOBS`` lists the knobs with defaults and ranges. Raises ValueError for an unknown size or knob.
    """
    return generate_splits("events", _draw_row, size=size, seed=seed, knobs=knobs, known=KNOBS)


def _draw_row(stream: Stream, split: str, knobs: Mapping[str, float]) -> Row:
    names = draw_names(stream, split, NAMES, count=stream.around(knobs["length"]), unseen=knobs["unseen"])
    roles = {name: stream.pick(tuple(ROLES)) for name in names}
    others = draw_links(stream, names, knobs["company"])
    people = [(name, roles[follow(name, others)]) for name in names]
    introduced = [person for person in people for _ in range(1 + stream.chance(knobs["again"]))]
    sentences = []
    for name, role in stream.shuffled(introduced):
        sentences.append(
            (f"* like {others[name]}" if name in others else f"* {stream.pick(ROLES[role])}", name, "", "")
        )
    sentences += [(stream.pick(FILLERS), "", "", "") for _ in range(max(0, stream.around(knobs["distance"])))]
    for _ in range(max(1, stream.around(knobs["mentions"]))):
        sentences.append(_draw_report(stream, stream.pick(people), knobs))
    tokens: list[str] = []
    tags: list[str] = []
    for template, name, trigger, kind in sentences:
        sentence = template.replace("{t}", stream.pick(TIMES)).split()
        for word in misspell([sentence[0].capitalize(), *sentence[1:], "."], stream, knobs["noise"]):
            shown = {"*": [name], "^": trigger.split()}.get(word, [word])
            tokens += shown
            tags += _tags(kind, len(shown)) if word == "^" else ["O"] * len(shown)
    return {"tokens": tokens, "tags": tags}


def _draw_report(stream: Stream, person: tuple[str, str], knobs: Mapping[str, float]) -> tuple[str, str, str, str]:
    """A report as (template, name, trigger, type), the type empty where nothing happened."""
    (name,) = misspell(person[:1], stream, knobs["noise"])
    role = person[1]
    happened = not stream.chance(knobs["unrealised"])
    template = stream.pick(REALISED if happened else UNREALISED)
    if stream.chance(knobs["ambiguous"]):
        return template, name, stream.pick(AMBIGUOUS), role if happened else ""
    kind = stream.pick(tuple(CLEAR))
    return template, name, stream.pick(CLEAR[kind]), kind if happened and role else ""


def _tags(kind: str, length: int) -> list[str]:
    return [f"B-{kind}"] + [f"I-{kind}"] * (length - 1) if kind else ["O"] * length
