"""Which mounts keep locks to one machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engines.locks import lock_problem


@pytest.mark.parametrize(
    ("kind", "options", "safe"),
    [
        ("nfs4", "rw,relatime,vers=4.2,local_lock=none", True),
        ("nfs", "rw,vers=3,local_lock=flock", False),
        ("nfs", "rw,vers=3,nolock,local_lock=all", False),
        ("lustre", "rw,flock", True),
        ("lustre", "rw,localflock", False),
        ("ext4", "rw,nolock", True),
    ],
)
def test_a_mount_with_local_locks_is_named(tmp_path: Path, kind: str, options: str, safe: bool):
    shared = tmp_path / "a share"
    (shared / "results").mkdir(parents=True)
    mounts = tmp_path / "mounts"
    escaped = str(shared).replace(" ", r"\040")
    mounts.write_text(f"/dev/root / nfs rw,nolock 0 0\nserver:/x {escaped} {kind} {options} 0 0\n")
    problem = lock_problem(shared / "results", mounts)
    assert (problem is None) is safe
    assert safe or str(shared) in str(problem)


def test_no_table_of_mounts_is_no_problem(tmp_path: Path):
    assert lock_problem(tmp_path, tmp_path / "nothing") is None
