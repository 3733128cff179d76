"""`governance shadow start|run|record|list|show|stop`: challengers beside the champion."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from governance.cli.output import counted, emit_record, emit_rows, note, print_json
from governance.cli.session import (
    AtOption,
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)
from governance.errors import InvalidEvidenceError, InvalidInputError
from governance.values import parse_time

if TYPE_CHECKING:
    from governance.evidence.shadow.progress import ShadowProgress
    from governance.evidence.shadow.summary import Session

app = typer.Typer(no_args_is_help=True)

RefArgument = Annotated[str, typer.Argument(help="id or name:1.2.0")]
_MAX_BYTES = 64 * 1024 * 1024


@app.command()
def start(
    context: typer.Context,
    ref: RefArgument,
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="Version to compare with; the champion if not given.", show_default=False
        ),
    ] = None,
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Put a validated version beside the champion: it collects evidence and decides nothing."""
    location: Location = context.obj
    with location.open() as gov:
        run = gov.shadow.start_shadow_testing(
            ref, benchmark, by=by or current_person(), at=parsed_at(at)
        )
        gov.files.catch_up()
    emit_record(run.as_json(), output)


@app.command()
def run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A declared model.")],
    start: Annotated[str, typer.Option("--from", help="First midnight, ISO 8601 with a zone.")],
    end: Annotated[str, typer.Option("--to", help="The midnight after the last day.")],
    at: Annotated[
        str | None,
        typer.Option(help="What was known then; --to if not given.", show_default=False),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run every version on trial, and the champion, on days of the model's real data."""
    location: Location = context.obj
    with location.open() as gov:
        told = gov.trials.run(model, start=parse_time(start), end=parse_time(end), at=parsed_at(at))
    if output is Output.JSON:
        print_json(told.as_json())
        return
    rows = [
        {"version": version, "sessions": len(days), "first": days[0], "last": days[-1]}
        for version, days in told.recorded.items()
    ]
    columns = ("version", "sessions", "first", "last")
    emit_rows(rows, output, columns=columns, empty="no session is new")
    note(f"{counted(told.known, 'session')} known before")
    for day, why in told.waiting.items():
        note(f"{day} waits: {why}")


@app.command()
def record(
    context: typer.Context,
    ref: RefArgument,
    file: Annotated[
        str | None,
        typer.Argument(help="JSON: a session, or a list of them; - reads standard input."),
    ] = None,
    session: Annotated[
        str | None, typer.Option(help="Its id; the champion's has the same.", show_default=False)
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="When it ended, ISO 8601 with a zone.", show_default=False)
    ] = None,
    figures: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE, such as trade_count=15 or returns=0.01,-0.002."),
    ] = None,
    by: ByOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Record sessions. The same again changes nothing; other figures for one are refused (3)."""
    if (file is None) == (not figures):
        raise InvalidInputError("give a JSON file, or figures with --set NAME=VALUE")
    given = _read(file) if file is not None else [_figures(figures or [])]
    sessions = [_session(one, session, at, alone=len(given) == 1) for one in given]
    location: Location = context.obj
    with location.open() as gov:
        new = gov.shadow.record_sessions(ref, sessions, by=by or current_person())
        progress = gov.shadow.progress(ref)
    note(f"{counted(len(new), 'session')} recorded, {len(sessions) - len(new)} known before")
    _show(progress, output)


@app.command("list")
def list_(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="Only this model.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Every version on trial, and how far it is."""
    location: Location = context.obj
    with location.open() as gov:
        found = gov.shadow.list_shadow_models(model)
    rows = [one.as_json() if output is Output.JSON else _row(one) for one in found]
    columns = ("id", "model", "version", "benchmark", "since", "sessions", "days", "criteria met")
    emit_rows(
        rows,
        output,
        columns=(*columns, "against the champion", "more sessions"),
        empty="no version is on trial; start one with `governance shadow start`",
    )


@app.command()
def show(
    context: typer.Context,
    ref: RefArgument,
    at: Annotated[
        str | None,
        typer.Option(help="Only sessions that ended by then, ISO 8601.", show_default=False),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """One version: its sessions together, each criterion, the comparison with the champion."""
    location: Location = context.obj
    with location.open() as gov:
        progress = gov.shadow.progress(ref, at=parsed_at(at))
    _show(progress, output)


@app.command()
def stop(
    context: typer.Context,
    ref: RefArgument,
    reason: Annotated[str, typer.Option(help="Why; goes into the record.")],
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """End a trial: the version is validated again, and its sessions stay."""
    location: Location = context.obj
    with location.open() as gov:
        version = gov.shadow.stop_shadow_testing(
            ref, by=by or current_person(), reason=reason, at=parsed_at(at)
        )
        gov.files.catch_up()
    emit_record({"id": version.id, "version": version.ref, "stage": version.stage}, output)


def _read(file: str) -> list[dict[str, Any]]:
    try:
        text = sys.stdin.read(_MAX_BYTES) if file == "-" else Path(file).read_text("utf-8")
        found = json.loads(text, object_pairs_hook=_without_doubles)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{file[:200]} cannot be read as JSON: {error}") from error
    sessions = found if isinstance(found, list) else [found]
    if not sessions or not all(isinstance(one, dict) for one in sessions):
        raise InvalidInputError(f"{file[:200]} must hold a session (an object), or a list of them")
    return sessions


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key[:80]!r} is given twice; keep one")
        found[key] = value
    return found


def _figures(given: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or name in found:
            raise InvalidInputError(f"--set {text[:80]!r} is not NAME=VALUE, each name once")
        try:
            numbers = [float(part) for part in value.split(",")]
        except ValueError:
            raise InvalidEvidenceError(
                f"--set {text[:80]!r}: {value[:40]!r} is no number"
            ) from None
        found[name] = numbers if name == "returns" or len(numbers) > 1 else numbers[0]
    return found


def _session(given: dict[str, Any], name: str | None, at: str | None, *, alone: bool) -> Session:
    """One session; its id and time stand in the JSON, or in the options if it is the only one."""
    from governance.evidence.shadow.session_stats import SessionStats, check_session_id
    from governance.evidence.shadow.summary import Session

    figures = dict(given)
    values = {"session_id": name, "at": at}
    for key, option in values.items():
        inside = figures.pop(key, None)
        if option is not None and (inside is not None or not alone):
            raise InvalidInputError(f"{key} is given twice: in the file and as an option")
        values[key] = inside if option is None else option
        if values[key] is None:
            raise InvalidInputError(f"each session needs {key}, in the file or as an option")
    return Session(
        id=check_session_id(values["session_id"]),
        at=parse_time(str(values["at"])),
        stats=SessionStats.of(figures),
    )


def _row(one: ShadowProgress) -> dict[str, Any]:
    passed = sum(said.result == "pass" for said in one.criteria)
    return {
        "id": one.id,
        "model": one.name,
        "version": one.version,
        "benchmark": one.benchmark,
        "since": one.started_at,
        "sessions": one.metrics.sessions_completed,
        "days": one.metrics.days,
        "criteria met": f"{passed} of {len(one.criteria)}",
        "against the champion": None if one.comparison is None else one.comparison.verdict,
        "more sessions": "no number would do"
        if one.sessions_needed is None
        else one.sessions_needed,
    }


def _show(one: ShadowProgress, output: Output) -> None:
    if output is Output.JSON:
        print_json(one.as_json())
        return
    record = one.as_json()
    emit_record(
        {
            "version": f"{one.name}:{one.version}",
            **{key: record[key] for key in ("id", "stage", "benchmark", "started_at")},
            **record["metrics"],
            **{f"comparison.{key}": value for key, value in (record["comparison"] or {}).items()},
        },
        output,
    )
    emit_rows(
        [said.as_json() for said in one.criteria],
        output,
        columns=("gate", "result", "observed", "threshold", "mode", "reason"),
        empty="the policy asks nothing of its sessions",
    )
    if one.sessions_needed is None:
        note("at the present estimate no number of sessions would do")
    elif one.sessions_needed:
        note(f"{counted(one.sessions_needed, 'more session')} needed")
