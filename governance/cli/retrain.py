"""`governance retrain run MODEL`: the twin of the DAG ``retrain__<model>``, step by step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from governance.cli.output import emit_record, note, progress
from governance.cli.session import (
    AtOption,
    ByOption,
    Location,
    Output,
    OutputOption,
    current_person,
    parsed_at,
)
from governance.values import Verdict, iso

app = typer.Typer(no_args_is_help=True)


@app.command()
def run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model that governance.yaml declares.")],
    run_name: Annotated[
        str | None, typer.Option("--run", help="Name of the run; the same name repeats it.")
    ] = None,
    by: ByOption = None,
    at: AtOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check data, train, register, validate. Exit 3: failed, 4: evidence is missing."""
    location: Location = context.obj
    # The one place that may ask the wall clock: a person said "now" by giving no time.
    moment = parsed_at(at) or datetime.now(UTC)
    name = run_name or f"cli__{iso(moment)}"
    person = by or current_person()
    with location.open() as gov, progress() as bar:
        task = bar.add_task(f"{model}: check data", total=4)
        gov.cycle.check_data(model, run=name, at=moment)
        bar.update(task, advance=1, description=f"{model}: train")
        gov.cycle.train(model, run=name, at=moment)
        bar.update(task, advance=1, description=f"{model}: register")
        registered = gov.cycle.register(model, run=name, at=moment, by=person)
        bar.update(task, advance=1, description=f"{model}: validate")
        validated = gov.cycle.validate(registered["ref"], by=person, at=moment)
        bar.update(task, advance=1, description=f"{model}: done")
        metrics = gov.registry.resolve(registered["version_id"]).metrics
    emit_record(
        {
            "model": model,
            "run": name,
            "at": iso(moment),
            "metrics": metrics,
            **validated,
            "created": registered["created"],
        },
        output,
    )
    if validated["verdict"] == Verdict.FAIL:
        raise typer.Exit(3)
    ref = validated["ref"]
    note(
        f"{ref} is {validated['stage']}; a person puts it into production with\n"
        f'governance promotion promote {ref} --force --reason "why"'
    )
