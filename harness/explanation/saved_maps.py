"""The attention maps that a run keeps of a few test examples: ``attention.json``, written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.records.files import write_atomically

if TYPE_CHECKING:
    from harness.explanation.rebuilt import Rebuilt

ATTENTION = "attention.json"
"""What ``python -m harness.explain RUN --save`` leaves in a run's folder."""

LONGEST = 25
"""Test examples of more tokens are not saved where there are shorter ones: their maps are hard to read."""


def save_maps(rebuilt: Rebuilt, folder: Path, rows: int) -> Path:
    """Write ``attention.json`` for ``rows`` test examples, at once or not at all."""
    explained = rebuilt.explain_rows(rebuilt.short_rows(rows, longest=LONGEST))
    content: dict[str, Any] = {"rows": [example.as_dict() for example in explained]}
    return write_atomically(folder / ATTENTION, json.dumps(content, ensure_ascii=False).encode())


def read_maps(folder: Path) -> dict[str, Any] | None:
    """What ``save_maps`` left in a run's folder, or None if there is nothing. Raises ValueError, naming the file."""
    path = folder / ATTENTION
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"rows": [_checked(row) for row in found["rows"]]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no attention maps ({type(error).__name__}: {error}); write it again") from error


def _checked(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``attention.json`` whose maps have a weight for each pair of tokens."""
    maps = []
    for found in row["maps"]:
        weights = [[float(weight) for weight in line] for line in found["weights"]]
        rows, columns = [str(t) for t in found["rows"]], [str(t) for t in found["columns"]]
        if len(weights) != len(rows) or any(len(line) != len(columns) for line in weights):
            raise ValueError("weights and tokens do not fit")
        maps.append({"site": str(found["site"]), "kind": str(found["kind"]), "rows": rows, "columns": columns,
                     "weights": weights})  # fmt: skip
    return {"row": int(row["row"]), "gold": row["gold"], "predicted": row["predicted"], "maps": maps}
