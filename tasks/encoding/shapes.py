"""The shape of a word: which kinds of characters it has."""

from __future__ import annotations


def shape_of(form: str) -> int:
    """Which kinds of characters a form has, as six bits.

    From the lowest: begins in upper case; upper case after the first character; lower case anywhere; a digit anywhere;
    begins with a sign (neither letter nor digit); a sign after the first character.
    """
    first, rest = form[:1], form[1:]
    bits = (
        first.isupper(),
        any(character.isupper() for character in rest),
        any(character.islower() for character in form),
        any(character.isdigit() for character in form),
        not first.isalnum(),
        any(not character.isalnum() for character in rest),
    )
    return sum(bit << place for place, bit in enumerate(bits))
