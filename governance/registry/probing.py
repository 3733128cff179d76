"""What can be said of a version's artifact: are the bytes the registered ones, and do they load?"""

from __future__ import annotations

from governance.errors import (
    ArtifactIntegrityError,
    ArtifactMissingError,
    IllegalTransitionError,
    StorageUnavailableError,
)
from governance.files import storage_errors
from governance.policy.facts import LoadFact
from governance.registry.artifacts import ArtifactStore
from governance.registry.formats.sniff import UNKNOWN, sniff
from governance.registry.home_owner import MARK
from governance.registry.load_verdicts import verdict_for
from governance.settings import Settings
from governance.store.database import Database
from governance.values import ModelVersion


class Probing:
    """Digest before parse, always; the parser runs in a child process (``registry.probe``)."""

    def __init__(self, database: Database, artifacts: ArtifactStore, settings: Settings) -> None:
        self._database = database
        self._artifacts = artifacts
        self._settings = settings

    def check_integrity(self, version: ModelVersion) -> None:
        """Refuse a version whose bytes are missing or not the registered ones.

        Raises:
            ArtifactMissingError, ArtifactIntegrityError: with the remedy.
        """
        if not version.digest:
            raise IllegalTransitionError(f"{version.ref} is a draft; register its artifact first")
        found = self._artifacts.digest(version.artifact_path)
        if found != version.digest:
            raise ArtifactIntegrityError(
                f"the bytes of {version.ref} have digest {found[:12]}, registered was "
                f"{version.digest[:12]}; restore {version.artifact_path} from a backup, or "
                "register a new version"
            )

    def check_home(self) -> None:
        """Refuse to judge any artifact while the folder of all of them is not there.

        A share that is not mounted looks like a missing folder, or like one that holds nothing but
        the files that effects write: no mark of a database and no artifact.

        Raises:
            StorageUnavailableError: nothing can be said of any version now.
        """
        home = self._artifacts.home
        with storage_errors(f"look into {home}"):
            there = (home / MARK).exists() or any(self._artifacts.iter_folders())
        if not there:
            raise StorageUnavailableError(
                f"there is no artifact at all in {home / MARK.parent}, as if its share were not "
                "mounted; mount it, check GOVERNANCE_HOME, or restore the artifacts from a backup"
            )

    def load_fact(self, version: ModelVersion, *, fresh: bool = False) -> LoadFact | None:
        """What a fresh interpreter says of the bytes; the stored verdict where there is one.

        Args:
            fresh: probe them now in any case.

        Raises:
            ArtifactMissingError: there are no bytes to judge now; they may come back.
            UnsafeFormatError: the format may not be parsed here; that says nothing of the bytes.
            ProbeUnavailableError: no probe can run now.
        """
        try:
            opened = self._artifacts.open(version.artifact_path, version.digest)
        except ArtifactMissingError:
            raise  # a share that is not mounted says nothing of the bytes, and failed is for ever
        except ArtifactIntegrityError as error:
            return LoadFact(loadable=False, code=error.code, reason=error.message)
        unknown = [name for name, data in opened.members.items() if sniff(data) == UNKNOWN]
        if unknown:
            return LoadFact(
                loadable=False,
                code="unknown_format",
                reason=f"{', '.join(sorted(unknown))} begins like no format of a model",
            )
        said = verdict_for(self._database, opened, self._settings, fresh=fresh)
        if said.code == "unsafe_format":
            said.require_loadable()
        if not said.loadable and not said.lasting:
            return None  # a timeout speaks of this machine; ask again
        return LoadFact(loadable=said.loadable, code=said.code, reason=said.reason)
