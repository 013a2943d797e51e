"""Whether a file lock taken in a folder holds between machines, by how the folder is mounted. Linux; standard library.

Runs are locked by ``flock``. Linux turns it into a lock of the server on NFS (since 2.6.12: flock(2), nfs(5)) and on
SMB, and Lustre, GPFS and CephFS have it too, but mounts can be told to keep locks to themselves.
"""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mounts")

LOCAL_LOCKS = {
    "nfs": {"nolock", "local_lock=flock", "local_lock=all"},
    "nfs4": {"nolock", "local_lock=flock", "local_lock=all"},
    "lustre": {"localflock"},
    "cifs": {"nobrl", "nolock"},
    "smb3": {"nobrl", "nolock"},
    "fuse.sshfs": {"rw"},  # always
}
"""File systems shared by machines, and the options that keep a lock on the machine that took it."""


def lock_problem(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """Why a lock in ``folder`` does not hold between machines; None if it does, or is nobody else's, or is unknown."""
    if not mounts.exists():
        return None
    rows = [line.split() for line in mounts.read_text(encoding="utf-8").splitlines()]
    inside = [row for row in rows if folder.resolve().is_relative_to(_unescaped(row[1]))]
    if not inside:
        return None
    _source, point, kind, options = max(inside, key=lambda row: len(row[1]))[:4]
    guilty = LOCAL_LOCKS.get(kind, set()) & set(options.split(","))
    if not guilty:
        return None
    return (
        f"{_unescaped(point)} is mounted ({kind}, {', '.join(sorted(guilty))}) so that locks hold on one machine only"
    )


def _unescaped(point: str) -> str:
    """A mount point as the kernel means it: blanks are written in octal."""
    return point.replace(r"\040", " ").replace(r"\011", "\t").replace(r"\134", "\\")
