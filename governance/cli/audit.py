"""`governance audit list|verify|checkpoint|keygen`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from governance.cli.output import emit_record, emit_rows, note, progress, shown
from governance.cli.session import Location, Output, OutputOption
from governance.errors import SettingsError

if TYPE_CHECKING:
    from governance.settings import Settings

app = typer.Typer(no_args_is_help=True)

_DETAILS = 120  # characters of an entry's details in a table


@app.command("list")
def list_(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(help="Only this model.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this action.")] = None,
    actor: Annotated[str | None, typer.Option(help="Only what this person did.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only entries behind this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Entries on a page.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """What happened, oldest first."""
    location: Location = context.obj
    with location.open() as gov:
        entries = gov.audit.entries(
            model=model, action=action, actor=actor, after=after, limit=limit
        )
    emit_rows(
        [
            {
                "seq": entry.seq,
                "recorded_at": entry.recorded_at,
                "actor": entry.actor,
                "action": entry.action,
                "model": entry.model,
                "version_id": entry.version_id,
                "details": dict(entry.details) if output is Output.JSON else _short(entry.details),
                "hash": entry.hash,
            }
            for entry in entries
        ],
        output,
        columns=("seq", "recorded_at", "actor", "action", "model", "version_id", "details"),
        empty="no entries",
    )
    if len(entries) == limit and output is Output.TABLE:
        note(f"more: --after {entries[-1].seq}")


@app.command()
def verify(
    context: typer.Context,
    checkpoint: Annotated[
        Path | None, typer.Option(help="A signed checkpoint; sees a cut tail and a rewrite.")
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(
            help="PEM of the key that checkpoints must be signed with; else "
            "GOVERNANCE_CHECKPOINT_PUBLIC_KEY_FILE, else the public half of "
            "GOVERNANCE_CHECKPOINT_KEY_FILE."
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Walk the whole chain. Exit 5 names the first bad entry."""
    from governance.history.audit import AuditLog
    from governance.history.checkpoints import load_public_key

    location: Location = context.obj
    with location.open() as gov, progress() as bar:
        pinned = None if public_key is None else load_public_key(public_key)
        audit = gov.audit if pinned is None else AuditLog(gov.database, trusted_key=pinned)
        task = bar.add_task("audit log", total=None)
        found = audit.verify(checkpoint, progress=lambda seq: bar.update(task, completed=seq))
    emit_record(
        {
            "intact": True,
            "entries": found.entries,
            "head": found.head,
            "anchored": checkpoint is not None,
        },
        output,
    )
    if checkpoint is None:
        note("without --checkpoint a cut tail or a rewritten log cannot be seen")


@app.command()
def checkpoint(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="Where to write it: not beside the database.")],
    key: Annotated[
        Path | None, typer.Option(help="Private key (PEM); else GOVERNANCE_CHECKPOINT_KEY_FILE.")
    ] = None,
    previous: Annotated[
        Path | None, typer.Option(help="An earlier checkpoint, kept elsewhere, to verify against.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Verify the log and sign where it ends.

    An existing checkpoint at the same path is replaced only by a longer or equal log that it fits.
    """
    from governance.history.audit import AuditLog
    from governance.history.checkpoints import Checkpoint, create_checkpoint, load_private_key

    location: Location = context.obj
    private = load_private_key(_key_file(key, location.settings))
    standing = Checkpoint.load(out) if os.path.lexists(out) else None
    with location.open() as gov:
        audit = AuditLog(gov.database, trusted_key=private.public_key())
        if previous is not None:
            audit.verify(previous)
        made = create_checkpoint(audit, private, previous=standing)
    made.save(out)
    emit_record({"file": str(out), "seq": made.seq, "hash": made.hash}, output)
    note("keep it where whoever writes the database cannot write")


@app.command()
def keygen(
    private: Annotated[Path, typer.Argument(help="File for the private key; keep it secret.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Make an Ed25519 key pair for checkpoints; the public half gets the suffix .pub."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from governance.history.checkpoints import key_id, save_private_key, save_public_key

    key = Ed25519PrivateKey.generate()
    public = private.with_name(private.name + ".pub")
    if private.exists():
        raise SettingsError(f"{private} exists; keys are never overwritten, give another")
    save_public_key(key.public_key(), public)  # first: it is the half that others may have pinned
    save_private_key(key, private)
    emit_record(
        {"private": str(private), "public": str(public), "key_id": key_id(key.public_key())}, output
    )


def _short(details: Mapping[str, Any]) -> str:
    """Details for a table cell; ``--output json`` has them whole."""
    text = shown(dict(details))
    return text if len(text) <= _DETAILS else text[: _DETAILS - 1] + "…"


def _key_file(given: Path | None, settings: Settings) -> Path:
    found = given or settings.checkpoint_key_file
    if found is None:
        raise SettingsError(
            "no key to sign with; give --key or GOVERNANCE_CHECKPOINT_KEY_FILE "
            "(`governance audit keygen` makes one)"
        )
    return found
