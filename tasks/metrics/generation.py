"""What the scores of written texts share: how a text is cut into tokens, and that there is something to score.

Translation, summarization and correction are scored in files of their names. Everywhere ``hypotheses`` are the texts
that a model wrote, and ``references`` give for each of them the accepted texts, at least one.
``language`` is the tag of the language that is written (``tasks.reading.languages``), which says how it is scored.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.encoding.tokenization import CLUSTERS, split_characters
from tasks.reading.languages import NAMES, language_named, script_of


def tokens_of(text: str, *, language: str) -> list[str]:
    """The units that are compared: grapheme clusters in languages without spaces, else what is between whitespace."""
    return split_characters(text) if language_named(language).spaceless else text.split()


def units_of(language: str, *, words: str) -> str:
    """What is compared, for definitions: grapheme clusters, or ``words`` as the score understands them."""
    return CLUSTERS if language_named(language).spaceless else words


def settled_language(given: str | None, texts: Sequence[str]) -> tuple[str, list[str]]:
    """The tag by which texts are scored, and what is to be said of it: none was given, or it is not that of the texts.

    Where none was given it is undetermined but for the script that most of ``texts`` are in (``und-Thai``).
    """
    script = script_of(texts)
    called = NAMES[script] if script is not None else "no"
    if given is None:
        tag = f"und-{script}" if script is not None else "und"
        units = units_of(tag, words="words, not stemmed")
        return tag, [f"data.language is not given; the targets of train are in {called} script: scored by {units}"]
    if script is not None and language_named(f"und-{script}").spaceless != language_named(given).spaceless:
        units = units_of(given, words="words")
        return given, [f"data.language={given} is scored by {units}, but the targets of train are in {called} script"]
    return given, []


def check_texts(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    """Raise ValueError unless there is a hypothesis, and each has its list of references with at least one in it."""
    if not hypotheses or len(hypotheses) != len(references):
        raise ValueError(
            f"expected a list of references for each hypothesis and at least one, got {len(references)} for "
            f"{len(hypotheses)} hypotheses"
        )
    for number, accepted in enumerate(references):
        if isinstance(accepted, str) or not accepted:
            raise ValueError(
                f"expected a list with at least one reference for hypothesis {number}, got {accepted!r}; "
                "put a single reference into a list"
            )
