"""The id of a run: a hash of configuration, data and code, without what cannot change the result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from harness.configuration.effect import with_effect

SEARCH = ("study", "trial", "trials")
"""Of what a record says of its search, what makes it another run."""


def run_id(
    config: Mapping[str, Any],
    *,
    data_fingerprint: str | None,
    code_version: str,
    search: Mapping[str, Any] | None = None,
) -> str:
    """Twelve hexadecimal digits that name the run: the same run has the same id wherever it runs.

    ``search``: what the record says of the search. A trial is never a run of its own settings, nor are these when they
    were chosen: they belong to so many trials of a study.
    """
    parts = [with_effect(config), data_fingerprint, code_version]
    if search is not None:
        parts.append({key: search[key] for key in SEARCH if key in search})
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
