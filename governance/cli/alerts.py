"""`governance alerts list|ack|snooze|deliver`: incidents and notices, and who was told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from governance.cli.output import counted, emit_record, emit_rows, note
from governance.cli.session import (
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)
from governance.errors import DeliveryError, InvalidInputError
from governance.values import parse_time

if TYPE_CHECKING:
    from governance.wiring import Governance

app = typer.Typer(no_args_is_help=True)

_NOBODY = (
    "nobody is told: governance.yaml names no recipient under `alerts:` (email or webhooks); "
    "incidents and notices are recorded all the same"
)


class State(StrEnum):
    OPEN = "open"
    CLOSED = "closed"


NowOption = Annotated[
    str | None, typer.Option(help="The time to act at, ISO 8601 with a zone.", show_default=False)
]


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[State | None, typer.Option(help="Only open or closed ones.")] = None,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    dead: Annotated[
        bool, typer.Option("--dead", help="Alerts that could not be delivered and were given up.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="The newest so many.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """Incidents, and what was told of decisions (notices); the newest first."""
    location: Location = context.obj
    with location.open() as gov:
        if dead:
            _list_dead(gov, limit, output)
            return
        found = gov.alerts.list(state=state, model=model, limit=limit)
        told = gov.alerts.told([incident.id for incident in found])
        channels = gov.alerts.channels()
        notices = [] if state else gov.alerts.notices(model, limit=limit)
    rows = [incident.as_json() | {"alerts": told.get(incident.id, {})} for incident in found]
    if output is Output.TABLE:
        for row in rows:
            row["alerts"] = _summed(row["alerts"])
    emit_rows(
        rows,
        output,
        columns=(
            *("id", "model", "version", "kind", "severity", "state", "opened_at"),
            *("acknowledged_by", "snoozed_until", "alerts"),
        ),
        empty="nothing matches" if state or model else "no incident was ever opened",
        extra={"channels": channels, "notices": [_as_record(one) for one in notices]},
    )
    if notices and output is Output.TABLE:
        _list_notices(notices)
    if not channels:
        note(_NOBODY)


def _list_notices(notices: Sequence[dict[str, Any]]) -> None:
    """A table of their own: nobody acknowledges or closes a notice."""
    rows = [_as_record(one) for one in notices]
    for row in rows:
        row["alerts"] = _summed(row["alerts"])
    emit_rows(
        rows,
        Output.TABLE,
        columns=("id", "model", "version", "kind", "severity", "at", "headline", "alerts"),
        empty="",
    )


def _as_record(notice: dict[str, Any]) -> dict[str, Any]:
    """A notice without the keys that it has for the sake of incidents."""
    record = {"id": notice["incident_id"], **notice, "alerts": notice["told"]}
    for key in ("incident_id", "event", "opened_at", "features", "told"):
        del record[key]
    return record


def _summed(told: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in sorted(told.items()))


def _list_dead(gov: Governance, limit: int, output: Output) -> None:
    letters = gov.alerts.dead(limit=limit)
    emit_rows(
        [letter.as_json() for letter in letters],
        output,
        columns=(
            "incident_id",
            "model",
            "event",
            "channel",
            "attempts",
            "created_at",
            "last_error",
        ),
        empty="no dead letters",
    )
    if letters:
        note("`governance alerts deliver --retry-dead` tries them again")


@app.command("ack")
def acknowledge(
    context: typer.Context,
    incident: Annotated[str, typer.Argument(help="Its id.")],
    by: ByOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Somebody looks after it: there are no more reminders."""
    location: Location = context.obj
    with location.open() as gov:
        found = gov.alerts.acknowledge(incident, by or current_person())
    emit_record(found.as_json(), output)


@app.command()
def snooze(
    context: typer.Context,
    incident: Annotated[str, typer.Argument(help="Its id.")],
    duration: Annotated[
        str | None, typer.Option("--for", help="How long: 30m, 8h, 2d.", show_default=False)
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Or until when, ISO 8601 with a zone.", show_default=False)
    ] = None,
    by: ByOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Hear no more of it for a while, but for its close."""
    location: Location = context.obj
    from governance.store.database import database_time

    if (duration is None) == (until is None):
        raise InvalidInputError("give either --for 8h or --until 2013-02-09T08:00:00Z")
    with location.open() as gov:
        if until is not None:
            end = parse_time(until, what="until")
        else:
            with gov.database.read() as connection:
                end = _after(database_time(connection), duration)
        found = gov.alerts.snooze(incident, end, by or current_person())
    emit_record(found.as_json(), output)


def _after(now: datetime, duration: str | None) -> datetime:
    from governance.config.words import parse_duration

    try:
        return now + parse_duration(duration)
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"--for {str(duration)[:40]!r}: {error}") from None


@app.command()
def deliver(
    context: typer.Context,
    flush: Annotated[
        bool, typer.Option("--flush", help="Do not wait for more alerts of the same group.")
    ] = False,
    retry_dead: Annotated[
        bool, typer.Option("--retry-dead", help="Try dead letters again.")
    ] = False,
    now: NowOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Send what is due. Exit 7 if something was not taken; it is tried again next time."""
    location: Location = context.obj
    moment = parsed_at(now)
    with location.open() as gov:
        retried = gov.alerts.retry_dead(now=moment) if retry_dead else 0
        done = gov.alerts.deliver(now=moment, flush=flush)
        channels = gov.alerts.channels()
    record = {"sent": done.sent, "failed": done.failed, "dead": done.dead, "waiting": done.waiting}
    emit_record(record | ({"retried": retried} if retry_dead else {}), output)
    if not channels:
        note(_NOBODY)
    if done.failed:
        raise DeliveryError(
            f"{counted(done.failed, 'message')} could not be delivered; each is tried again, with "
            "pauses of up to five minutes (`governance alerts list` shows what waits)"
        )
