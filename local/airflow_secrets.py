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

# Name and role of each user of Airflow's simple user list.
USERS = {"admin": "admin", "op": "op", "viewer": "viewer"}


def secrets_of(home: Path) -> dict[str, str]:
    """Those of the Airflow in `home`: one password for each of ``USERS``, ``fernet_key``,
    ``api_secret``, ``jwt_secret``.

    What a folder of an earlier release lacks is added; what it has stays.
    """
    path, passwords = home / "secrets.json", home / "passwords.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {
        **{user: secrets.token_urlsafe(12) for user in USERS},
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "api_secret": secrets.token_hex(32),
        "jwt_secret": secrets.token_hex(64),
    } | known
    if made != known or not passwords.exists():
        _write_private(path, made)
        _write_private(passwords, {user: made[user] for user in USERS})
    return made


def _write_private(path: Path, content: Mapping[str, str]) -> None:
    """Complete and readable by the owner alone, or not there."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    draft.replace(path)
