"""`governance token create|list|revoke`: who may use the APIs without Airflow.

Whoever can run this has the database, and with it every right: no role is asked for here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from governance.cli.output import emit_record, emit_rows, note, print_json
from governance.cli.session import ByOption, Location, Output, OutputOption, current_person
from governance.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True)

NEVER = "never"
_COLUMNS = ("id", "name", "role", "models", "state", "expires_at", "created_by")


@app.command()
def create(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="Of its holder; stands in records of what they do with it.")
    ],
    role: Annotated[str, typer.Option(help="viewer, operator, approver or admin.")],
    models: Annotated[
        str, typer.Option(help="Pattern of model names, such as 'momentum*'; quote it.")
    ] = "*",
    expires: Annotated[str, typer.Option(help="Time it is good for, such as 12h, or never.")] = (
        "90d"
    ),
    by: ByOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token. The secret is shown now, on stdout, and never again."""
    location: Location = context.obj
    expires_in = _duration(expires)
    with location.open() as gov:
        secret, token = gov.access.tokens.create(
            name, role=role, models=models, expires_in=expires_in, by=by or current_person()
        )
    if output is Output.JSON:
        print_json({**token.as_json(), "secret": secret})
    else:
        print(secret)
    until = f"until {token.expires_at:%Y-%m-%d %H:%MZ}" if token.expires_at else "for ever"
    note(f"token {token.id}: {name!r} is {token.role} of {models!r} {until}")
    note(f"keep the secret now, it is stored nowhere; take it back: token revoke {token.id}")


@app.command("list")
def list_(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """All tokens that were ever made, the newest first, without their secrets."""
    location: Location = context.obj
    with location.open() as gov:
        found = gov.access.tokens.list()
    emit_rows(
        [token.as_json() for token in found],
        output,
        columns=_COLUMNS,
        empty="there are no tokens; `governance token create` makes one",
    )


@app.command()
def revoke(
    context: typer.Context,
    token_id: Annotated[str, typer.Argument(help="Its id (12 hex digits), not its secret.")],
    by: ByOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Take a token back: the next call with it is refused."""
    location: Location = context.obj
    with location.open() as gov:
        token = gov.access.tokens.revoke(token_id, by=by or current_person())
    emit_record(token.as_json(), output)


def _duration(text: str) -> timedelta | None:
    from governance.config.words import parse_duration

    if text == NEVER:
        return None
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InvalidInputError(f"--expires: {error}; or {NEVER}") from error
