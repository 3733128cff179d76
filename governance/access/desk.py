"""`gov.access`: where a face asks who somebody is, and leaves word of whom it refused."""

from __future__ import annotations

from collections.abc import Callable

from governance.access.denials import record_denial
from governance.access.people import identity_of_person
from governance.access.roles import Identity, Role
from governance.access.tokens import Tokens
from governance.config.governance_file import GovernanceConfig
from governance.errors import InvalidInputError, UnavailableError
from governance.store.database import Database


class Access:
    """Built by ``Governance.open``.

    Attributes:
        tokens: API tokens: create, list, revoke, authenticate.
    """

    def __init__(self, database: Database, config: Callable[[], GovernanceConfig]) -> None:
        self.tokens = Tokens(database)
        self._database = database
        self._config = config

    def identity_of_person(self, name: str, default_role: Role | None = None) -> Identity:
        """Who comes through Airflow, with what ``governance.yaml`` grants them.

        Raises:
            UnauthenticatedError: the name cannot stand in a record.
            UnavailableError: the file is broken, so that nobody knows who may do what; tokens and
                the command line work on.
        """
        try:
            config = self._config()
        except (InvalidInputError, UnavailableError) as error:
            raise UnavailableError(
                "governance.yaml cannot be read, and it says who may do what; mend it "
                "(`governance config check`), or use an API token"
            ) from error
        return identity_of_person(config, name, default_role)

    def denied(
        self, identity: Identity | None, action: str, model: str | None, *, reason: str
    ) -> None:
        """Put a refusal on record (the same one once a minute); never raises for the database.

        Args:
            identity: ``None`` for somebody who is not known.
        """
        name = None if identity is None else identity.name
        record_denial(self._database, name, action, model, reason)
