"""`governance init`: a home with its folders, commented configuration and an empty database."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import typer

from governance.cli.output import emit_record, note
from governance.cli.session import Location, Output, OutputOption
from governance.files import make_folders, write_atomic

_TEMPLATE = b"""\
# The models that are governed. `governance config check` reads this file strictly;
# the page "Add your own model" of the documentation explains every key.
models: {}
"""
_POLICY = "promotion_policy.yaml"  # every limit with its default and what it means


def init(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Make the home, its two configuration files and the database; what exists is left as it is."""
    location: Location = context.obj
    settings = location.settings
    for folder in ("models", "active", "staging", "config"):
        make_folders(settings.home / folder)
    made = _write_new(settings.config_path, _TEMPLATE)
    policy = files("governance.config").joinpath(_POLICY).read_bytes()
    policy_made = _write_new(settings.policy_path, policy)
    with location.open() as gov:
        where = gov.database.engine.url.render_as_string(hide_password=True)
    emit_record(
        {
            "home": str(settings.home),
            "database": where,
            "config": str(settings.config_path),
            "config_created": made,
            "policy": str(settings.policy_path),
            "policy_created": policy_made,
        },
        output,
    )
    note("next: declare a model in the configuration, then `governance config check`")


def _write_new(path: Path, content: bytes) -> bool:
    """Write the file if there is none; says whether it did."""
    if path.exists():
        return False
    make_folders(path.parent)
    write_atomic(path, content)
    return True
