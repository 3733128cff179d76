"""`governance drift scan|report|explain|profile|calibration`: has live data drifted, and why so?

The twin of the DAGs ``drift_scan`` and ``drift_calibration``; the words of ``explain`` are in
``drift_words``. Exit 4: too little data to say anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from governance.cli.drift_table import (
    CALIBRATION_COLUMNS,
    FEATURE_COLUMNS,
    calibration_row,
    feature_row,
)
from governance.cli.drift_words import explained
from governance.cli.output import emit_record, emit_rows, note, print_json, progress, stdout
from governance.cli.session import Location, Output, OutputOption, parsed_at
from governance.errors import (
    DriftScanError,
    InsufficientEvidenceError,
    InvalidInputError,
    NotFoundError,
)
from governance.files import write_atomic
from governance.values import Severity, iso

if TYPE_CHECKING:
    from governance.evidence.drift.report import DriftReport
    from governance.wiring import Governance

app = typer.Typer(no_args_is_help=True)

_HOUR = timedelta(hours=1)
_INSUFFICIENT = InsufficientEvidenceError.exit_code

ModelArgument = Annotated[str, typer.Argument(help="A model that declares drift.")]
LookOption = Annotated[
    str | None, typer.Option("--at", help="Whole hour, ISO 8601 with a zone.", show_default=False)
]


@app.command()
def scan(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="A model that declares drift.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every model in production.")] = False,
    at: LookOption = None,
    start: Annotated[
        str | None, typer.Option("--from", help="First hour of a range.", show_default=False)
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="Last hour of the range.", show_default=False)
    ] = None,
    reference: Annotated[str, typer.Option(help="Days of the rolling reference.")] = "30d",
    output: OutputOption = Output.TABLE,
) -> None:
    """Look at the day before a time, or at every hour of a range. Exit 4: nothing can be said."""
    if (model is None) == (not every):
        raise InvalidInputError("name a model, or give --all")
    moments = _moments(at, start, end)
    location: Location = context.obj
    reports: list[DriftReport] = []
    failed: DriftScanError | None = None
    with location.open() as gov, progress() as bar:
        task = bar.add_task("scan", total=len(moments))
        for moment in moments:
            bar.update(task, description=f"scan {iso(moment)[:16]}Z")
            try:
                reports += _looks(gov, model, moment, reference)
            except DriftScanError as error:
                reports, failed = [*reports, *error.reports], error
            bar.advance(task)
        for report in reports:
            if report.event is not None:
                note(f"page: {gov.publish_drift_report(report)}")
    _show(reports, output, single=model is not None and len(moments) == 1)
    if failed is not None:
        raise failed
    if any(report.severity is Severity.INSUFFICIENT for report in reports):
        raise typer.Exit(_INSUFFICIENT)


def _looks(
    gov: Governance, model: str | None, moment: datetime, reference: str
) -> Sequence[DriftReport]:
    if model is not None:
        return [gov.drift.scan(model, at=moment, reference=reference)]
    names = [name for shard in gov.drift.shards(moment) for name in shard]
    return gov.drift.scan_shard(names, at=moment)


def _moments(at: str | None, start: str | None, end: str | None) -> list[datetime]:
    if start is None and end is None:
        return [parsed_at(at) or _now()]
    first, last = parsed_at(start), parsed_at(end)
    if first is None or last is None or at is not None:
        raise InvalidInputError("a range needs --from and --to, and no --at")
    if first > last:
        raise InvalidInputError("--from is after --to; exchange them")
    return list(_hourly(first, last))


def _hourly(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += _HOUR


def _now() -> datetime:
    """The last whole hour: a person said "now" by giving no time."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def _show(reports: Sequence[DriftReport], output: Output, *, single: bool) -> None:
    if output is Output.JSON and single:
        print_json(reports[0].as_json())
        return
    rows = [
        report.as_json()
        if output is Output.JSON
        else {
            "model": f"{report.model}:{report.version}",
            "at": report.at,
            "severity": report.severity,
            "rows": report.rows,
            "moved": sum(
                f.severity in (Severity.MODERATE, Severity.SEVERE) for f in report.features
            ),
            "incident": report.incident_id,
            "event": report.event,
            "reason": report.reasons[0],
        }
        for report in reports
    ]
    columns = ("model", "at", "severity", "rows", "moved", "incident", "event", "reason")
    emit_rows(rows, output, columns=columns, empty="no model in production declares drift")


@app.command()
def report(
    context: typer.Context,
    model: ModelArgument,
    at: LookOption = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page with plots to this file.", show_default=False)
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """What a scan found: every watched feature, the worst first. The latest look without --at."""
    location: Location = context.obj
    with location.open() as gov:
        found = _found(gov, model, at)
        if html is not None:
            write_atomic(html.absolute(), gov.drift_html(found).encode())
            note(f"page: {html.absolute()}")
    if output is Output.JSON:
        print_json(found.as_json())
    else:
        note(f"{found.model}:{found.version} at {iso(found.at)[:16]}Z: {found.severity}")
        for reason in found.reasons:
            note(f"  {reason}")
        emit_rows(
            [feature_row(feature) for feature in found.features],
            output,
            columns=FEATURE_COLUMNS,
            empty="no feature could be looked at",
        )
    if found.severity is Severity.INSUFFICIENT:
        raise typer.Exit(_INSUFFICIENT)


@app.command()
def explain(
    context: typer.Context,
    model: ModelArgument,
    feature: Annotated[str | None, typer.Argument(help="One feature; all if not given.")] = None,
    at: LookOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Why a look said what it said, in words: figures, what is normal, limits, rules."""
    location: Location = context.obj
    with location.open() as gov:
        found = _found(gov, model, at)
    if feature is not None and feature not in {item.feature for item in found.features}:
        names = ", ".join(item.feature for item in found.features) or "none"
        raise NotFoundError(f"{model} does not watch {feature!r}; it watches {names}")
    lines = explained(found, feature)
    if output is Output.JSON:
        print_json({"model": found.model, "at": iso(found.at), "lines": lines})
    else:
        for line in lines:
            stdout.print(line)
    if found.severity is Severity.INSUFFICIENT:
        raise typer.Exit(_INSUFFICIENT)


def _found(gov: Governance, model: str, at: str | None) -> DriftReport:
    moment = parsed_at(at)
    reports = gov.drift.get_reports(model, since=moment, until=moment, limit=1)
    if not reports:
        _require_watched(gov, model)
        when = "" if moment is None else f" at {iso(moment)}"
        raise NotFoundError(
            f"there is no drift report of {model}{when}; make one with `governance drift scan`"
        )
    return reports[0]


def _require_watched(gov: Governance, model: str) -> None:
    """What a scan would refuse, the commands that read its records refuse alike.

    Raises:
        ConfigError: the model is not declared. DriftDisabledError: it declares no drift.
    """
    from governance.evidence.drift.scanning.watching import Watch

    Watch.of(model, gov.config.model(model))


@app.command()
def profile(
    context: typer.Context,
    model: ModelArgument,
    start: Annotated[str, typer.Option("--from", help="First hour, with a zone.")],
    end: Annotated[str, typer.Option("--to", help="End, exclusive.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Read a range of live data again: before a first scan, or after late data were mended."""
    location: Location = context.obj
    with location.open() as gov, progress() as bar:
        task = bar.add_task(f"{model}: profile", total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        first, last = parsed_at(start), parsed_at(end)
        assert first is not None and last is not None  # both are required
        done = gov.drift.profile(model, start=first, end=last, progress=advance)
    emit_record(done, output)


@app.command()
def calibration(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="One model; all if not given.")] = None,
    run: Annotated[bool, typer.Option("--run", help="Measure now, for --at.")] = False,
    at: LookOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Measured false alarms beside the budget: reference days held against each other."""
    location: Location = context.obj
    with location.open() as gov:
        if run:
            if model is None:
                raise InvalidInputError("name the model to measure")
            found = [gov.drift.calibrate(model, at=parsed_at(at) or _now())]
        else:
            found = gov.drift.get_calibrations(model)
            if model is not None and not found:
                _require_watched(gov, model)
    emit_rows(
        [item.as_json() if output is Output.JSON else calibration_row(item) for item in found],
        output,
        columns=CALIBRATION_COLUMNS,
        empty="nothing was measured yet; `governance drift calibration MODEL --run` does",
    )
