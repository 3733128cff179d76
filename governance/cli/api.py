"""`governance api serve`: the management API and the pages as a server, outside Airflow."""

from __future__ import annotations

from typing import Annotated

import typer

from governance.cli.output import note
from governance.cli.session import Location

app = typer.Typer(no_args_is_help=True)

_MOST_AT_ONCE = 256  # connections; a queue longer than this only grows


@app.callback()
def api() -> None:
    """A group, although it has one command."""


@app.command()
def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8700,
) -> None:
    """Serve the management API and its pages (`/dashboard`) until stopped.

    Callers need an API token (`governance token create`); people log in with one. TLS is the
    business of a proxy before it.
    """
    import uvicorn

    from governance.api import create_app
    from governance.api.patience import patient
    from governance.dashboard import mount_dashboard

    location: Location = context.obj
    with location.open() as gov:
        note(f"management API on http://{host}:{port}/api/v1 (home {gov.settings.home})")
        note(f"pages for people on http://{host}:{port}/dashboard")
        uvicorn.run(
            mount_dashboard(create_app(gov), login=True),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            http=patient(),
            server_header=False,
            limit_concurrency=_MOST_AT_ONCE,
            timeout_graceful_shutdown=15,
        )
