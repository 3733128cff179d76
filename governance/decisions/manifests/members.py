"""Are the model files of a manifest those that were active once?

A manifest that we made active names the digest of each of its files, in itself and in the state.
One that was never active here has none; then only their presence can be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.decisions.manifests.foreign import ForeignManifest
from governance.decisions.manifests.state import State
from governance.errors import ArtifactIntegrityError, ArtifactMissingError


def check_members(
    manifest: ForeignManifest, digests: Mapping[str, str | None], state: State
) -> None:
    """
    Raises:
        ArtifactMissingError: a file is not there, or none is named.
        ArtifactIntegrityError: a file has other bytes than when it was active.
    """
    if incomplete := why_incomplete(manifest, digests):
        raise ArtifactMissingError(
            f"{manifest.version} cannot be active: {incomplete}; restore them from a backup, or "
            "choose another version"
        )
    if changed := changed_members(manifest, digests, state):
        raise ArtifactIntegrityError(
            f"{manifest.version} cannot be active: {', '.join(changed)[:500]} changed since "
            "it was; restore them from a backup, or choose another version"
        )


def why_incomplete(manifest: ForeignManifest, digests: Mapping[str, str | None]) -> str | None:
    """What is missing for a server to load it; a manifest of no files is no model."""
    if not digests:
        return f"{manifest.version} names no model file"
    missing = sorted(name for name, digest in digests.items() if digest is None)
    return f"{', '.join(missing)[:500]} not there" if missing else None


def changed_members(
    manifest: ForeignManifest, digests: Mapping[str, str | None], state: State | None = None
) -> list[str]:
    """Files whose bytes differ from those that were active."""
    kept: dict[str, Any] = {} if state is None else state.known.get(manifest.version, {})
    known = manifest.ours.get("members") or kept.get("members")
    if not isinstance(known, Mapping):
        return []
    return sorted(name for name, digest in digests.items() if known.get(name, digest) != digest)
