"""`governance rollback MODEL`: put an earlier version back, with nothing but database and bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from governance.cli.output import note
from governance.cli.session import (
    AtOption,
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)
from governance.cli.validate import emit_decision
from governance.errors import GovernanceError

if TYPE_CHECKING:
    from governance.wiring import Governance


def rollback(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Model name.")],
    reason: Annotated[str, typer.Option(help="What is wrong; goes into the record.")],
    to: Annotated[
        str | None,
        typer.Option(
            help="Version to go to; the latest earlier one that may take over if not given.",
            show_default=False,
        ),
    ] = None,
    expected_generation: Annotated[
        int | None, typer.Option(help="Refuse if the model was activated since.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key gives the same answer.")
    ] = None,
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Put an earlier version back into production; exit 3: there is none, 5: it is corrupt."""
    location: Location = context.obj
    with location.open() as gov:
        decision = gov.promotion.rollback_model(
            model,
            to_version=to,
            by=by or current_person(),
            reason=reason,
            at=parsed_at(at),
            idempotency_key=idempotency_key,
            expected_generation=expected_generation,
        )
        follow(gov)
    emit_decision(decision, output)
    note(f"{decision.model}:{decision.version} is in production (generation {decision.generation})")


def follow(gov: Governance) -> None:
    """Write the files that follow. What was decided stands, whatever becomes of them."""
    try:
        gov.files.catch_up()
    except GovernanceError as error:
        note(f"the files were not written: {error.message}; `governance reconcile` writes them")
