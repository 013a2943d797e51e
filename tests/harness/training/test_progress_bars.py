"""Where a progress bar is drawn: on what is drawn over, and nowhere else."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.build.trainer import make_trainer
from harness.configuration.compose import compose_configuration
from harness.training.callbacks import ProgressBar, bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Notebook = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})


@pytest.mark.parametrize(("stdout", "drawn"), [(Terminal(), 1), (Notebook(), 1), (io.StringIO(), 0)])
def test_a_bar_is_drawn_where_somebody_sees_it_move(stdout: Any, drawn: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdout", stdout)
    assert len(bars(asked=True)) == drawn
    assert bars(asked=False) == []


def test_a_trainer_has_the_bar_it_is_given_and_no_other(tmp_path: Path):
    config = compose_configuration(["trainer=auto", "trainer.accelerator=cpu"])
    assert config.trainer.enable_progress_bar
    for given in ([], [ProgressBar()]):
        trainer = make_trainer(config, batches=1, callbacks=[*given], logger=False, folder=tmp_path)
        assert [trainer.progress_bar_callback] == (given or [None])
