"""Every benchmark still works: each is run as a user would run it, at its smallest size. No time is judged."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py"))


def results() -> dict[str, int]:
    """What is published, which a run at the smallest size leaves alone."""
    return {path.name: path.stat().st_mtime_ns for path in (ROOT / "benchmarks/results").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_runs_and_prints_its_table(name: str):
    before = results()
    command = [sys.executable, f"benchmarks/{name}.py", "--smallest"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    if name == "peers":
        assert "nothing to compare with: --data_dir and the interpreter of at least one peer" in done.stdout
        pytest.skip("the peers' own environments are needed to run more than the complaint that they are missing")
    assert done.stdout.startswith("#") or "\n# " in done.stdout
    head, line, *rows = (row for row in done.stdout[done.stdout.index("# ") :].splitlines() if row.startswith("|"))
    assert re.fullmatch(r"\|([-: ]+\|)+", line)
    assert rows
    assert all(row.count("|") == head.count("|") for row in rows)
    assert not re.search(r"\bnan\b", done.stdout)
    assert results() == before
