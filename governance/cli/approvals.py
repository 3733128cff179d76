"""`governance approval list|request|answer`: a person is asked before a version decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from governance.cli.output import emit_record, emit_rows, note
from governance.cli.policy import parsed_changes
from governance.cli.session import ByOption, Location, Output, OutputOption, current_person
from governance.errors import InvalidInputError

if TYPE_CHECKING:
    from governance.decisions.approval_records import Approval

app = typer.Typer(no_args_is_help=True)

_COLUMNS = (
    "id",
    "purpose",
    "model",
    "version",
    "state",
    "requested_by",
    "expires_at",
    "answered_by",
    "comment",
)


@app.command("list")
def list_(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="One model; all if not given.")] = None,
    state: Annotated[
        str | None, typer.Option(help="pending, approved, rejected or used; all if not given.")
    ] = None,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    output: OutputOption = Output.TABLE,
) -> None:
    """Requests, the newest first."""
    location: Location = context.obj
    with location.open() as gov:
        found = gov.approvals.list(model, state, limit=limit)
    emit_rows(
        [approval.as_json() for approval in found],
        output,
        columns=_COLUMNS,
        empty="nobody asked for an approval",
    )


@app.command()
def request(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(help="id, name:1.2.0 or name@staging")],
    key: Annotated[
        str,
        typer.Option(
            help="A word of yours for this request, 1-255 printable ASCII characters without "
            "blanks, such as a ticket number. Asked again with it, the same request is shown, "
            "not a second one made; with other arguments it is refused (exit 3)."
        ),
    ],
    purpose: Annotated[str, typer.Option(help="promotion or force.")] = "promotion",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE that the promotion will be given; repeatable."),
    ] = None,
    by: ByOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask for an approval, bound to these bytes, the policy and the generation of now.

    Whoever the policy lets approve answers it once; with --purpose force, whoever it lets force.
    """
    location: Location = context.obj
    with location.open() as gov:
        found = gov.approvals.request(
            ref,
            by=by or current_person(),
            purpose=purpose,
            idempotency_key=key,
            overrides=parsed_changes(changes or ()),
        )
    _emit(found, output)
    note(f"next: governance approval answer {found.id} --approve --comment ...")


@app.command()
def answer(
    context: typer.Context,
    approval_id: Annotated[str, typer.Argument(help="Id of a request; see `approval list`.")],
    comment: Annotated[str, typer.Option(help="Why; goes into the record.")],
    approve: Annotated[bool, typer.Option("--approve", help="Let it be promoted.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do not.")] = False,
    by: ByOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Approve or reject, once. Exit 6: you may not; 3: answered already, or too late."""
    if approve is reject:
        raise InvalidInputError("give --approve or --reject")
    location: Location = context.obj
    with location.open() as gov:
        found = gov.approvals.answer(
            approval_id, approve=approve, by=by or current_person(), comment=comment
        )
    _emit(found, output)
    if approve:
        ref = f"{found.model}:{found.version}"
        force = " --force --reason ..." if found.purpose == "force" else ""
        note(f"next: governance promotion promote {ref} --approval {found.id}{force}")


def _emit(found: Approval, output: Output) -> None:
    emit_record(found.as_json(), output)
