"""What each version is watched against: content-addressed baselines, and which one a version keeps.

The first baseline of a version stays: pinned by the manifest where the retrain cycle made it, else
from the reference data of the first ad-hoc call, else from the first full reference that a scan
reads. Neighbours: ``baseline`` (the value), ``starting`` (makes one from the source).
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, select

from governance.errors import IntegrityError, InvalidInputError
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.profiles.packed import unseal
from governance.store.database import Database, database_time
from governance.store.drift_tables import drift_baselines, drift_version_baselines
from governance.store.upsert import dialect_insert
from governance.values import ModelVersion, check_digest, iso

Origin = Literal["manifest", "reference_data", "first_reference"]

MANIFEST_KEY = "drift_baseline"
_CACHED = 4

_data = drift_baselines.c
_kept = drift_version_baselines.c


@dataclass(frozen=True, slots=True, eq=False)
class KeptBaseline:
    """A version's baseline with its digest and where it came from."""

    sha256: str
    origin: str
    baseline: Baseline


def pinned(baseline: Baseline) -> dict[str, Any]:
    """What a manifest says of a baseline."""
    return {
        "sha256": baseline.sha256,
        "rows": baseline.rows,
        "first": None if baseline.first is None else iso(baseline.first),
        "last": None if baseline.last is None else iso(baseline.last),
        "features": list(baseline.layout.features),
    }


def store(tx: Connection, baseline: Baseline) -> str:
    """Keep a baseline under its digest; storing it again changes nothing."""
    sha256 = baseline.sha256
    found = tx.execute(select(_data.sha256).where(_data.sha256 == sha256)).scalar_one_or_none()
    if found is None:
        tx.execute(
            dialect_insert(tx, drift_baselines)
            .values(sha256=sha256, data=baseline.encode(), created_at=database_time(tx))
            .on_conflict_do_nothing()
        )
    return sha256


def keep(tx: Connection, version_id: str, sha256: str, origin: Origin) -> str:
    """Let a version keep a stored baseline; the digest of the one that it keeps, which is the first
    that it was given.
    """
    tx.execute(
        dialect_insert(tx, drift_version_baselines)
        .values(
            version_id=version_id,
            sha256=sha256,
            origin=origin,
            created_at=database_time(tx),
        )
        .on_conflict_do_nothing()
    )
    stands = tx.execute(select(_kept.sha256).where(_kept.version_id == version_id)).scalar_one()
    return str(stands)


class BaselineStore:
    """Baselines of versions, the latest used ones decoded in memory. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._decoded: OrderedDict[str, Baseline] = OrderedDict()

    def of_version(self, connection: Connection, version: ModelVersion) -> KeptBaseline | None:
        """The baseline that this version keeps; ``None`` if it has none yet.

        Raises:
            IntegrityError: it is missing, or its bytes are not those of its digest.
        """
        row = connection.execute(
            select(_kept.sha256, _kept.origin).where(_kept.version_id == version.id)
        ).one_or_none()
        if row is not None:
            return KeptBaseline(row.sha256, row.origin, self._load(connection, row.sha256, version))
        manifest = version.manifest.get(MANIFEST_KEY)
        if manifest is None:
            return None
        sha256 = _pinned_digest(manifest, version)
        return KeptBaseline(sha256, "manifest", self._load(connection, sha256, version))

    def establish(self, version: ModelVersion, baseline: Baseline, origin: Origin) -> KeptBaseline:
        """Let a version keep this baseline, unless it has one: the first one stays.

        Of two callers at once both get the one that was kept first.
        """
        with self._database.begin() as tx:
            keep(tx, version.id, store(tx, baseline), origin)
        with self._database.read() as connection:
            found = self.of_version(connection, version)
        assert found is not None  # kept a moment ago, and never removed
        return found

    def put(self, baseline: Baseline) -> str:
        """Store without a version yet: the retrain cycle, before it registers."""
        with self._database.begin() as tx:
            return store(tx, baseline)

    def _load(self, connection: Connection, sha256: str, version: ModelVersion) -> Baseline:
        with self._lock:
            if sha256 in self._decoded:
                self._decoded.move_to_end(sha256)
                return self._decoded[sha256]
        data = connection.execute(
            select(_data.data).where(_data.sha256 == sha256)
        ).scalar_one_or_none()
        if data is None:
            raise IntegrityError(
                f"the drift baseline {sha256[:12]} of {version.ref} is missing from the database; "
                "restore it from a backup, or register the version again from its training run"
            )
        baseline = _decoded(bytes(data), sha256, version)
        with self._lock:
            self._decoded[sha256] = baseline
            while len(self._decoded) > _CACHED:
                self._decoded.popitem(last=False)
        return baseline


def _decoded(data: bytes, sha256: str, version: ModelVersion) -> Baseline:
    changed = (
        f"the drift baseline {sha256[:12]} of {version.ref} is not what was stored; "
        "restore the table drift_baselines from a backup"
    )
    try:
        content = unseal(data)
    except IntegrityError as error:
        raise IntegrityError(changed) from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise IntegrityError(changed)
    return Baseline.decode(data)


def _pinned_digest(manifest: object, version: ModelVersion) -> str:
    try:
        return check_digest(manifest["sha256"] if isinstance(manifest, Mapping) else None)
    except (KeyError, InvalidInputError) as error:
        raise IntegrityError(
            f"the manifest of {version.ref} names no drift baseline by its digest; "
            "restore the record from a backup"
        ) from error
