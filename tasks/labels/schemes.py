"""Ways to tag spans, and from each of them to BIO: IOB1, and BIOES with its kin BILOU and BMES.

IOB1: a span begins with ``I-X``, or with ``B-X`` right after another span of type X (Ramshaw & Marcus 1995).
BIOES: ``B-X`` begins, ``I-X`` continues and ``E-X`` ends a span of several tokens, ``S-X`` is one of a single token;
BILOU says L for E and U for S (Ratinov & Roth 2009, https://aclanthology.org/W09-1119), BMES says M for I.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, cast, get_args

from tasks.labels.bio import OUTSIDE, Remedy, repaired, valid_tags

TagScheme = Literal["bio", "iob1", "bioes", "bilou"]
AUTO: Literal["auto"] = "auto"
"""The scheme that the tags of a split show."""

STARTS, INSIDES, ENDS, SINGLES = "B", "IM", "EL", "SU"
"""The prefixes of BIOES and its kin, by what they say."""


def checked_scheme(scheme: Any) -> TagScheme | Literal["auto"]:
    """The scheme, if it is one; else ValueError."""
    known = (AUTO, *get_args(TagScheme))
    if scheme not in known:
        raise ValueError(f"expected task.tag_scheme among {', '.join(known)}, got {scheme!r}")
    return cast(TagScheme, scheme)


def scheme_of(sequences: Iterable[Sequence[str]]) -> TagScheme:
    """The scheme of all tags of a split; ``bio`` for tags that are of none."""
    found = [list(tags) for tags in sequences]
    prefixes = {tag.partition("-")[0] for tags in found for tag in tags if "-" in tag}
    if prefixes <= set("BIMESLU") and prefixes & set(ENDS + SINGLES):
        return "bilou" if prefixes & {"L", "U"} else "bioes"
    if not prefixes <= {"B", "I"}:
        return "bio"
    orphans = begins_anew = False
    for tags in found:
        for before, tag in zip([OUTSIDE, *tags], tags, strict=False):
            if tag.startswith("B-"):
                begins_anew |= not _same_type(before, tag)
            elif tag.startswith("I-"):
                orphans |= not _same_type(before, tag)
    return "iob1" if orphans and not begins_anew else "bio"


def to_bio(tags: Sequence[str], scheme: TagScheme, *, remedy: Remedy) -> list[str]:
    """Valid BIO tags of the same spans. Raises ValueError for tags that are not valid, unless they are repaired."""
    if scheme == "bio":
        return valid_tags(tags, remedy=remedy)
    if scheme == "iob1":
        return repaired(tags)
    if remedy == "error":
        _check_bioes(tags, scheme)
    bio = []
    for before, tag in zip([OUTSIDE, *tags], tags, strict=False):
        prefix, hyphen, kind = tag.partition("-")
        if hyphen and prefix in STARTS + INSIDES + ENDS + SINGLES:
            goes_on = prefix in INSIDES + ENDS and before[0] in STARTS + INSIDES and _same_type(before, tag)
            tag = f"{'I' if goes_on else 'B'}-{kind}"
        bio.append(tag)
    return valid_tags(bio, remedy="error")


def _check_bioes(tags: Sequence[str], scheme: TagScheme) -> None:
    """ValueError for what continues nothing, and for a span that does not end."""
    spans = [tag if "-" in tag else OUTSIDE for tag in tags]
    for place, (before, tag) in enumerate(zip([OUTSIDE, *spans], [*spans, OUTSIDE], strict=True)):
        goes_on, is_open = tag[0] in INSIDES + ENDS and tag != OUTSIDE, before[0] in STARTS + INSIDES
        if goes_on == (is_open and _same_type(before, tag)) and goes_on >= is_open:
            continue
        wrong = f"{before} to be continued or ended, got {tag}" if is_open else f"{tag} to continue a span, got it"
        raise ValueError(
            f"expected {wrong} {'after ' + before if place else 'at the start'} (tag {place}, {scheme.upper()}); "
            "correct the tags, or set task.invalid_bio=repair to take a span to begin, or to end, there"
        )


def _same_type(before: str, tag: str) -> bool:
    return "-" in before and before.partition("-")[2] == tag.partition("-")[2]
