"""What all tests share: one thread, no network, quiet libraries."""

from __future__ import annotations

import gc
import os
import signal
import threading
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("WANDB_SILENT", "true")

import pytest

# A background job of a shell inherits SIGINT ignored, and so would every process that a test starts and interrupts.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED_DATA = Path(os.environ.get("HARNESS_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data sets; the test is skipped where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs real data sets in {SHARED_DATA} (or HARNESS_TEST_DATA)")
    return SHARED_DATA


@pytest.fixture
def shared_models() -> Path:
    """The folder of real encoders; the test is skipped where there is none."""
    folder = SHARED_DATA.parent / "models"
    if not folder.is_dir():
        pytest.skip(f"needs a pretrained encoder in {folder}")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: then no worker is left alone with one at the end, and what a file shares stays.

    What its tests share is made again when tests of another file come between them.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """What is imported by now is never garbage: every look for some (each cell of a sweep takes one) is spared it."""
    gc.collect()
    gc.freeze()
