"""The passwords and keys of an Airflow: made at random once, readable by their owner alone.

Not promised: that they can be changed while it runs.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path


def secrets_of(home: Path) -> dict[str, str]:
    """Those of the Airflow in `home`: ``admin``, ``fernet_key``, ``api_secret``, ``jwt_secret``."""
    path = home / "secrets.json"
    if not path.exists():
        made = {
            "admin": secrets.token_urlsafe(12),
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "api_secret": secrets.token_hex(32),
            "jwt_secret": secrets.token_hex(64),
        }
        _write_private(path, made)
        _write_private(home / "passwords.json", {"admin": made["admin"]})
    known: dict[str, str] = json.loads(path.read_text())
    return known


def _write_private(path: Path, content: Mapping[str, str]) -> None:
    """Complete and readable by the owner alone, or not there."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    draft.replace(path)
