"""Classification: which label, or labels, does a text have? Intents, topics, genres."""

from __future__ import annotations

from typing import Any, Self, cast

from tasks.kinds.label_sets import LabelSetTask
from tasks.kinds.one_label import PoolingTask
from tasks.reading.separators import sign_of


class Classification(PoolingTask):
    """One label a text; with ``multi_label`` any number of them, and the task that is made is ``SeveralLabels``.

    ``label_separator``: as ``LabelSetTask.separator``, or a word of ``tasks.reading.separators``.
    """

    text_columns = ("text",)

    def __new__(cls, *, multi_label: bool = False, **_options: Any) -> Self:
        """The task of one label, or of several."""
        made: Any = super().__new__(SeveralLabels if multi_label else cls)
        return cast(Self, made)

    def __init__(self, *, multi_label: bool, label_separator: str | None, **options: Any) -> None:
        super().__init__(**options)
        if label_separator is not None and (not multi_label or not label_separator.strip()):
            raise ValueError(
                f"task.label_separator={label_separator!r} parts the labels of a row: it needs task.multi_label=true, "
                "and cannot be blank"
            )
        self.separator = sign_of(label_separator)

    def samples(self) -> list[dict[str, Any]]:
        """Four rows of three intents."""
        return [
            {"text": "My card still has not arrived after two weeks .", "label": "card_arrival"},
            {"text": "When will the new card be here ?", "label": "card_arrival"},
            {"text": "I want a different PIN .", "label": "change_pin"},
            {"text": "Why was I charged twice for one transfer ?", "label": "transfer_fee"},
        ]


class SeveralLabels(LabelSetTask, Classification):
    """Any number of labels a text."""

    def samples(self) -> list[dict[str, Any]]:
        """Four rows of three topics, one without any."""
        return [
            {"text": "The team won , and its shares rose .", "label": ["business", "sport"]},
            {"text": "The striker scored twice .", "label": ["sport"]},
            {"text": "The minister taxes shares .", "label": ["business", "politics"]},
            {"text": "It rained .", "label": []},
        ]
