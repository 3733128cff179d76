"""What a probe said about an artifact, kept by digest and library versions.

One verdict per (digest, libraries): the same bytes are probed once for each set of libraries, and
again after an upgrade. A verdict that says more about the machine or its limits than about the
bytes (a timeout) is not kept. Not promised: history; a repeated probe replaces what was said (the
audit log has the validations).
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection, bindparam, select

from governance.errors import StorageFullError, UnavailableError
from governance.registry.artifacts import OpenedArtifact
from governance.registry.probe import ProbeResult, format_refusal, libraries, probe
from governance.settings import Settings
from governance.store.database import Database, database_time
from governance.store.schema import load_verdicts
from governance.store.upsert import dialect_insert

log = logging.getLogger(__name__)

_KEPT = select(load_verdicts).where(
    load_verdicts.c.digest == bindparam("digest"),
    load_verdicts.c.libraries == bindparam("libraries"),
)


def stored_verdict(connection: Connection, digest: str) -> ProbeResult | None:
    """The kept verdict about ``digest`` with the libraries installed now; ``None`` if none is."""
    asked = {"digest": digest, "libraries": libraries()}
    row = connection.execute(_KEPT, asked).one_or_none()
    if row is None:
        return None
    kept = ProbeResult(
        loadable=row.loadable,
        code=row.code,
        reason=row.reason,
        duration_ms=row.duration_ms,
        libraries=row.libraries,
    )
    return kept if kept.lasting else None  # what earlier releases kept


def loaded_elsewhere(connection: Connection, digest: str) -> ProbeResult | None:
    """The latest probe that found ``digest`` loadable, with whatever libraries it had."""
    row = connection.execute(
        select(load_verdicts)
        .where(load_verdicts.c.digest == digest, load_verdicts.c.loadable.is_(True))
        .order_by(load_verdicts.c.probed_at.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    return ProbeResult(
        loadable=True,
        code=row.code,
        reason=row.reason,
        duration_ms=row.duration_ms,
        libraries=row.libraries,
    )


def record_verdict(tx: Connection, digest: str, result: ProbeResult) -> bool:
    """Keep ``result``, replacing an earlier one; ``False`` for one that is not ``lasting``."""
    if not result.lasting:
        return False
    said = {
        "loadable": result.loadable,
        "code": result.code,
        "reason": result.reason,
        "duration_ms": result.duration_ms,
        "probed_at": database_time(tx),
    }
    key = {"digest": digest, "libraries": result.libraries}
    tx.execute(  # one statement: two probes of the same bytes may end at the same time
        dialect_insert(tx, load_verdicts)
        .values(key | said)
        .on_conflict_do_update(index_elements=list(key), set_=said)
    )
    return True


def verdict_for(
    database: Database,
    opened: OpenedArtifact,
    settings: Settings,
    *,
    digest_is_registered: bool = True,
    fresh: bool = False,
) -> ProbeResult:
    """The kept verdict, else a probe now (about 0.3 s for LightGBM), kept in its own transaction.

    ``fresh`` probes in any case. The probe runs outside any transaction. A pickle that this
    installation does not allow gets ``unsafe_format`` here whatever was kept. Raises
    ``ProbeUnavailableError`` if no probe can run.
    Where a full disk or a busy database cannot keep the verdict, it is given all the same.
    """
    refusal = format_refusal(
        opened.members,
        allow_pickle=settings.allow_pickle,
        digest_is_registered=digest_is_registered,
    )
    if refusal is None and not fresh:
        with database.read() as connection:
            kept = stored_verdict(connection, opened.digest)
        if kept is not None:
            return kept
    result = probe(
        opened.members,
        allow_pickle=settings.allow_pickle,
        digest_is_registered=digest_is_registered,
        cpu_seconds=settings.probe_cpu_seconds,
        memory_mib=settings.probe_memory_mib,
        timeout=settings.probe_cpu_seconds * 6.0,
    )
    if result.lasting:
        try:
            with database.begin() as tx:
                record_verdict(tx, opened.digest, result)
        except (StorageFullError, UnavailableError) as error:
            log.warning("the probe's verdict on %s was not kept: %s", opened.digest[:12], error)
    return result
