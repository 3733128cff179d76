"""Which manifest a rollback makes active: the one that was named, or the newest that may come back.

Without a name the rule is the registry's (``rollback_candidates``): the version before, then those
before it, passing over what was rolled back from and what came by force. A manifest is read from
``metadata_<version>.json``, or is the previous one that was kept.

Not promised: that its model files are intact; the caller asks that next, and refuses, since a
damaged file is for a person to hear of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from governance.decisions.manifests.foreign import ForeignManifest, digest_of
from governance.decisions.manifests.past import barred
from governance.decisions.manifests.state import State
from governance.errors import NothingToRollBackError

Read = Callable[[str], tuple[ForeignManifest | None, str | None]]


class Takeover:
    """
    Args:
        read: a manifest by its file name, or what is wrong with it. previous: the kept one's name.
    """

    def __init__(self, folder: Path, read: Read, *, previous: str) -> None:
        self._folder, self._read, self._previous = folder, read, previous

    def named(self, version: str) -> ForeignManifest:
        """
        Raises:
            NothingToRollBackError: there is no readable manifest of it.
        """
        found, problem = self._manifest(version)
        if found is None:
            raise NothingToRollBackError(
                f"no manifest of {version} in {self._folder} ({problem or 'none was kept'}); name "
                "one that has a metadata_<version>.json"
            )
        return found

    def by_itself(
        self, state: State, steps: list[Mapping[str, Any]], *, active: str | None
    ) -> ForeignManifest:
        """The newest that was active before and may take over.

        Args:
            steps: what was activated, oldest first. active: version of a readable active manifest.

        Raises:
            NothingToRollBackError: none may; names each that was passed over.
        """
        versions = [str(step["candidate_version"]) for step in reversed(steps)]
        now = active or state.active_version or next(iter(versions), None)
        kept, _ = self._read(self._previous)
        before = (state.previous_active_version, None if kept is None else kept.version)
        never = barred(steps)
        passed_over: list[str] = []
        for version in dict.fromkeys([*before, *versions]):
            if version is None or version == now:
                continue
            found, problem = self._manifest(version)
            if version in never:
                problem = never[version]
            elif found is None:
                problem = f"has no manifest any more ({problem or 'none was kept'})"
            elif self._digest(found) in state.rolled_back:
                problem = "was itself rolled back from"
            else:
                return found
            passed_over.append(f"{version} {problem}")
        if passed_over:
            raise NothingToRollBackError(
                f"no earlier version may take over by itself: {'; '.join(passed_over)[:2000]}; "
                "name the version (--to-version)"
            )
        raise NothingToRollBackError(
            f"nothing was active in {self._folder} before; name a version that has a "
            "metadata_<version>.json (--to-version)"
        )

    def _manifest(self, version: str) -> tuple[ForeignManifest | None, str | None]:
        named, why = self._read(f"metadata_{version}.json")
        if named is not None and named.version == version:
            return named, None
        previous, problem = self._read(self._previous)
        if previous is not None and previous.version == version:
            return previous, None
        return None, why or problem

    def _digest(self, manifest: ForeignManifest) -> str:
        return digest_of(manifest.content, manifest.member_digests(self._folder))
