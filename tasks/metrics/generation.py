"""What the scores of written texts share: how a text is cut into tokens, and that there is something to score.

Translation, summarization and correction are scored in files of their names. Everywhere ``hypotheses`` are the texts
that a model wrote, and ``references`` give for each of them the accepted texts, at least one.
"""

from __future__ import annotations

from collections.abc import Sequence

from tasks.encoding.tokenization import split_characters

CHARACTER_LANGUAGES = frozenset({"zh", "ja"})
"""ISO 639-1 codes of the languages written without spaces, whose characters are scored instead of words."""


def tokens_of(text: str, *, language: str) -> list[str]:
    """The units that are compared: characters in Chinese and Japanese, else what stands between whitespace."""
    return split_characters(text) if language in CHARACTER_LANGUAGES else text.split()


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
