"""The JSON files beside an artifact's members, rendered from the record: document 000's folder
tree.

Pure. The database is the truth; these files are for people and for tools without a database, and
``governance.effects`` writes them again whenever they differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from governance.canonical import canonical_json
from governance.values import ModelVersion, iso

MOVES = "meta.json"  # tells the stage; the others stay as they were registered
FILE_NAMES = (MOVES, "feature_spec.json", "metrics.json", "manifest.json")


def pretty(value: Mapping[str, Any]) -> bytes:
    """JSON for people: sorted, indented, ended by a newline, no NaN."""
    return (json.dumps(json.loads(canonical_json(value)), indent=2, sort_keys=True) + "\n").encode()


def render(
    version: ModelVersion, feature_spec: Mapping[str, Any] | None, *, moved: bool = False
) -> dict[str, bytes]:
    """File name to content, for one version.

    Args:
        moved: nothing but its stage has changed, so only the file that tells the stage.
    """
    manifest = version.manifest
    meta = {
        "id": version.id,
        "model_hash": version.id,
        "name": version.name,
        "strategy": version.name,
        "version": version.version,
        "model_type": version.model_type,
        "kind": version.kind,
        "format": version.format,
        "digest": version.digest,
        "size_bytes": version.size_bytes,
        "registration_time": iso(version.registered_at),
        "created_by": version.created_by,
        "description": version.description,
        "tags": version.tags,
        "metadata": version.metadata,
        "dataset_hash": manifest.get("dataset_hash"),
        "dataset_paths": [file.get("path") for file in manifest.get("datasets") or ()],
        "governance": {"status": version.stage},
    }
    found = {MOVES: pretty(meta)}
    if not moved:
        found["feature_spec.json"] = pretty(feature_spec or {})
        found["metrics.json"] = pretty(version.metrics)
        found["manifest.json"] = pretty(manifest)
    return found
