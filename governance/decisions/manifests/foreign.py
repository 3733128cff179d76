"""A foreign trainer's manifest as the gates understand it.

What such a trainer writes (document 004): ``version``, ``trained_end_ts`` (epoch milliseconds),
``feature_version``, ``models`` (target -> horizon -> file), ``thresholds`` (target -> horizon ->
number) and ``stats`` (horizon -> target -> ``mfe_bps_<target>``, ``mae_bps_<target>``; without the
suffix they are taken, too). Everything else is the trainer's own and stays as it is.

Read strictly: a duplicate key, NaN, or a file outside the folder is refused. What is missing is
missing (``None``), and the gates say so. Not promised: that a model file holds what its name says.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from governance.canonical import sha256_of
from governance.errors import InvalidInputError, NotFoundError
from governance.files import open_regular, sha256_file, storage_errors
from governance.policy.facts import finite
from governance.policy.promotion.facts import BundleFacts, VersionFacts
from governance.values import iso

OURS = "governance"  # the one key that we add to an active manifest
MOST_BYTES = 8 * 1024 * 1024
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ForeignManifest:
    """
    Attributes:
        content: as the trainer wrote it, without our key.
        ours: what we added to an active one: ``generation``, ``digest``, ``members``.
        members: ``target:horizon`` -> file name below the folder.
    """

    version: str
    content: Mapping[str, Any]
    ours: Mapping[str, Any]
    members: Mapping[str, str]

    def member_digests(self, folder: Path) -> dict[str, str | None]:
        """SHA-256 of each model file; ``None`` where there is no regular file."""
        found: dict[str, str | None] = {}
        for name in sorted(set(self.members.values())):
            path = folder / name
            found[name] = sha256_file(path) if _is_file(folder, path) else None
        return found

    def facts(self, digests: Mapping[str, str | None]) -> VersionFacts:
        """What the gates compare."""
        thresholds = _by_member(self.content.get("thresholds"))
        return VersionFacts(
            version_id="",
            version=self.version,
            digest=digest_of(self.content, digests),
            created_by="",
            trained_end=_trained_end(self.content.get("trained_end_ts")),
            feature_version=_text(self.content.get("feature_version")),
            bundle=BundleFacts(
                targets=tuple(dict.fromkeys(key.partition(":")[0] for key in self.members)),
                horizons=tuple(
                    sorted({int(key.partition(":")[2]) for key in self.members if _is_horizon(key)})
                ),
                members={key: digests.get(name) is not None for key, name in self.members.items()},
                thresholds={key: finite(value) for key, value in thresholds.items()},
                mfe_bps=_excursions(self.content.get("stats"), "mfe_bps"),
                mae_bps=_excursions(self.content.get("stats"), "mae_bps"),
            ),
        )


def digest_of(content: Mapping[str, Any], digests: Mapping[str, str | None]) -> str:
    """One digest over what the manifest says and the bytes of its models."""
    return sha256_of({"manifest": content, "members": digests})


def read_manifest(path: Path) -> ForeignManifest:
    """
    Raises:
        NotFoundError: there is none. InvalidInputError: it is no manifest; says why.
    """
    return as_manifest(read_object(path), where=path.name)


def as_manifest(whole: Mapping[str, Any], *, where: str) -> ForeignManifest:
    """
    >>> as_manifest({"version": "v7", "models": {"reject": {"5": "a.bin"}}}, where="m").members
    {'reject:5': 'a.bin'}
    """
    version = _text(whole.get("version"))
    if version is None or not LABEL.fullmatch(version):
        raise InvalidInputError(
            f"{where}: version {str(whole.get('version'))[:80]!r} is no label; write 1-64 letters, "
            "digits, '.', '_' or '-', for example v011"
        )
    ours = whole.get(OURS)
    return ForeignManifest(
        version=version,
        content={key: value for key, value in whole.items() if key != OURS},
        ours=ours if isinstance(ours, dict) else {},
        members={
            key: _file_name(name, where=f"{where}: models.{key}")
            for key, name in _by_member(whole.get("models")).items()
        },
    )


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object from ``path``: no key twice, no NaN, at most 8 MiB."""
    if not path.exists():
        raise NotFoundError(f"{path} does not exist; let the trainer write it, or correct the path")
    with storage_errors(f"read {path}"), open_regular(path) as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise InvalidInputError(f"{path.name} has more than {MOST_BYTES} bytes; shorten it")
    try:
        whole = json.loads(
            data,
            object_pairs_hook=_without_doubles,
            parse_constant=_no_number,
            parse_float=_finite,
        )
        json.dumps(whole, ensure_ascii=False).encode()  # no half characters
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"{path.name} is no JSON that can be taken ({str(error)[:200]}); write it again"
        ) from None
    if not isinstance(whole, dict):
        raise InvalidInputError(f"{path.name} holds no JSON object; write it again")
    return whole


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(n for n in names if names.count(n) > 1)[:80]!r} stands twice")
    return found


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _no_number(text: str) -> float:
    raise ValueError(f"{text[:40]} is no number")


def _by_member(nested: Any) -> dict[str, Any]:
    """``{target: {horizon: value}}`` as ``{"target:horizon": value}``."""
    if not isinstance(nested, Mapping):
        return {}
    return {
        f"{target}:{horizon}": value
        for target, by_horizon in nested.items()
        if isinstance(by_horizon, Mapping)
        for horizon, value in by_horizon.items()
    }


def _excursions(stats: Any, name: str) -> dict[str, float | None]:
    """``{horizon: {target: {"mfe_bps_<target>": x}}}`` as ``{"target:horizon": x}``."""
    return {
        f"{target}:{horizon}": finite(block.get(f"{name}_{target}", block.get(name)))
        for member, block in _by_member(stats).items()
        if isinstance(block, Mapping)
        for horizon, _, target in [member.partition(":")]
    }


def _trained_end(milliseconds: Any) -> str | None:
    number = finite(milliseconds)
    if number is None or number <= 0:
        return None
    try:
        return iso(_EPOCH + timedelta(milliseconds=number))
    except (OverflowError, InvalidInputError):
        return None


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _is_horizon(key: str) -> bool:
    text = key.partition(":")[2]
    return text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 9


def _file_name(name: Any, *, where: str) -> str:
    if isinstance(name, str) and name and "\0" not in name:
        path = Path(name)
        fits = len(name) < 1000 and all(len(part.encode()) <= 255 for part in path.parts)
        if fits and not path.is_absolute() and ".." not in path.parts:
            return name
    raise InvalidInputError(f"{where}: {str(name)[:80]!r} is no file name below the folder")


def _is_file(folder: Path, path: Path) -> bool:
    """A regular file that really lies below ``folder``; links lead anywhere and do not count."""
    try:
        inside = path.parent.resolve().is_relative_to(folder.resolve())
    except OSError:
        return False
    return inside and path.is_file() and not path.is_symlink()
