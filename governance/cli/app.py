"""`governance NOUN VERB`: the root of the command line, and what its exit codes mean.

Data goes to stdout, messages and progress to stderr. Exit codes: 0 ok, 1 error, 2 usage, 3
conflict or gate failed, 4 insufficient evidence, 5 integrity, 6 forbidden, 7 unavailable.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated

import typer

from governance.cli import (
    alerts,
    api,
    approvals,
    audit,
    configuration,
    db,
    decisions,
    doctor,
    drift,
    health,
    init,
    lineage,
    manifest,
    policy,
    predictions,
    promotion,
    reconcile,
    registry,
    registry_import,
    retrain,
    rollback,
    serve,
    shadow,
    token,
    validate,
)
from governance.cli.session import Location
from governance.errors import GovernanceError, InsufficientEvidenceError
from governance.values import Verdict

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Model governance: what exists, what was measured, what was decided, and why.",
)
registry.app.command("import")(registry_import.import_)
app.add_typer(registry.app, name="registry", help="What exists: versions, artifacts.")
app.add_typer(drift.app, name="drift", help="Whether live data have moved.")
app.add_typer(alerts.app, name="alerts", help="Incidents, and who is told of them.")
app.add_typer(audit.app, name="audit", help="What happened: the audit log.")
app.add_typer(db.app, name="db", help="The database schema.")
app.add_typer(configuration.app, name="config", help="governance.yaml.")
app.add_typer(retrain.app, name="retrain", help="The retrain cycle without Airflow.")
app.add_typer(manifest.app, name="manifest", help="A foreign trainer's manifests, in place.")
app.add_typer(policy.app, name="policy", help="What is asked of versions.")
app.add_typer(shadow.app, name="shadow", help="Challengers beside the champion.")
app.add_typer(promotion.app, name="promotion", help="Which version decides.")
app.add_typer(decisions.app, name="decision", help="What was decided, and why.")
app.add_typer(approvals.app, name="approval", help="Who is asked before a version decides.")
app.add_typer(health.app, name="health", help="Whether champions and rollbacks would do.")
app.add_typer(api.app, name="api", help="The management API.")
app.add_typer(predictions.app, name="predictions", help="What was answered: the prediction log.")
app.add_typer(token.app, name="token", help="Who may use the APIs without Airflow.")
app.command("init", short_help="Make a home with its configuration.")(init.init)
app.command("doctor", short_help="Is this installation fit to work in?")(doctor.doctor)
app.command("validate", short_help="Judge a trained version.")(validate.validate)
app.add_typer(validate.app, name="validation", help="What a version shows on past data.")
app.command("rollback", short_help="Put an earlier version back.")(rollback.rollback)
app.command("lineage", short_help="Where versions came from.")(lineage.lineage)
app.command("serve", short_help="Answer predictions over HTTP.")(serve.serve)
app.command("reconcile", short_help="Write the derived files again.")(reconcile.reconcile)


@app.callback()
def root(
    context: typer.Context,
    home: Annotated[
        str | None, typer.Option(help="Folder of artifacts and state.", envvar="GOVERNANCE_HOME")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(help="SQLAlchemy URL; SQLite in the home if not given.", show_default=False),
    ] = None,
) -> None:
    context.obj = Location(home=home, database=database)


def main() -> None:
    """The console script: typed errors become a line on stderr and an exit code."""
    try:
        app(prog_name="governance")
    except GovernanceError as error:
        as_json = any(
            argument in ("--output=json", "-ojson")
            or (argument == "json" and before in ("--output", "-o"))
            for before, argument in zip(sys.argv, sys.argv[1:], strict=False)
        )
        if as_json:
            problem = {"code": error.code, "status": error.status, "message": error.message}
            sys.stderr.write(json.dumps(problem) + "\n")
        else:
            sys.stderr.write(f"error [{error.code}]: {error.message}\n")
        sys.exit(_exit_code(error))
    except BrokenPipeError:
        # The reader of our output left (`| head`); say nothing more, to anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _exit_code(error: GovernanceError) -> int:
    """The error's own, but a refusal for want of evidence says so."""
    decision = getattr(error, "decision", None)
    if getattr(decision, "verdict", None) is Verdict.INSUFFICIENT:
        return InsufficientEvidenceError.exit_code
    return error.exit_code
