"""What a person must know of a corpus before scores on it mean anything: labels, rows that two splits share."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from unicodedata import normalize

from tasks.base import Task
from tasks.reading.repeats import answers_by_texts, answers_of, texts_of
from tasks.reading.source import Corpus
from tasks.reading.splits import SPLITS


@dataclass(frozen=True)
class Survey:
    """What was counted.

    ``label_counts``: split -> label -> how often, the most frequent of train first; empty where texts are written.
    ``repeated_rows``: split -> earlier split -> how many of its rows also stand there, by ``text`` and by
    ``text_and_label``; only where there are any. Texts are compared up to blanks; a pair by both.
    ``similar_labels``: labels that differ by blanks, case or forms of characters only, those that do together.
    ``unlearnt_rows``: split -> how many rows have a label that train never shows.
    """

    label_counts: dict[str, dict[str, int]]
    repeated_rows: dict[str, dict[str, dict[str, int]]]
    similar_labels: list[list[str]]
    unlearnt_rows: dict[str, int]


def survey(corpus: Corpus, task: Task) -> Survey:
    """Count. Raises ValueError for labels whose order the task does not know."""
    counts = {
        split: Counter(label for row in rows for label in task.labels_of(row)) for split, rows in corpus.splits.items()
    }
    order = [label for label, _ in sum(counts.values(), Counter(counts["train"])).most_common()]
    order.sort(key=lambda label: -counts["train"][label])
    known = set(task.label_set([row[task.label_column] for row in corpus.splits["train"]]))
    return Survey(
        {split: {label: found[label] for label in order if label in found} for split, found in counts.items() if order},
        _repeated_rows(corpus, task),
        similar_labels(order),
        {
            split: sum(task.unseen_label(row, known) is not None for row in rows)
            for split, rows in corpus.splits.items()
        },
    )


def similar_labels(labels: Iterable[str]) -> list[list[str]]:
    """The labels that look alike, together: "gut", "Gut" and "gut "."""
    alike: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike["".join(normalize("NFKC", label).casefold().split())].append(label)
    return [sorted(found) for found in alike.values() if len(found) > 1]


def _repeated_rows(corpus: Corpus, task: Task) -> dict[str, dict[str, dict[str, int]]]:
    """Train is compared with no other, validation with train, all others with both."""
    labels = {split: answers_by_texts(rows, task) for split, rows in corpus.splits.items()}
    repeated: dict[str, dict[str, dict[str, int]]] = {}
    for split, rows in corpus.splits.items():
        for earlier in SPLITS[: min(SPLITS.index(split), 2) if split in SPLITS else 2]:
            found = [row for row in rows if texts_of(row, task) in labels[earlier]]
            same = sum(
                any(answer in labels[earlier][texts_of(row, task)] for answer in answers_of(row, task)) for row in found
            )
            if found:
                repeated.setdefault(split, {})[earlier] = {"text": len(found), "text_and_label": same}
    return repeated
