"""What a record holds, in one place: the type of every key, and what a board needs of them.

Only the standard library is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

FORMAT = 1
"""Version of the record's layout; readers name and leave out records of another one."""


Record = dict[str, Any]
"""A record as it is read."""


Status = Literal["done", "failed", "unsupported", "interrupted"]

FIELDS = {
    "id": str,
    "status": str,
    "debug": bool,
    "task": str,
    "data": str,
    "model": str,
    "backbone": str,
    "seed": int,
    "finished": str,
    "config": dict,
}
"""What every record has."""

FIELDS_WHEN_DONE = {"scores": dict, "main_score": str, "data_fingerprint": str}
"""What the record of a finished run has besides."""


def record_problem(record: Any) -> str | None:
    """Why a JSON value is no record of a run that a board can show, or None if it is one."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        found = record.get("format") if isinstance(record, dict) else type(record).__name__
        return f"is no record of format {FORMAT} (found {found!r})"
    wanted = FIELDS | (FIELDS_WHEN_DONE if record.get("status") == "done" else {})
    wrong = [name for name, kind in wanted.items() if not isinstance(record.get(name), kind)]
    if not wrong and record["status"] not in get_args(Status):
        wrong = ["status"]
    if not wrong:
        parts = ("task", "data", "model", "trainer")
        wrong = [f"config.{part}" for part in parts if not isinstance(record["config"].get(part, {}), Mapping)]
    return f"is no record of a run: {', '.join(wrong)} missing or of another type" if wrong else None
