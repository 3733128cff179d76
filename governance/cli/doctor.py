"""`governance doctor`: is this installation fit to work in, and if not, what is to be done?"""

from __future__ import annotations

import os
from typing import Annotated

import typer

from governance.cli.output import emit_rows, note, print_json
from governance.cli.session import Location, Output, OutputOption

PROBLEM_EXIT = 1


def doctor(
    context: typer.Context,
    home_is_shared: Annotated[
        bool,
        typer.Option(
            "--home-is-shared",
            help="You vouch that every worker mounts this very home (a volume of one machine).",
        ),
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Look at database, schema, clock, home, configuration, rights, keys, mail and plugin.

    Changes nothing. Run it where tasks run, as their user, with their environment. Exit 1: there is
    a problem; warnings and what could not be looked at (unknown) end with 0.
    """
    from governance.doctor import Status, examine
    from governance.doctor.finding import worst

    location: Location = context.obj
    findings = tuple(examine(lambda: location.settings, os.environ, home_is_shared=home_is_shared))
    rows = [finding.as_json() for finding in findings]
    status = worst(findings)
    if output is Output.JSON:
        print_json({"status": status.value, "checks": rows})
    else:
        emit_rows(rows, output, columns=("status", "check", "found"), empty="nothing was checked")
        for finding in findings:
            if finding.status is not Status.OK:
                note(f"{finding.check}: {finding.remedy} (then: {finding.verify})")
    if status is Status.PROBLEM:
        raise typer.Exit(PROBLEM_EXIT)
