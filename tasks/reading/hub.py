"""Published data sets on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks.base import Task
from tasks.reading.columns import rename_columns
from tasks.reading.parquet_rows import rows_of_dataset
from tasks.reading.splits import Split, row_namer


@dataclass(frozen=True, kw_only=True)
class HubSet:
    """Where a published data set lies on the Hugging Face hub.

    ``path``, ``config``, ``revision``: as in ``datasets.load_dataset``. ``splits``: our split -> theirs; None where
    it has none. ``columns``: column the task needs -> their column; None: named alike.
    """

    path: str
    config: str | None
    revision: str | None
    splits: Mapping[str, str | None]
    columns: Mapping[str, str] | None


def read_hub(hub: HubSet, *, task: Task) -> dict[str, Split]:
    """The splits of a data set on the hub; only data files are read, code is refused.

    Raises ValueError if the hub cannot be reached or does not have the set, and for a folder of the same name here,
    which ``datasets`` would read instead, from a cache that does not see changed files.
    """
    from datasets import load_dataset

    if Path(hub.path).exists():
        raise ValueError(
            f"data.hub.path={hub.path}: expected a data set on the Hugging Face hub, but that is a folder or a file "
            f"here; read it with data=files data.path={hub.path}, or start from another folder"
        )
    splits = {}
    for split, theirs in hub.splits.items():
        if theirs is None:
            continue
        place = row_namer(f"{hub.path}, {theirs}")
        with _quiet_datasets():
            try:
                dataset = load_dataset(hub.path, hub.config, split=theirs, revision=hub.revision)
            except PermissionError as error:
                raise ValueError(
                    f"cannot write the cache of Hugging Face datasets at {error.filename}; "
                    "set the environment variable HF_HOME to a folder that can be written"
                ) from error
            except (OSError, ValueError, RuntimeError) as error:
                raise ValueError(
                    f"could not read {hub.path} from the Hugging Face hub ({_first_line(error)}); check the "
                    "connection, or pass data_dir=<folder>, or download it before and set HF_HUB_OFFLINE=1"
                ) from error
        rows = rename_columns(
            rows_of_dataset(dataset), hub.columns or {}, task=task, place=place, option="data.hub.columns"
        )
        splits[split] = Split(rows, place)
    return splits


@contextmanager
def _quiet_datasets() -> Iterator[None]:
    """Without the progress bars of ``datasets``, which are noise for what is read in a second."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
