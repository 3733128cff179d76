"""The style sheet, the script and the mark: local files, named by their content.

A name holds a digest, so that a browser may keep a file for ever and a new release is seen at once.
No page asks for anything from elsewhere.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources

_TYPES = {
    "dashboard.css": "text/css; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
    "mark.svg": "image/svg+xml",
}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content: bytes
    media_type: str

    @property
    def etag(self) -> str:
        return f'"{self.name.split(".")[1]}"'


@functools.cache
def _files() -> dict[str, File]:
    found = {}
    for name, media_type in _TYPES.items():
        content = resources.files("governance.dashboard").joinpath("files", name).read_bytes()
        stem, _, ending = name.rpartition(".")
        digest = hashlib.sha256(content).hexdigest()[:12]
        found[name] = File(f"{stem}.{digest}.{ending}", content, media_type)
    return found


def current_name(name: str) -> str:
    """The name under which a file is served now; ``name`` as it stands in the package."""
    return _files()[name].name


def by_name(served: str) -> File | None:
    """The file that is served under this name."""
    return next((file for file in _files().values() if file.name == served), None)
