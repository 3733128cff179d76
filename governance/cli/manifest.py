"""`governance manifest --models-dir DIR status|evaluate|rollback`: document 004's command line.

Governs a foreign trainer's `manifest_latest.json` in its own folder. The environment variables
`MODEL_GOV_*` say what is asked, options override them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from governance.cli.output import emit_record, emit_rows, note
from governance.cli.session import (
    AtOption,
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)
from governance.errors import GateFailedError, InvalidInputError

if TYPE_CHECKING:
    from governance.decisions.manifests.governed_folder import GovernedFolder
    from governance.decisions.manifests.outcome import Outcome
    from governance.wiring import Governance

app = typer.Typer(no_args_is_help=True)


@dataclass(frozen=True, slots=True)
class _Given:
    location: Location
    models_dir: Path
    ops_db: Path | None

    def folder(self, gov: Governance) -> GovernedFolder:
        return gov.manifests(self.models_dir, ops_db=self.ops_db)


@app.callback()
def manifest(
    context: typer.Context,
    models_dir: Annotated[
        Path, typer.Option(help="The trainer's folder.", envvar="RF_MODEL_DIR")
    ] = Path("data/models"),
    ops_db: Annotated[
        Path | None, typer.Option(help="SQLite file that gets the five ops_status keys.")
    ] = None,
) -> None:
    context.obj = _Given(context.obj, models_dir, ops_db)


@app.command()
def status(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """What is active, what waits, what was decided last. Changes nothing."""
    given: _Given = context.obj
    with given.location.open() as gov:
        found = given.folder(gov).status()
    if output is Output.TABLE:
        state = found.pop("state")
        found |= {key: state[key] for key in ("generation", "last_action", "last_reason")}
    emit_record(found, output)


@app.command()
def evaluate(
    context: typer.Context,
    required_targets: Annotated[str | None, typer.Option(help="Comma-separated.")] = None,
    required_horizons: Annotated[str | None, typer.Option(help="Comma-separated.")] = None,
    min_trained_end_delta_ms: Annotated[
        int | None, typer.Option(help="How much later the data must end.")
    ] = None,
    max_mfe_regression_bps: Annotated[float | None, typer.Option()] = None,
    max_mae_worsening_bps: Annotated[float | None, typer.Option()] = None,
    allow_feature_version_change: Annotated[
        bool | None, typer.Option("--allow-feature-version-change/--no-feature-version-change")
    ] = None,
    force_promote: Annotated[
        bool, typer.Option("--force-promote", help="Skip the gates; needs --reason.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why; goes into the record.")] = None,
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Ask the gates of the candidate; make it active if they pass."""
    from governance.decisions.manifests.judging import force_asked, limits_of

    given: _Given = context.obj
    limits = limits_of(
        os.environ,
        required_targets=_words(required_targets),
        required_horizons=_numbers(required_horizons),
        min_trained_end_delta_ms=min_trained_end_delta_ms,
        max_mfe_regression_bps=max_mfe_regression_bps,
        max_mae_worsening_bps=max_mae_worsening_bps,
        allow_feature_version_change=allow_feature_version_change,
    )
    force = force_promote or force_asked(os.environ)
    with given.location.open() as gov:
        outcome = given.folder(gov).evaluate(
            limits,
            by=by or current_person(),
            force=force,
            reason=reason,
            at=parsed_at(at),
        )
    _emit(outcome, output)
    if outcome.action == "rejected":
        or_force = "" if force else ", or force it with --force-promote and --reason"
        raise GateFailedError(
            f"{outcome.candidate_version} was rejected: {outcome.reason}. Train a better one"
            f"{or_force}",
            decision=outcome.judgement,
        )


@app.command()
def rollback(
    context: typer.Context,
    to_version: Annotated[
        str | None, typer.Option(help="Such as v010; the previous one if not given.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; goes into the record.")] = None,
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Make the previous or a named version active again."""
    given: _Given = context.obj
    with given.location.open() as gov:
        outcome = given.folder(gov).rollback(
            to_version=to_version, by=by or current_person(), reason=reason, at=parsed_at(at)
        )
    _emit(outcome, output)


def _emit(outcome: Outcome, output: Output) -> None:
    record: dict[str, Any] = outcome.as_json()
    if output is Output.JSON:
        emit_record(record, output)
        return
    emit_rows(
        record["checks"],
        output,
        columns=("gate", "result", "observed", "threshold", "reason"),
        empty="no gate was asked",
    )
    note(f"{outcome.action}: {outcome.reason}")
    note(f"active: {outcome.active_version} (generation {outcome.generation})")


def _words(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _numbers(text: str | None) -> tuple[int, ...] | None:
    try:
        return None if (words := _words(text)) is None else tuple(map(int, words))
    except ValueError:
        raise InvalidInputError(
            f"--required-horizons {str(text)[:60]!r}: write whole numbers, such as 5,15,60"
        ) from None
