"""What every command needs: the governance it works on, who is asking, and how to answer.

What is slow to import is imported by the command that needs it: `--help` waits for no library.
"""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from governance.errors import InvalidInputError
from governance.values import parse_time

if TYPE_CHECKING:
    from governance.settings import Settings
    from governance.wiring import Governance


class Output(StrEnum):
    TABLE = "table"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Location:
    """The root options; `None` leaves it to the environment."""

    home: str | None
    database: str | None

    @property
    def settings(self) -> Settings:
        from governance.settings import Settings

        return Settings.load(home=self.home or None, database_url=self.database or None)

    def open(self) -> Governance:
        from governance.wiring import Governance

        return Governance.open(settings=self.settings)


def current_person() -> str:
    """Who runs this command, as the system says; ``GOVERNANCE_ACTOR`` overrides it."""
    if actor := os.environ.get("GOVERNANCE_ACTOR"):
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # a container user without a name
        raise InvalidInputError(
            "this user has no name; give --by or set GOVERNANCE_ACTOR"
        ) from error


def parsed_at(text: str | None) -> datetime | None:
    """An ``--at`` option."""
    return None if text is None else parse_time(text)


OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="table for people, json for programs.")
]
ByOption = Annotated[
    str | None,
    typer.Option(help="Who does this; the system user if not given.", show_default=False),
]
AtOption = Annotated[
    str | None, typer.Option(help="Effective time, ISO 8601 with a zone.", show_default=False)
]
