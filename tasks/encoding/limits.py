"""How long a text may be where a task tags or chooses, and what becomes of a longer one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tasks.base import Task
from tasks.encoding.vocabulary import EncodingOptions, Overlong
from tasks.reading.source import Corpus

Tokens = Sequence[str]


class Limit:
    """Looks at the texts of a corpus. ``overlong``: split -> how many were too long, which the record says."""

    def __init__(self, length: int | None, remedy: Overlong) -> None:
        self.length = length
        self.remedy = remedy
        self.overlong: Counter[str] = Counter()

    @classmethod
    def of(cls, task: Task, options: EncodingOptions) -> Limit:
        """The limit of a run. Raises ValueError where texts would be cut that need a tag for each token."""
        if options.max_length is not None and options.overlong == "cut" and task.tokenized:
            raise ValueError(
                f"encoding.overlong=cut would leave tokens without a tag, and task={task.name} tags each of them; "
                "use encoding.overlong=windows, or error"
            )
        return cls(options.max_length, options.overlong)

    def kept(self, corpus: Corpus, split: str, texts: Sequence[Tokens], rows: Sequence[int]) -> list[Tokens]:
        """The texts of some rows of a split as they are read.

        Raises ValueError for one that is too long, with file and line, if such are refused.
        """
        if self.length is None:
            return list(texts)
        for text, row in zip(texts, rows, strict=True):
            if len(text) > self.length:
                self.overlong[split] += 1
                if self.remedy == "error":
                    raise ValueError(
                        f"{corpus.place(split, row)}: a text of {len(text)} tokens, and encoding.max_length is "
                        f"{self.length}; raise that, shorten the text, or use encoding.overlong=windows"
                    )
        return [text[: self.length] for text in texts] if self.remedy == "cut" else list(texts)
