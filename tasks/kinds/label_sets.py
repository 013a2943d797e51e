"""What tasks with several labels an example have in common: each label of the inventory is chosen or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tasks.base import Row
from tasks.heads.label_sets import LabelSetHead
from tasks.heads.pooled import PooledHead
from tasks.kinds.one_label import PoolingTask
from tasks.metrics.label_sets import DEFINITIONS, label_set_scores


class LabelSetTask(PoolingTask):
    """A set of labels for the text, which may be empty, by ``LabelSetHead``. Sets are lists, sorted by code point.

    ``separator``: what parts the labels in a text such as ``a|b``; None: labels are given as lists.
    """

    main_score = "micro_f1"
    head: ClassVar[type[PooledHead]] = LabelSetHead
    each: ClassVar[bool] = True
    separator: str | None = None

    def settle(self, corpus: Any) -> list[str]:
        """What labels weigh, and whether the separator has parted nothing."""
        said = super().settle(corpus)
        if self.separator is not None and all(len(self.labels_of(row)) < 2 for row in corpus.splits["train"]):
            said.append(
                f"task.label_separator={self.separator!r} parts nothing: no row of train has several labels; "
                "if they should, set it to what stands between them"
            )
        return said

    def label_problem(self, row: Row) -> str | None:
        """A list of names or whole numbers; or a text, if it is known what parts its labels."""
        labels, column = row[self.label_column], self.label_column
        if labels is None:
            return f"the column {column!r} is missing in this row; expected a list of labels, which may be empty"
        if isinstance(labels, str):
            if self.separator is not None:
                return None
            return (
                f"expected a list of labels in the column {column!r}, got the text {labels[:60]!r}; "
                "say what parts its labels, as in task.label_separator=bar (or comma, semicolon)"
            )
        if not isinstance(labels, list) or not all(isinstance(x, str | int) and str(x).strip() for x in labels):
            return f"expected a list of labels in the column {column!r}, got {str(labels)[:60]}; correct the row"
        return None

    def check(self, row: Row) -> Row:
        """The row with its labels as a sorted list, each once."""
        labels = row[self.label_column]
        if isinstance(labels, str):
            labels = [part.strip() for part in labels.split(self.separator) if part.strip()]
        return {**row, self.label_column: sorted({str(label) for label in labels})}

    def labels_of(self, row: Row) -> Sequence[str]:
        """Those of the set."""
        labels: Sequence[str] = row[self.label_column]
        return labels

    def counted(self, label: Any) -> set[tuple[Any, ...]]:
        """Those of the set."""
        return {(name,) for name in label}

    def choices(self, label: Any) -> list[str]:
        """None: no label is chosen in the place of another."""
        return []

    def label_set(self, labels: Sequence[Any]) -> list[str]:
        """All labels of the training split, sorted. Raises ValueError if it has none."""
        inventory = sorted({label for found in labels for label in found})
        if not inventory:
            raise ValueError("no row of train has a label, so there is nothing to learn; check data.columns")
        return inventory

    def score_rows(self, rows: Sequence[Row], predicted: Sequence[Any], *, labels: Sequence[str]) -> dict[str, float]:
        """Micro and macro F1, and the share of sets that are exactly right."""
        return label_set_scores([row[self.label_column] for row in rows], predicted, labels=labels)

    def definitions(self, rows: Sequence[Row]) -> dict[str, str]:
        """What each score is."""
        return dict(DEFINITIONS)
