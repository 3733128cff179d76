"""The bytes of versions: stage → publish → open → digest → remove, in folders under ``home``.

An artifact is a folder ``models/<name>/<date>/<id>/`` with one or several members (``model.*``) and
the documents that describe them. Its digest covers the members; it is checked before anybody parses
a byte, on the very bytes that are handed out. Members are immutable; documents are derived from the
database and may be written again.

Neighbours: ``governance.files`` (durability), ``registry.artifact_members`` (names, digest,
reading), ``registry.formats`` (meaning of the bytes).
Not promised: that the bytes can be parsed (``registry.probe``), and secrecy (no encryption).
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from governance.errors import ArtifactIntegrityError, InvalidInputError
from governance.files import (
    file_lock,
    fsync_dir,
    make_folders,
    publish_folder,
    storage_errors,
    write_atomic,
    write_new,
)
from governance.registry.artifact_members import (
    Member,
    artifact_digest,
    check_member_name,
    check_real_folders,
    open_members,
    write_member,
)
from governance.registry.documents import FILE_NAMES

MAX_MEMBERS = 1000

_FOLDER = re.compile(
    r"models/[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?/[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9a-f]{12}"
)
_STAGED = re.compile(r"staging/artifacts/(?:stage|trash)-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class StagedArtifact:
    """Bytes on the disk of ``home`` that have no place yet; ``digest`` is that of the members."""

    folder: Path
    digest: str
    size_bytes: int
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OpenedArtifact:
    """The verified bytes themselves: what is parsed is what was hashed."""

    folder: Path
    digest: str
    members: Mapping[str, bytes]


class ArtifactStore:
    """Artifacts on a POSIX file system, local or shared by all workers.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     store = ArtifactStore(Path(home))
    ...     staged = store.stage({"model.txt": b"tree"})
    ...     place = "models/momentum/2013-02-01/0123456789ab"
    ...     folder = store.publish(staged, relative_path=place, documents={"meta.json": b"{}"})
    ...     store.open(place, staged.digest).members["model.txt"]
    b'tree'
    """

    def __init__(self, home: Path, *, lock_timeout: float = 30.0) -> None:
        self.home = Path(home).absolute()
        self._staging = self.home / "staging" / "artifacts"
        self._lock = self.home / "staging" / "artifacts.lock"
        self._lock_timeout = lock_timeout

    # -- writing ----------------------------------------------------------------------------------

    def stage(self, members: Mapping[str, bytes | Path]) -> StagedArtifact:
        """Copy ``members`` into a private folder on the disk of ``home`` and hash what was written.

        A ``Path`` must be a regular file (links are refused). On any failure nothing stays behind.
        """
        names = [check_member_name(name) for name in members]
        if not 0 < len(names) <= MAX_MEMBERS:
            raise InvalidInputError(
                f"an artifact has 1 to {MAX_MEMBERS} members, not {len(names)}; give the model"
            )
        folder = self._staging / f"stage-{secrets.token_hex(16)}"
        try:
            with storage_errors(f"create {folder}"):
                make_folders(folder)
            written = [write_member(folder / name, members[name]) for name in names]
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return StagedArtifact(
            folder=folder,
            digest=artifact_digest(written),
            size_bytes=sum(member.size for member in written),
            members={member.name: member.sha256 for member in written},
        )

    def publish(
        self, staged: StagedArtifact, *, relative_path: str, documents: Mapping[str, bytes]
    ) -> Path:
        """Give ``staged`` its place, documents included, in one durable step.

        A place already taken by the same digest is reused (a retry) and gets these documents; one
        taken by other bytes, or behind a link, is an ``ArtifactIntegrityError``. On failure
        ``staged`` is discarded.
        """
        final = self._place(relative_path)
        for name in documents:
            if name not in FILE_NAMES:
                known = ", ".join(FILE_NAMES)
                raise InvalidInputError(f"document {name!r} is unknown; use {known}")
        try:
            check_real_folders(self.home, relative_path)
            with storage_errors(f"write the documents of {relative_path}"):
                for name, data in documents.items():
                    write_new(staged.folder / name, data)
            if publish_folder(staged.folder, final):
                return final
            self.open(relative_path, staged.digest)
        finally:
            self.discard(staged)
        for name, data in documents.items():
            with suppress(FileNotFoundError):
                if (final / name).read_bytes() == data:
                    continue
            write_atomic(final / name, data)
        return final

    def discard(self, staged: StagedArtifact) -> None:
        """Forget staged bytes; nothing happens if they were published or discarded already."""
        shutil.rmtree(staged.folder, ignore_errors=True)

    def remove(self, relative_path: str) -> bool:
        """Delete an artifact or a staging leftover; ``False`` if there was none.

        It loses its name first, so that a reader or a crash never meets half of it.
        """
        if _STAGED.fullmatch(relative_path):
            path = self.home / relative_path
        else:
            path = self._place(relative_path)
        with storage_errors(f"remove {relative_path}"):
            trash = self._staging / f"trash-{secrets.token_hex(16)}"
            make_folders(trash.parent)
            try:
                os.rename(path, trash)
            except FileNotFoundError:
                return False
            fsync_dir(path.parent)
            shutil.rmtree(trash)
        return True

    # -- reading ----------------------------------------------------------------------------------

    def open(self, relative_path: str, expected_digest: str) -> OpenedArtifact:
        """Read every member once and give the bytes out only if their digest is the expected one.

        Memory: the size of the artifact. ``ArtifactMissingError`` without a folder or members,
        ``ArtifactIntegrityError`` with other bytes; both say how to restore.
        """
        data: dict[str, bytes] = {}
        members = []
        self._place(relative_path)
        for name, file in open_members(self.home, relative_path):
            with storage_errors(f"read {relative_path}/{name}"):
                data[name] = file.read()
            members.append(Member(name, len(data[name]), hashlib.sha256(data[name]).hexdigest()))
        found = artifact_digest(members)
        if found != expected_digest:
            raise ArtifactIntegrityError(
                f"the bytes in {relative_path} have digest {found[:12]}, registered was "
                f"{expected_digest[:12]}; restore it from a backup or register a new version"
            )
        return OpenedArtifact(self._place(relative_path), found, data)

    def digest(self, relative_path: str) -> str:
        """The digest of what is on disk now; reads in chunks, so memory stays flat."""
        self._place(relative_path)
        members = []
        for name, file in open_members(self.home, relative_path):
            with storage_errors(f"read {relative_path}/{name}"):
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                members.append(Member(name, file.tell(), sha256))
        return artifact_digest(members)

    # -- clean-up ---------------------------------------------------------------------------------

    def publishing(self) -> AbstractContextManager[None]:
        """Hold from ``stage`` until the row is committed; keeps ``collecting`` out."""
        return file_lock(self._lock, exclusive=False, timeout=self._lock_timeout)

    def collecting(self) -> AbstractContextManager[None]:
        """Hold while orphans are removed; waits for all ``publishing`` to end."""
        return file_lock(self._lock, exclusive=True, timeout=self._lock_timeout)

    def iter_folders(self) -> Iterator[str]:
        """The relative path of every artifact folder, in order; other files are passed over."""
        for path in sorted((self.home / "models").glob("*/*/*")):
            relative = path.relative_to(self.home).as_posix()
            linked = any(one.is_symlink() for one in (path, path.parent, path.parent.parent))
            if _FOLDER.fullmatch(relative) and path.is_dir() and not linked:
                yield relative

    def orphans(self, known_paths: set[str], older_than: datetime) -> list[str]:
        """Artifact folders nobody knows and staging leftovers, last changed before ``older_than``.

        Call it under ``collecting()``, with the paths read inside it.
        """
        leftovers = (path.relative_to(self.home).as_posix() for path in self._staging.glob("*"))
        candidates = [path for path in self.iter_folders() if path not in known_paths]
        candidates += [path for path in sorted(leftovers) if _STAGED.fullmatch(path)]
        return [path for path in candidates if self._changed(path) < older_than]

    # -- inside -----------------------------------------------------------------------------------

    def _changed(self, relative_path: str) -> datetime:
        try:
            seconds = (self.home / relative_path).lstat().st_mtime
        except FileNotFoundError:  # its publisher was quicker; not ours to remove
            return datetime.max.replace(tzinfo=UTC)
        return datetime.fromtimestamp(seconds, UTC)

    def _place(self, relative_path: str) -> Path:
        if not _FOLDER.fullmatch(relative_path):
            raise InvalidInputError(
                f"artifact path {relative_path[:160]!r} is not models/<name>/<date>/<id>; "
                "paths are made by the registry and cannot be given"
            )
        return self.home / relative_path
