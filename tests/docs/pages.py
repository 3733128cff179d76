"""Code blocks of the documentation, so that a test does what a page says."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """The blocks that say `file=...`: path to content."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = {path: body for _, path, body in _BLOCK.findall(text) if path}
    assert found, f"{page} has no block with file="
    return found


def commands_of(page: str) -> list[str]:
    """The lines of the `sh` blocks, continued lines joined."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = [body for language, _, body in _BLOCK.findall(text) if language == "sh"]
    assert blocks, f"{page} has no sh block"
    return [line for body in blocks for line in body.replace("\\\n", " ").splitlines() if line]
