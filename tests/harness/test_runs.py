"""The list of runs and its pruning: what stands there, what it takes, and that only what was asked for goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from harness import runs
from tests.harness.handmade import record, write_run

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run of every kind, and one that is going on."""
    folder = tmp_path / "results"
    for status in ("done", "failed", "interrupted", "unsupported"):
        write_run(folder / "runs" / status, record(status=status))
        (folder / "runs" / status / "model.pt").write_bytes(bytes(5000))
    for name in ("killed", "going-on"):
        (folder / "runs" / name).mkdir()
        (folder / "runs" / name / "last.ckpt").write_bytes(bytes(7000))
    write_run(folder / "runs" / "damaged", record())
    (folder / "runs" / "damaged" / "record.json").write_text("half")
    write_run(folder / "superseded" / "old", record(status="failed"))
    return folder


def said(capsys: Captured, *arguments: str) -> str:
    assert runs.main(list(arguments)) == 0
    return capsys.readouterr().out


def test_every_run_is_listed_with_what_became_of_it_and_its_size(
    results: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "120")
    with FileLock(results / "runs" / "going-on" / ".lock"):
        lines = said(capsys, str(results)).splitlines()
    listed = {cells[0]: cells[1] for line in lines if (cells := line.replace("│", " ").split()) and line[0] == "│"}
    assert listed == {
        "done": "done", "failed": "failed", "interrupted": "interrupted", "unsupported": "unsupported",
        "killed": "interrupted", "going-on": "running", "damaged": "damaged", "old": "superseded",
    }  # fmt: skip
    assert "running: 1, 7.0 kB" in lines
    size = sum((results / "runs" / "interrupted" / name).stat().st_size for name in ("record.json", "model.pt"))
    assert f"interrupted: 2, {(size + 7000) / 1000:.1f} kB" in lines


def test_the_name_of_a_run_stays_whole_on_a_narrow_terminal(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COLUMNS", "40")
    name = "sentiment-files_a_long_name_of_a_file.csv-local_window-s1-0123456789"
    write_run(tmp_path / "runs" / name, record())
    assert any(name in line and "done" in line for line in said(capsys, str(tmp_path)).splitlines())


@pytest.mark.parametrize(
    ("asked", "go"),
    [
        ("failed", {"runs/failed"}),
        ("interrupted", {"runs/interrupted", "runs/killed"}),
        ("superseded", {"superseded/old"}),
        ("failed,superseded", {"runs/failed", "superseded/old"}),
    ],
)
def test_only_what_is_named_is_deleted_and_only_with_yes(results: Path, capsys: Captured, asked: str, go: set[str]):
    def there() -> set[str]:
        return {str(path.relative_to(results)) for path in results.glob("*/*")}

    before = there()
    with FileLock(results / "runs" / "going-on" / ".lock"):
        shown = said(capsys, str(results), "--prune", asked)
        assert f"nothing was deleted; --yes deletes these {len(go)}, " in shown
        assert there() == before
        assert f"deleted {len(go)} of {len(go)}, " in said(capsys, str(results), "--prune", asked, "--yes")
    assert before - there() == go


def test_a_run_that_has_changed_since_it_was_listed_is_left(results: Path, capsys: Captured):
    folder = results / "runs" / "killed"
    listed = next(run for run in runs.runs_in(results) if run.folder == folder)
    with FileLock(folder / ".lock"):
        assert not runs._delete(listed)
    assert "is in use by another process" in capsys.readouterr().err
    write_run(folder, record())
    assert not runs._delete(listed)
    assert "has changed since it was listed" in capsys.readouterr().err
    assert (folder / "record.json").exists()


def test_what_means_nothing_is_refused(results: Path, tmp_path: Path, capsys: Captured):
    assert runs.main([str(tmp_path)]) == 1
    assert f"no runs in {tmp_path}\n" in capsys.readouterr().err
    for arguments, why in ((["--prune", "done"], "expected some of failed, interrupted"), (["--yes"], "add --prune")):
        with pytest.raises(SystemExit) as ended:
            runs.main([str(results), *arguments])
        assert ended.value.code == 2
        assert why in capsys.readouterr().err
