"""The predictions of every test example, with what slices need: a new score or slice then needs no retraining."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.records.record import Answers
from tasks.base import Row, Task
from tasks.encoding.tokenization import Tokenizer, tokenizer_named
from tasks.reading.source import Corpus

DIGITS = 6
"""Of a confidence."""

RARE = 4
"""A word that train shows at most so many times is rare."""


def describe_predictions(task: Task, corpus: Corpus, tested: Answers) -> Iterator[dict[str, Any]]:
    """One dictionary a test example, in the order of the split.

    ``row``: its index in the test split; ``gold`` and ``predicted``: label or list of tags; ``length``: tokens of all
    its texts; ``unseen``: how many of them (lower-cased) never occur in train, ``rare``: how many up to ``RARE`` times;
    ``distance``: see ``farthest_repetition``; ``confidence``, where it is known: how probable the prediction is held to
    be, of tags one number a token; and the texts themselves, an external one among them.
    """
    tokenize = tokenizer_named(corpus.tokenizer)
    seen = Counter(word for row in corpus.splits["train"] for word in _words(row, task.text_columns, tokenize))
    columns = (*task.text_columns, "external")
    for row, predicted in sorted(tested.predictions.items()):
        example = corpus.splits["test"][row]
        words = _words(example, task.text_columns, tokenize)
        yield {
            "row": row,
            "gold": example[task.label_column],
            "predicted": predicted,
            "length": len(words),
            "unseen": sum(seen[word] == 0 for word in words),
            "rare": sum(0 < seen[word] <= RARE for word in words),
            "distance": farthest_repetition(words, seen),
            **_confidence(tested.confidences.get(row)),
            **{column: example[column] for column in columns if example.get(column) is not None},
        }


def _confidence(value: Any) -> dict[str, Any]:
    """A probability, or those of tags, with as many digits as float32 knows."""
    if value is None:
        return {}
    return {"confidence": [round(one, DIGITS) for one in value] if isinstance(value, list) else round(value, DIGITS)}


def farthest_repetition(words: Sequence[str], seen: Mapping[str, int]) -> int | None:
    """How far back, in tokens, a word that is rare or new in train last stood, the most of the example's words.

    Such words (names above all) are understood by what was said of them before. None if none comes again.
    """
    last: dict[str, int] = {}
    distances = []
    for place, word in enumerate(words):
        if seen.get(word, 0) <= RARE:
            if word in last:
                distances.append(place - last[word])
            last[word] = place
    return max(distances, default=None)


def _words(row: Row, columns: Sequence[str], tokenize: Tokenizer) -> list[str]:
    texts = (row[column] for column in columns)
    return [token.lower() for text in texts for token in (text if isinstance(text, list) else tokenize(text))]
