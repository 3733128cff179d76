"""The files of an hour, in a local folder or in any store that fsspec knows.

Local folders are read directly, which takes a tenth of the time. Neighbour: ``parquet`` reads what
is found here. Not promised: that a file is still there a moment later.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import fsspec
import pyarrow as pa

from governance.canonical import sha256_of
from governance.errors import LiveDataError
from governance.evidence.drift.sources.live import printable

SUFFIX = ".parquet"
# What stores tell of a file's age, the most telling first; memory and FTP know only times.
_STAMPS = (
    *("ETag", "etag", "md5Hash", "generation"),
    *("LastModified", "last_modified", "updated", "mtime", "modified", "modify", "created"),
)


@dataclass(frozen=True, slots=True, order=True)
class HourFile:
    """One file: ``stamp`` is what the store tells of its last change. ``name`` is for texts and
    fingerprints, with what is no character escaped; ``path`` is what opens it.
    """

    name: str
    path: str
    size: int
    stamp: str


@dataclass(frozen=True, slots=True)
class HourFiles:
    """What lies at an hour's place: Parquet files by name, and other names that are not read."""

    files: tuple[HourFile, ...]
    others: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str | None:
        """Changes with the name, size or stamp of any file; ``None`` where there is no file."""
        if not self.files:
            return None
        return sha256_of([[one.name, one.size, one.stamp] for one in self.files])[:32]


class Store(Protocol):
    """Where the files of a dataset are."""

    def at(self, place: str) -> HourFiles | None:
        """What lies at ``place``, below the base; ``None`` if it does not exist."""
        ...

    def at_all(self, places: Sequence[str]) -> Mapping[str, HourFiles]:
        """The same for many places, with few listings; places with nothing are left out."""
        ...

    def open(self, file: HourFile) -> Any:
        """A context manager that gives a readable file."""
        ...

    def base_exists(self) -> bool: ...


def open_store(path: str) -> Store:
    """The store of ``path``: a folder, absolute or an fsspec URL.

    Raises:
        LiveDataError: the URL's protocol is unknown, or its package is not installed.
    """
    if "://" not in path:
        return LocalStore(path)
    try:
        filesystem, root = fsspec.core.url_to_fs(path)
    except Exception as error:  # fsspec raises what it likes: ValueError, ImportError, its own
        raise LiveDataError(
            f"{shown(path)} cannot be opened ({type(error).__name__}); install the fsspec package "
            "of its protocol (s3fs for s3://) and set what it needs in the environment"
        ) from None  # its text may repeat a password
    if isinstance(filesystem, fsspec.implementations.local.LocalFileSystem):
        return LocalStore(root)
    return RemoteStore(filesystem, root, shown(path))


def shown(path: str) -> str:
    """Scheme, host and path: what may be told of a URL that may hold a secret anywhere else.

    >>> shown("ftp://ann:sec/ret@host/live?sig=secret#secret")
    'ftp://host/live'
    >>> shown("s3://bucket/live@home"), shown("https://host/x?sig=sec@ret")
    ('s3://bucket/live@home', 'https://...')
    """
    return "::".join(_shown(part) for part in re.split(r"::(?=[A-Za-z0-9+.-]+://)", path))


def _shown(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    where, *queries = re.split(r"[?#]", rest, maxsplit=1)
    if any("@" in query for query in queries):  # of a password, or of a query: nobody can say
        return f"{scheme}://..."
    authority = where.partition("/")[0]
    if "@" in authority or ":" in authority:  # a password may hold a slash
        where = where.rpartition("@")[2]
    return f"{scheme}://{where}"


class LocalStore:
    """A folder of this machine."""

    def __init__(self, base: str) -> None:
        self._base = base

    def at(self, place: str) -> HourFiles | None:
        path = os.path.join(self._base, place)
        try:
            if place.endswith(SUFFIX):
                status = os.stat(path)
                found = [(posixpath.basename(place), path, status)]
                return _sorted([_local(*one) for one in found], [])
            files, others = [], []
            with os.scandir(path) as entries:
                for entry in entries:
                    if _counts(entry.name) and entry.is_file():
                        files.append(_local(entry.name, entry.path, entry.stat()))
                    else:
                        others.append(entry.name)
            return _sorted(files, others)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LiveDataError(
                f"{path} cannot be listed ({error.strerror}); give this user the right to read it"
            ) from error

    def at_all(self, places: Sequence[str]) -> Mapping[str, HourFiles]:
        return {place: found for place in places if (found := self.at(place)) is not None}

    def open(self, file: HourFile) -> Any:
        return pa.OSFile(os.fsencode(file.path))  # a name need not be UTF-8

    def base_exists(self) -> bool:
        return os.path.isdir(self._base)


class RemoteStore:
    """A store behind fsspec. Listings are asked anew each time: late data must be seen."""

    def __init__(self, filesystem: Any, base: str, name: str) -> None:
        self._filesystem = filesystem
        self._base = base.rstrip("/")
        self._name = name

    def at(self, place: str) -> HourFiles | None:
        path = f"{self._base}/{place}"
        if place.endswith(SUFFIX):
            found = self._asked(lambda: [self._filesystem.info(path)], path)
        else:
            found = self._asked(lambda: self._filesystem.ls(path, detail=True), path)
        return None if found is None else _of_infos(found)

    def at_all(self, places: Sequence[str]) -> Mapping[str, HourFiles]:
        """One listing for each folder above several hours, not one for each hour."""
        groups: dict[str, list[str]] = {}
        for place in places:
            groups.setdefault(posixpath.dirname(place), []).append(place)
        made: dict[str, HourFiles] = {}
        for parent, wanted in groups.items():
            below = self._listed(parent, wanted)
            for place in wanted:
                found = self.at(place) if below is None else below.get(place)
                if found is not None:
                    made[place] = found
        return made

    def _listed(self, parent: str, wanted: Sequence[str]) -> dict[str, HourFiles] | None:
        """By place, from one listing; ``None`` where single listings are cheaper or as good."""
        if len(wanted) == 1:
            return None
        files = wanted[0].endswith(SUFFIX)
        if not files and not parent:
            return None  # hours of all time lie there
        folder = f"{self._base}/{parent}".rstrip("/")
        depth = 1 if files else 2
        found = self._asked(
            lambda: list(
                self._filesystem.find(folder, maxdepth=depth, withdirs=False, detail=True).values()
            ),
            folder,
        )
        places: dict[str, list[Any]] = {}
        for info in found or ():
            path = str(info["name"])
            place = (path if files else posixpath.dirname(path)).rpartition("/")[2]
            places.setdefault(posixpath.join(parent, place), []).append(info)
        return {place: _of_infos(infos) for place, infos in places.items()}

    @contextmanager
    def open(self, file: HourFile) -> Any:
        with self._filesystem.open(file.path, "rb") as opened:
            yield opened

    def base_exists(self) -> bool:
        return bool(
            self._asked(lambda: [self._filesystem.exists(self._base)], self._base) == [True]
        )

    def _asked(self, ask: Callable[[], list[Any]], path: str) -> list[Any] | None:
        try:
            self._filesystem.invalidate_cache(path)
            return ask()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:  # every store has errors of its own
            raise LiveDataError(
                f"{self._name} cannot be read ({type(error).__name__}); check that it is reached "
                "from here, and its credentials in the environment"
            ) from None  # its text may repeat the URL


def _counts(name: str) -> bool:
    """Not what writers keep beside their data: ``_SUCCESS``, ``.part-0.parquet.crc``."""
    return name.endswith(SUFFIX) and not name.startswith((".", "_"))


def _local(name: str, path: str, status: os.stat_result) -> HourFile:
    return HourFile(printable(name), path, status.st_size, str(status.st_mtime_ns))


def _of_infos(infos: Iterable[Mapping[str, Any]]) -> HourFiles:
    files, others = [], []
    for info in infos:
        path = str(info["name"])
        name = path.rstrip("/").rpartition("/")[2]
        if info.get("type") == "file" and _counts(name):
            files.append(HourFile(printable(name), path, int(info.get("size") or 0), _stamp(info)))
        else:
            others.append(name)
    return _sorted(files, others)


def _stamp(info: Mapping[str, Any]) -> str:
    value = next((info[key] for key in _STAMPS if info.get(key) is not None), "")
    # One store gives its times in two forms, by whether a file was listed or asked for.
    return str(value.timestamp() if isinstance(value, datetime) else value)


def _sorted(files: list[HourFile], others: list[str]) -> HourFiles:
    told = sorted(printable(name) for name in others if not name.startswith((".", "_")))
    return HourFiles(tuple(sorted(files)), tuple(told))
