"""The attention maps of a few test examples that a run keeps beside its record: ``attention.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.explanation.maps import last_of_each_part
from harness.records.files import write_atomically

if TYPE_CHECKING:
    from harness.explanation.example import Explained

ATTENTION = "attention.json"
"""What a run, and ``python -m harness.explain RUN --save``, leaves in the run's folder."""

LARGEST = 100_000
"""Bytes of the file: examples whose maps would make it larger are left out."""


def save_maps(explained: Sequence[Explained], folder: Path) -> Path:
    """Write ``attention.json``, at once or not at all: of each kind of site the map of its last site."""
    rows: list[str] = []
    for example in explained:
        made = {
            "row": example.row,
            "gold": example.gold,
            "predicted": example.predicted,
            "maps": [found.as_dict() for found in last_of_each_part(example.maps)],
        }
        text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
        if sum(len(kept.encode()) for kept in (*rows, text)) <= LARGEST - 100:
            rows.append(text)
    return write_atomically(folder / ATTENTION, f'{{"rows":[{",".join(rows)}]}}'.encode())


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
