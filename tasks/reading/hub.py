"""Published data sets on the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasks.base import Task
from tasks.reading.files import quiet_datasets, rows_of_dataset
from tasks.reading.rows import rename_columns
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

    Raises ValueError if the hub cannot be reached or does not have the set.
    """
    from datasets import load_dataset

    splits = {}
    for split, theirs in hub.splits.items():
        if theirs is None:
            continue
        place = row_namer(f"{hub.path}, {theirs}")
        with quiet_datasets():
            try:
                dataset = load_dataset(hub.path, hub.config, split=theirs, revision=hub.revision)
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


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
