"""`governance policy show|check|backtest`: what is asked and who said so; is a file right, and what
would it have said of the past?
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from governance.cli.output import counted, emit_record, emit_rows, note, print_json
from governance.cli.session import Location, Output, OutputOption
from governance.errors import InvalidInputError
from governance.values import Kind, check_model_name

if TYPE_CHECKING:
    from governance.policy.promotion.effective import Effective
    from governance.wiring import Governance

app = typer.Typer(no_args_is_help=True)


@app.command()
def show(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="Model name.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Every key, and which layer said it.")
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE of a request laid over it; repeatable."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """What a version of this model must show before it decides."""
    from governance.canonical import sha256_of
    from governance.policy.promotion.effective import unknown_variables
    from governance.policy.promotion.loosening import loosened

    location: Location = context.obj
    request = parsed_changes(changes or ())
    with _problem_said_once(), location.open() as gov:
        declared = gov.config.models.get(check_model_name(model))
        kind = Kind.TRADING if declared is None else declared.kind
        several = _several(gov, model)
        effective = gov.policy.promotion(model, kind, request, bundle=several)
        in_force = gov.policy.promotion(model, kind, bundle=several)
        less = loosened(in_force.limits, effective.limits)
        problem, headline = gov.policy.problem, gov.policy.headline
    if problem is not None:
        note(f"{headline}:\n{problem}")
    for wrong in unknown_variables(os.environ):
        note(wrong)
    limits = effective.limits.as_json()
    if output is Output.JSON:
        print_json(
            {
                "model": model,
                "kind": kind,
                "declared": declared is not None,
                "mode": effective.mode,
                "limits": limits,
                "limits_digest": sha256_of(limits),
                "origins": effective.origins,
                "loosened": less,
                "problem": problem,
            }
        )
        return
    where = "declared" if declared is not None else "not declared, so judged as"
    note(f"{model}: {where} {kind}; mode {effective.mode}")
    rows = [row for row in _rows(effective, limits) if explain or row["asked"]]
    columns = ("key", "value", "origin") if explain else ("key", "value")
    emit_rows(rows, output, columns=columns, empty="nothing is asked")
    if explain:
        note("later stands over earlier: default, kind, model, environment, request")
    if less:
        note(f"asks less than the policy in {', '.join(less)}: needs an approver and a reason")


@contextmanager
def _problem_said_once() -> Iterator[None]:
    """`show` says itself what is wrong with the file; the log's line would be the second."""
    from governance.decisions import policy_in_force

    def other(record: logging.LogRecord) -> bool:
        return record.msg != policy_in_force.PROBLEM_LINE

    log = logging.getLogger(policy_in_force.__name__)
    log.addFilter(other)
    try:
        yield
    finally:
        log.removeFilter(other)


def _several(gov: Governance, model: str) -> bool:
    """Is its newest version a bundle? One that was imported is declared nowhere."""
    from governance.decisions.policy_in_force import holds_several

    return any(map(holds_several, gov.registry.list_models(model, limit=1)))


def _rows(effective: Effective, limits: Mapping[str, Any]) -> list[dict[str, Any]]:
    from governance.policy.promotion.effective import ENVIRONMENT

    variables = {key: variable for variable, (key, _) in ENVIRONMENT.items()}
    rows = []
    for key, value in limits.items():
        origin = effective.origins[key]
        if origin == "environment":
            origin = f"environment {variables[key]}"
        if key == "modes":
            rows += [
                {
                    "key": f"modes.{gate}",
                    "value": mode,
                    "origin": effective.origins.get(f"modes.{gate}", origin),
                    "asked": True,
                }
                for gate, mode in sorted(value.items())
            ]
            continue
        rows.append(
            {
                "key": key,
                "value": value,
                "origin": origin,
                "asked": value not in (None, [], False) or origin != "default",
            }
        )
    return rows


def parsed_changes(changes: Sequence[str]) -> dict[str, Any]:
    """The `--set` options; a value is read as the policy file would read it."""
    from governance.config.strict_yaml import parse_yaml

    found: dict[str, Any] = {}
    for change in changes:
        key, sign, text = change.partition("=")
        if not sign or not key.strip():
            raise InvalidInputError(f"--set {change[:80]!r}: write KEY=VALUE")
        if key.strip() in found:
            raise InvalidInputError(f"--set names {key.strip()[:80]!r} twice; keep one")
        found[key.strip()] = parse_yaml(text.encode(), source=f"--set {key.strip()[:80]}").value
    return found


@app.command()
def check(
    context: typer.Context,
    path: Annotated[
        Path | None,
        typer.Argument(help="The file, - for standard input; else this installation's."),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read a policy file strictly; exit 2 with every mistake, its line and column."""
    from governance.config.policy_file import read_policy

    location: Location = context.obj
    file = path or location.settings.policy_path
    if str(file) == "-":
        file = Path("/dev/stdin")
    policy = read_policy(file, stream=path is not None)
    emit_record(
        {
            "file": str(file),
            "mode": policy.mode,
            "models": sorted(policy.models),
            "may_force": policy.force.allowed,
        },
        output,
    )


@app.command()
def backtest(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The proposed policy file.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Try a policy file on every promotion that was decided; lists what would change, and why."""
    location: Location = context.obj
    with location.open() as gov:
        found = gov.promotion.backtest_policy(path)
    if output is Output.JSON:
        print_json(found.as_json())
        return
    emit_rows(
        [flip.as_json() for flip in found.flips],
        output,
        columns=("id", "model", "version", "at", "forced", "before", "after", "reasons"),
        empty="no decision would change",
    )
    note(
        f"{counted(found.judged, 'promotion')} judged again, {len(found.flips)} would change; "
        f"{found.changed} would be refused for another reason"
    )
    if found.not_replayable:
        note(f"{counted(len(found.not_replayable), 'promotion')} could not be judged again:")
        for decision, reason in found.not_replayable.items():
            note(f"  {decision}: {reason}")
