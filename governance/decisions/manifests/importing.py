"""`registry import`: a foreign trainer's manifest and its model files become a version.

What the manifest says of its bundle goes into the provenance, so that the same gates judge it from
then on; the trainer's own version label and the whole manifest stay with it. The same
manifest again is the same version. Nothing is parsed here: a format that may not be loaded is
registered, and refused when somebody validates it.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from governance.decisions.manifests.arguments import check_folder
from governance.decisions.manifests.foreign import ForeignManifest, read_manifest
from governance.decisions.manifests.governed_folder import ACTIVE, LATEST
from governance.errors import ArtifactMissingError, InvalidInputError
from governance.files import storage_errors
from governance.registry.model_registry import ModelRegistry
from governance.values import ModelVersion, parse_time


def import_manifest(
    registry: ModelRegistry,
    name: str,
    folder: Path,
    *,
    by: str,
    candidate: bool = False,
    at: datetime | None = None,
) -> ModelVersion:
    """Register what is active in ``folder``, or with ``candidate`` what waits there.

    Raises:
        NotFoundError, InvalidInputError: no manifest, or one that cannot be taken.
        ArtifactMissingError: it names a model file that is not there.
    """
    check_folder(folder)
    manifest = read_manifest(folder / (LATEST if candidate else ACTIVE))
    digests = manifest.member_digests(folder)
    if missing := sorted(name for name, digest in digests.items() if digest is None):
        raise ArtifactMissingError(
            f"{manifest.version}: {', '.join(missing)[:500]} not there; restore them, then import"
        )
    if not manifest.members:
        raise InvalidInputError(f"{manifest.version} names no model file, so nothing is imported")
    facts = manifest.facts(digests)
    assert facts.bundle is not None
    members = {key: _member(key, file) for key, file in manifest.members.items()}
    bundle: dict[str, Any] = {**facts.bundle.as_json(), "members": members}
    with tempfile.TemporaryDirectory() as scratch:
        for key, file in manifest.members.items():
            with storage_errors(f"copy {file}"):
                shutil.copyfile(folder / file, Path(scratch) / members[key])
        return registry.register_model(
            name,
            model_path=scratch,
            model_type="external",
            config={"manifest": dict(manifest.content)},
            metadata={"foreign_version": manifest.version},
            tags=(f"foreign:{manifest.version}"[:64],),
            description=f"imported from a foreign trainer, {manifest.version}",
            created_by=by,
            provenance={
                "bundle": bundle,
                "trained_end": None if facts.trained_end is None else parse_time(facts.trained_end),
                **_named(manifest),
            },
            at=at,
        )


def _member(key: str, file: str) -> str:
    target, _, horizon = key.partition(":")
    return f"model.{target}_{horizon}{Path(file).suffix or '.bin'}"


def _named(manifest: ForeignManifest) -> dict[str, str]:
    version = manifest.content.get("feature_version")
    return {} if version is None else {"feature_version": str(version)}
