"""A floor as an ordinary run: fit on train, predict test, record."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from harness.records.record import Answers, Facts
from tasks.base import Task
from tasks.encoding.labelled import rows_with_known_labels
from tasks.encoding.tokenization import tokenizer_named
from tasks.floors import Floor
from tasks.reading.source import Corpus
from tasks.reading.splits import SPLITS


def fit_and_test(config: DictConfig, task: Task, corpus: Corpus) -> Generator[Facts, None, Answers]:
    """Yield the facts of the run as they come, the test scores last; returns what is said of each row of test.

    Validation is not used: a floor chooses nothing. Further test sets are scored beside ``test``. Rows whose label
    train never shows are dropped or refused exactly as for a network, so both are scored on the same.
    """
    train = corpus.splits["train"]
    labels = task.label_set([row[task.label_column] for row in train])
    kept = {split: rows_with_known_labels(corpus, split, task, set(labels)) for split in corpus.splits}
    yield {"dropped_rows": {split: len(corpus.splits[split]) - len(rows) for split, rows in kept.items()}}
    floor = instantiate(config.model.floor)
    yield {"deterministic": bool(getattr(floor, "deterministic", False))}
    started = time.perf_counter()
    floor.fit(train, task=task, tokenizer=tokenizer_named(corpus.tokenizer), seed=config.seed)
    yield {"costs": {"train_seconds": time.perf_counter() - started}}

    def test(split: str) -> tuple[dict[str, float], dict[int, Any]]:
        rows = [corpus.splits[split][row] for row in kept[split]]
        predicted = floor.predict(rows)
        return task.score_rows(rows, predicted, labels=labels), dict(zip(kept[split], predicted, strict=True))

    extra = {split: test(split)[0] for split in corpus.splits if split not in SPLITS}
    if extra:
        yield {"extra_scores": extra}
    scores, predictions = test("test")
    rows, predicted = [corpus.splits["test"][row] for row in predictions], list(predictions.values())
    known = floor.confidences(rows, predicted) if isinstance(floor, Floor) else None
    yield {"scores": scores}
    return Answers(predictions, {} if known is None else dict(zip(predictions, known, strict=True)))
