"""From a reference to a usable model: bytes first, then data, then features, then the parser.

The checks, in order; the first that fails stops the load:

1. The stage: a draft has no bytes, a failed version is not handed out.
2. The bytes have the registered digest. What was hashed is what is parsed.
3. The data, unless `verify_dataset_hash=False`: given paths are compared with the registered
   content
   (``True``) or schema (``"schema"``); without paths the registered files are hashed again; without
   registered files there is nothing to compare, which is recorded once as ``unverified``.
4. The features, if given. Not given: not checked, and logged.
5. The verdict of the load probe, which is run now if nobody did before: bytes that killed a probe
   are not parsed here.

``ALLOW_DATASET_MISMATCH=1`` and ``ALLOW_FEATURE_MISMATCH=1`` let 3 and 4 pass; the audit log says
so.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select

from governance.errors import (
    ArtifactUnloadableError,
    DatasetMismatchError,
    FeatureGraphMismatchError,
    NotFoundError,
    StorageFullError,
    UnavailableError,
)
from governance.history.audit import append_entry
from governance.registry import attachments, datasets
from governance.registry.artifacts import ArtifactStore
from governance.registry.features import FeatureGraph
from governance.registry.formats import loader
from governance.registry.load_verdicts import verdict_for
from governance.settings import Settings
from governance.store.database import Database
from governance.store.schema import audit_log, model_registry
from governance.values import ModelVersion, Stage

log = logging.getLogger(__name__)


def load(
    database: Database,
    artifacts: ArtifactStore,
    version: ModelVersion,
    *,
    current_dataset_paths: Iterable[str | Path] | str | Path | None,
    verify_dataset_hash: bool | Literal["schema"],
    features: object,
    settings: Settings,
) -> tuple[Any, ModelVersion]:
    """The model and its version.

    Raises:
        InvalidInputError: arguments that can never be right, whatever the version.
        NotFoundError: a draft. ArtifactUnloadableError: a failed version, or a probe that failed.
        ArtifactMissingError, ArtifactIntegrityError: see ``ArtifactStore.open``.
        DatasetMismatchError, DatasetUnavailableError, FeatureGraphMismatchError: see above.
        UnsafeFormatError: a format that is not allowed here.
    """
    mode = datasets.check_mode(verify_dataset_hash)
    paths = (
        None
        if current_dataset_paths is None
        else attachments.check_paths(current_dataset_paths, what="current_dataset_paths")
    )
    if version.stage is Stage.FAILED:
        raise ArtifactUnloadableError(
            f"{version.ref} failed and is not loaded; `governance audit list --model "
            f"{version.name}` says why"
        )
    if not version.digest:
        raise NotFoundError(f"{version.ref} was drafted without an artifact; register it first")
    opened = artifacts.open(version.artifact_path, version.digest)
    _check_dataset(database, version, paths, mode, home=artifacts.home)
    _check_features(database, version, features)
    verdict = verdict_for(database, opened, settings)
    if verdict.code == "unsafe_format":
        verdict.require_loadable()
    if not verdict.loadable:
        raise ArtifactUnloadableError(
            f"{version.ref} did not load when it was probed ({verdict.code}: {verdict.reason}); "
            "register a version whose artifact loads"
        )
    model = loader.load_model(opened, allow_pickle=settings.allow_pickle, digest_is_registered=True)
    return model, version


def _check_dataset(
    database: Database,
    version: ModelVersion,
    paths: tuple[Any, ...] | None,
    mode: datasets.Mode,
    *,
    home: Path,
) -> None:
    if mode is False:
        return
    registered = version.manifest.get("datasets") or []
    if not registered:
        _record_once(database, version, "dataset.unverified", {"reason": "none registered"})
        return
    try:
        datasets.compare(registered, paths, mode, home=home)
    except DatasetMismatchError as mismatch:
        if not _allowed("ALLOW_DATASET_MISMATCH"):
            raise
        _record(database, version, "dataset.mismatch_allowed", {"mismatch": str(mismatch)[:2000]})


def _check_features(database: Database, version: ModelVersion, features: object) -> None:
    given = FeatureGraph.of(features)
    if given is None:
        log.info("features of %s were not given, so they were not checked", version.ref)
        return
    with database.read() as connection:
        spec: Mapping[str, Any] | None = connection.execute(
            select(model_registry.c.feature_spec).where(model_registry.c.id == version.id)
        ).scalar_one_or_none()
    try:
        if spec is None:
            raise FeatureGraphMismatchError(
                f"feature graph mismatch: {version.ref} was registered without features; "
                "register a version with features=, or load it without them"
            )
        FeatureGraph.from_spec(spec).require_same(given)
    except FeatureGraphMismatchError as mismatch:
        if not _allowed("ALLOW_FEATURE_MISMATCH"):
            raise
        _record(database, version, "features.mismatch_allowed", {"mismatch": str(mismatch)[:2000]})


def _allowed(variable: str) -> bool:
    return os.environ.get(variable) == "1"


def _record(
    database: Database, version: ModelVersion, action: str, details: Mapping[str, Any]
) -> None:
    with database.begin() as tx:
        append_entry(
            tx,
            actor="registry",
            action=action,
            model=version.name,
            version_id=version.id,
            details={"version": version.version, **details},
        )


def _record_once(
    database: Database, version: ModelVersion, action: str, details: Mapping[str, Any]
) -> None:
    """A note, not a permission: a full disk or a busy database must not stop a load."""
    with database.read() as connection:
        known = connection.execute(
            select(audit_log.c.seq)
            .where(
                audit_log.c.model_name == version.name,
                audit_log.c.version_id == version.id,
                audit_log.c.action == action,
            )
            .limit(1)
        ).first()
    if known is not None:
        return
    try:
        _record(database, version, action, details)
    except (StorageFullError, UnavailableError) as error:
        log.warning("%s of %s could not be recorded: %s", action, version.ref, error)
