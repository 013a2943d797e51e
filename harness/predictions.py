"""The predictions of every test example, with what slices need: a new score or slice then needs no retraining."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.base import Row, Task
from tasks.corpora import Corpus
from tasks.tokenization import Tokenizer, tokenizer_named


def describe_predictions(task: Task, corpus: Corpus, predictions: Mapping[int, Any]) -> Iterator[dict[str, Any]]:
    """One dictionary a test example, in the order of the split.

    ``row``: its index in the test split; ``gold`` and ``predicted``: label or list of tags; ``length``: tokens of all
    its texts; ``unseen``: how many of them (lower-cased) never occur in train; and the text columns themselves.
    """
    tokenize = tokenizer_named(corpus.tokenizer)
    known = {word for row in corpus.splits["train"] for word in _words(row, task.text_columns, tokenize)}
    for row, predicted in sorted(predictions.items()):
        example = corpus.splits["test"][row]
        words = _words(example, task.text_columns, tokenize)
        yield {
            "row": row,
            "gold": example[task.label_column],
            "predicted": predicted,
            "length": len(words),
            "unseen": sum(word not in known for word in words),
            **{column: example[column] for column in task.text_columns},
        }


def _words(row: Row, columns: Sequence[str], tokenize: Tokenizer) -> list[str]:
    texts = (row[column] for column in columns)
    return [token.lower() for text in texts for token in (text if isinstance(text, list) else tokenize(text))]
