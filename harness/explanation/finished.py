"""What a finished run makes of texts, and where its attention looks: new ones, or examples of its test split.

The run's folder is all that is needed: its record, its encoding, its weights, and its predictions for test examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.build.saved import SavedNetwork
from harness.explanation.example import Explained, explain_example, short_examples, tokens_of
from harness.records.files import read_predictions
from tasks.base import UNKNOWN, Row
from tasks.reading.checks import check_texts


def explain_texts(network: SavedNetwork, texts: Sequence[str], *, external: str | None = None) -> Explained:
    """What the run makes of a new text (or pair).

    Raises ValueError for a wrong number of texts, a missing external text, and a text without known tokens.
    """
    row = _row(network, texts, external)
    data = network.data([row], lambda _row: "the text")
    for column, encoded in zip(network.task.text_columns, data.encoded.splits["test"].texts, strict=True):
        vectors, known_U = encoded.forms.vectors, encoded.forms.words_U != UNKNOWN
        known_U = known_U if vectors is None else known_U | (vectors.ids_U > 0)
        if not known_U[encoded.forms_K].any():
            raise ValueError(
                f"no token of {row[column]!r} occurs in the training texts, so the run knows none; "
                "use words of its data"
            )
    return explain_example(data, network.model, 0, row=0)


def explain_some(network: SavedNetwork, folder: Path, wanted: int) -> list[Explained]:
    """The same for ``wanted`` short test examples, which are the same ones for every run of the data.

    Raises ValueError if the predictions, which hold these texts, are not there or damaged.
    """
    task = network.task
    try:
        kept = read_predictions(folder)
        rows: list[Row] = [_example(network, found) for found in kept]
        if not rows:
            raise ValueError("expected test examples, got none")
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise ValueError(
            f"{folder / 'predictions.jsonl.gz'}, which holds the test examples, cannot be read ({error}); "
            "run again with force=true to have it"
        ) from error
    chosen = short_examples(task, rows, network.encoding.tokenizer, wanted)
    data = network.data([rows[number] for number in chosen], lambda row: f"example {chosen[row]}")
    return [
        explain_example(data, network.model, place, row=int(kept[number]["row"])) for place, number in enumerate(chosen)
    ]


def _example(network: SavedNetwork, found: Mapping[str, Any]) -> Row:
    """A row of the test split as its prediction holds it."""
    columns = [*network.task.text_columns, *(["external"] if "external" in found else [])]
    return {**{column: found[column] for column in columns}, network.task.label_column: found["gold"]}


def _row(network: SavedNetwork, texts: Sequence[str], external: str | None) -> Row:
    """A row with the texts, and no label."""
    task = network.task
    if len(texts) != len(task.text_columns):
        columns = ", ".join(task.text_columns)
        raise ValueError(f"task={task.name} reads {len(task.text_columns)} text(s) ({columns}), got {len(texts)}")
    row: dict[str, Any] = dict(zip(task.text_columns, texts, strict=True))
    if task.tokenized:
        row[task.text_columns[0]] = tokens_of(texts[0], network.encoding.tokenizer)
    if network.encoding.external_source == "column":
        if external is None:
            raise ValueError("the run read an external text with every row, got none; give one with --external")
        row["external"] = external
    return check_texts([row], task=task, place=lambda _row: "the text")[0]
