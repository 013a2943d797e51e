"""Runs small enough for a test: a corner of a bundled corpus and a narrow network."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TINY = [
    "backbone.width=16",
    "data.max_train=48",
    "data.unseen_labels=drop",
    "data.max_validation=24",
    "data.max_test=24",
    "training.steps=9",
    "training.batch_rows=16",
    "trainer.enable_progress_bar=false",
    "embedding=words",
    "embedding.parts.words.width=12",
]

WRITING = [option for option in TINY if not option.startswith(("embedding", "data.unseen"))]
"""The same for tasks that write, whose embedding is as wide as the backbone."""

COMMAND = [sys.executable, "-m", "harness"]


@pytest.fixture
def tiny(tmp_path: Path) -> Callable[..., list[str]]:
    """The overrides of a tiny run whose records go below the test's own folder."""

    def overrides(*more: str) -> list[str]:
        return [*TINY, f"results_dir={tmp_path / 'results'}", *more]

    return overrides


@pytest.fixture
def writing(tmp_path: Path) -> Callable[..., list[str]]:
    """The overrides of a tiny run of a task that writes."""

    def overrides(*more: str) -> list[str]:
        return [*WRITING, "task.search.beam=2", f"results_dir={tmp_path / 'results'}", *more]

    return overrides
