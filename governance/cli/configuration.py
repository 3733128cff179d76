"""`governance config check`: is governance.yaml right, and can its functions be imported?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from governance.cli.output import emit_rows
from governance.cli.session import Location, Output, OutputOption
from governance.errors import ConfigError

app = typer.Typer(no_args_is_help=True)


@app.command()
def check(
    context: typer.Context,
    path: Annotated[
        Path | None, typer.Argument(help="The file; else the one that is in force.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Read the file strictly, then import every function and build every feature graph."""
    from governance.config.governance_file import load_config
    from governance.training.declared import check_declarations

    location: Location = context.obj
    file = path or location.settings.config_path
    if not file.exists():
        raise ConfigError(f"there is no {file}; `governance init` makes one")
    config = load_config(file)
    rows = [
        {
            "model": name,
            "kind": config.models[name].kind,
            "owner": config.models[name].owner,
            "trainer": config.models[name].trainer.function,
            "features": len(graph.outputs),
            "feature_graph": graph.hash[:12],
            "schedule": config.models[name].schedule,
        }
        for name, graph in check_declarations(config, file=file).items()
    ]
    emit_rows(
        rows,
        output,
        columns=("model", "kind", "owner", "trainer", "features", "feature_graph", "schedule"),
        empty=f"{file} is right and declares no model",
        extra={"file": str(file)},
    )
