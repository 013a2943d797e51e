from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

import harness
from harness.records.pipes import UNREAD, ended


def test_a_reader_who_has_seen_enough_is_no_error(monkeypatch: pytest.MonkeyPatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert ended(lambda: print("a board") or 0) == UNREAD  # type: ignore[func-returns-value]
        print("what Python still has to flush")


def test_another_end_is_as_the_command_says():
    assert ended(lambda: 2) == 2


def test_every_command_ends_so():
    commands = [path for path in Path(str(harness.__file__)).parent.glob("*.py") if "__name__ ==" in path.read_text()]
    assert len(commands) >= 7
    for path in commands:
        assert re.search(r"ended\(|BrokenPipeError", path.read_text()), path
