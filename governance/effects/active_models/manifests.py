"""Document 004's manifests of a model, rendered from its state. Pure.

Each carries ``generation``, the ``digest`` of the version it names and ``audit``, the entry of the
audit log that it follows from: that entry says which database wrote the file and which of two files
is newer. The same state gives the same bytes, whoever renders it and when.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from governance.effects.active_models.state import ActiveState, not_passed
from governance.values import ModelVersion, iso

LATEST, ACTIVE = "manifest_latest.json", "manifest_active.json"
PREVIOUS, HISTORY = "manifest_active_prev.json", "model_registry.json"
FILE_NAMES = (LATEST, PREVIOUS, ACTIVE, HISTORY)


def render(state: ActiveState) -> dict[str, bytes]:
    """File name to content; what is live is told only where something ever was."""
    found = {LATEST: _document(_head(state) | _version(state.candidate))}
    if state.generation:
        found[PREVIOUS] = _document(_head(state) | _version(state.target))
        found[ACTIVE] = _document(
            _head(state) | _version(state.active) | {"activation": _activation(state.activation)}
        )
    found[HISTORY] = _document(_registry(state))
    return found


def _document(value: dict[str, Any]) -> bytes:
    """JSON with a line for each key, and for each item of a list: quick to write, and to read."""
    lines = []
    for key, part in sorted(value.items()):
        text = _line(part)
        if isinstance(part, list) and part:
            text = "[\n    " + ",\n    ".join(map(_line, part)) + "\n  ]"
        lines.append(f"  {json.dumps(key)}: {text}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _line(value: Any) -> str:
    return _JSON.encode(value)


def _plain(value: datetime) -> str:
    return iso(value)


_JSON = json.JSONEncoder(allow_nan=False, sort_keys=True, default=_plain)


def _head(state: ActiveState) -> dict[str, Any]:
    return {"model": state.model, "generation": state.generation, "audit": state.audit}


def _version(version: ModelVersion | None) -> dict[str, Any]:
    """What a program needs to load a version; every key is there, also where no version is."""
    if version is None:
        return {"version": None, "version_id": None, "digest": None, "artifact_path": None}
    manifest = version.manifest
    return {
        "version": version.version,
        "version_id": version.id,
        "digest": version.digest,
        "artifact_path": version.artifact_path,
        "format": version.format,
        "model_type": version.model_type,
        "kind": version.kind,
        "stage": version.stage,
        "registered_at": version.registered_at,
        "created_by": version.created_by,
        "metrics": version.metrics,
        "trained_end": manifest.get("trained_end"),
        "dataset_hash": manifest.get("dataset_hash"),
        "feature_version": manifest.get("feature_graph_hash"),
        **({"bundle": manifest["bundle"]} if manifest.get("bundle") else {}),
    }


def _activation(row: Row[Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "generation": row.generation,
        "version": row.version,
        "version_id": row.version_id,
        "operation": row.operation,
        "forced": bool(row.forced),
        "decision": row.decision_id,
        "by": row.decided_by,
        "approved_by": row.approved_by,
        "reason": row.reason,
        "effective_at": row.effective_at,
        "recorded_at": row.recorded_at,
    }


def _registry(state: ActiveState) -> dict[str, Any]:
    """``activations``: the newest first."""
    return _head(state) | {
        "active": _name(state.active),
        "candidate": _name(state.candidate),
        "rollback_target": _name(state.target),
        "digest": None if state.active is None else state.active.digest,
        "last_decision": _decision(state.last),
        "activations": [_activation(row) for row in state.activations],
    }


def _name(version: ModelVersion | None) -> dict[str, Any] | None:
    if version is None:
        return None
    return {"version": version.version, "version_id": version.id, "stage": version.stage}


def _decision(row: Row[Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "id": row.id,
        "operation": row.operation,
        "version": row.version,
        "version_id": row.version_id,
        "verdict": row.verdict,
        "eligible": bool(row.eligible),
        "forced": bool(row.forced),
        "overridden": bool(row.overridden),
        "generation": row.generation,
        "by": row.decided_by,
        "approved_by": row.approved_by,
        "reason": row.reason,
        "not_passed": not_passed(row.checks),
        "at": row.at,
        "recorded_at": row.recorded_at,
    }
