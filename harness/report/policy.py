"""What a browser may do on a page of ours: run our own scripts, if there are any, and nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib


def content_policy(*scripts: str) -> str:
    """The Content-Security-Policy of a page with these inline scripts."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{found}'" for found in hashes)
    own = f"script-src {allowed}; " if scripts else ""
    return f"default-src 'none'; style-src 'unsafe-inline'; {own}base-uri 'none'; form-action 'none'"
