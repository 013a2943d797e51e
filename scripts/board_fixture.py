"""Write the scores of the published boards into the compact file that tests of the board read.

    python scripts/board_fixture.py [results/boards] [tests/harness/board/published.json]

{board: {"task/data": {"higher": whether higher is better, "rows": {model: {"floor": ..., "scores": [one a seed]}}}}}
Only boards whose rows have a model and a backbone each of their own.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

BOARDS = ("bundled", "real-data")


def main(boards: str = "results/boards", output: str = "tests/harness/board/published.json") -> None:
    """Read the records and write the file."""
    found = {name: tables_of(Path(boards, name, "records.jsonl")) for name in BOARDS}
    text = json.dumps(found, sort_keys=True, separators=(",", ":")).replace('},"', '},\n"')
    Path(output).write_text(text + "\n", encoding="utf-8")


def tables_of(path: Path) -> dict[str, Any]:
    """The scores of a board, by task and data set."""
    tables: dict[str, Any] = defaultdict(lambda: {"higher": True, "rows": {}})
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["status"] != "done" or record.get("search"):
            continue
        table, metric = tables[f"{record['task']}/{record['data']}"], record["main_score"]
        table["higher"] = "lower is better" not in record["score_definitions"].get(metric, "")
        floor = "floor" in record["config"]["model"]
        row = table["rows"].setdefault(record["model"], {"floor": floor, "scores": {}})
        row["scores"][record["seed"]] = round(record["scores"][metric], 6)
    for table in tables.values():
        for row in table["rows"].values():
            row["scores"] = [row["scores"][seed] for seed in sorted(row["scores"])]
    return dict(tables)


if __name__ == "__main__":
    main(*sys.argv[1:])
