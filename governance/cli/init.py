"""`governance init`: a home with its folders, a commented configuration and an empty database."""

from __future__ import annotations

import typer

from governance.cli.output import emit_record, note
from governance.cli.session import Location, Output, OutputOption
from governance.files import make_folders, write_atomic

_TEMPLATE = b"""\
# The models that are governed. `governance config check` reads this file strictly;
# the page "Add your own model" of the documentation explains every key.
models: {}
"""


def init(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Make the home, governance.yaml and the database; what exists is left as it is."""
    location: Location = context.obj
    settings = location.settings
    for folder in ("models", "active", "staging", "config"):
        make_folders(settings.home / folder)
    made = not settings.config_path.exists()
    if made:
        make_folders(settings.config_path.parent)
        write_atomic(settings.config_path, _TEMPLATE)
    with location.open() as gov:
        where = gov.database.engine.url.render_as_string(hide_password=True)
    emit_record(
        {
            "home": str(settings.home),
            "database": where,
            "config": str(settings.config_path),
            "config_created": made,
        },
        output,
    )
    note("next: declare a model in the configuration, then `governance config check`")
