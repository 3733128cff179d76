"""Code blocks of the documentation, so that a test does what a page says."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\w+)(?: (file|add)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """The blocks that say `file=...`: path to content."""
    found = {path: body for _, kind, path, body in _blocks(page) if kind == "file"}
    assert found, f"{page} has no block with file="
    return found


def additions_of(page: str) -> dict[str, str]:
    """The blocks that say `add=...`: what is added at the end of a file of an earlier page."""
    return {path: body for _, kind, path, body in _blocks(page) if kind == "add"}


def blocks_of(page: str, language: str) -> list[str]:
    """The blocks of a language that are no files: other ways to say the same."""
    return [body for name, kind, _, body in _blocks(page) if name == language and not kind]


def commands_of(page: str) -> list[str]:
    """The lines of the `sh` blocks, continued lines joined."""
    blocks = blocks_of(page, "sh")
    assert blocks, f"{page} has no sh block"
    return [line for body in blocks for line in body.replace("\\\n", " ").splitlines() if line]


def written(folder: Path, *pages: str) -> Path:
    """The files of these pages, one after the other, in a folder."""
    for page in pages:
        for name, body in files_of(page).items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(body, encoding="utf-8")
        for name, body in additions_of(page).items():
            with (folder / name).open("a", encoding="utf-8") as file_to:
                file_to.write(body)
    return folder


def _blocks(page: str) -> list[tuple[str, str, str, str]]:
    return _BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
