"""What is predicted, as it is written: JSON Lines, the columns of CoNLL, or plain lines."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from harness.prediction.predictor import Answer
from tasks.base import Row, Task

Format = Literal["jsonl", "conll", "lines"]


def usual_format(task: Task) -> Format:
    """CoNLL for tags, lines for texts that are written, else JSON Lines."""
    return "conll" if task.tokenized else "lines" if task.generates else "jsonl"


def check_format(chosen: Format, task: Task, *, more: bool) -> None:
    """Raises ValueError for a format that does not hold what is asked for. ``more``: than predictions alone."""
    if chosen == "conll" and not task.tokenized:
        raise ValueError(f"--format conll is for tags, and task={task.name} has none; use jsonl or lines")
    if more and chosen != "jsonl":
        raise ValueError(f"--format {chosen} holds predictions alone; use --format jsonl for what else you ask for")


def shown(
    chosen: Format, task: Task, row: Row, answer: Answer, *, gold: Any = None, maps: Any = None, kept: Row | None = None
) -> str:
    """What is written for a row, its line breaks included.

    ``gold``: its label; ``maps``: of its attention; ``kept``: further columns.
    """
    if chosen == "jsonl":
        return json.dumps(_as_json(task, row, answer, gold, maps, kept or {}), ensure_ascii=False) + "\n"
    if chosen == "conll":
        tokens = [" ".join(token.split()) for token in row[task.text_columns[0]]]  # a tab would begin a column
        columns = [tokens, *([gold] if gold is not None else []), answer.predicted]
        return "".join("\t".join(cells) + "\n" for cells in zip(*columns, strict=True)) + "\n"
    several = isinstance(answer.predicted, list)
    words = (" " if task.tokenized else ", ").join(answer.predicted) if several else str(answer.predicted)
    return " ".join(words.split()) + "\n" if task.generates else words + "\n"


def shown_blank(chosen: Format, task: Task, kept: Row) -> str:
    """What is written for a row without a text, so that lines and rows stay side by side."""
    if chosen == "jsonl":
        made = {**kept, **dict.fromkeys(task.text_columns, ""), "predicted": None}
        return json.dumps(made, ensure_ascii=False) + "\n"
    return "\n"


def _as_json(task: Task, row: Row, answer: Answer, gold: Any, maps: Any, kept: Row) -> Mapping[str, Any]:
    made: dict[str, Any] = {**kept, **{column: row[column] for column in task.text_columns}}
    made["predicted"] = answer.predicted
    if gold is not None:
        made["gold"] = gold
    if answer.probabilities is not None:
        made["probabilities"] = _rounded(answer.probabilities)
    if answer.ranked:
        made["n_best"] = [_of_rank(one, value) for one, value in answer.ranked]
    if maps is not None:
        made["attention"] = maps
    return made


def _of_rank(prediction: Any, log_probability: float) -> Mapping[str, Any]:
    return {
        "predicted": prediction,
        "log_probability": round(log_probability, 6),
        "probability": _digits(math.exp(log_probability)),
    }


def _rounded(found: Any) -> Any:
    if isinstance(found, Sequence):
        return [_rounded(of_token) for of_token in found]
    return {label: _digits(value) for label, value in found.items()}


def _digits(value: float) -> float:
    """Six digits that count: a float32 holds no more."""
    return float(f"{value:.6g}")
