"""Which of the several processes of a distributed run this is."""

from __future__ import annotations

import os

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")
"""What tells the processes that share a run apart."""


def writes_here() -> bool:
    """Whether this process writes the record: of the several of a distributed run only the first does.

    Torchrun numbers processes by RANK, srun by SLURM_PROCID, Lightning itself by LOCAL_RANK on every machine.
    """
    typed = os.environ.get("SLURM_JOB_NAME") in ("bash", "interactive")  # then Lightning asks nothing of SLURM
    if "RANK" in os.environ:
        names = ["RANK", "LOCAL_RANK"]  # Lightning's own children inherit a RANK that somebody else set
    elif int(os.environ.get("SLURM_NTASKS", "1")) > 1 and not typed:
        names = ["SLURM_PROCID"]
    else:
        names = ["LOCAL_RANK", "NODE_RANK"]
    return all(int(os.environ.get(name, "0")) == 0 for name in names)


def forget_ranks() -> None:
    """Let every cell be recorded: it is a run of one process, whichever of srun's or torchrun's runs the sweep."""
    for name in RANKS:
        os.environ.pop(name, None)
