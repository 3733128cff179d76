"""`governance serve`: answer predictions over HTTP with the versions in production."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

from governance.cli.output import note
from governance.cli.session import Location


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8701,
    model: Annotated[
        list[str] | None,
        typer.Option(help="Pattern of models to serve; may be repeated.", show_default="all"),
    ] = None,
    log_interval: Annotated[
        float, typer.Option(min=0.05, max=60, help="Seconds until predictions are on the disk.")
    ] = 1.0,
) -> None:
    """Serve the champions until stopped.

    Callers need an API token (`governance token create`) of an operator. Predictions are written
    below <home>/predictions, where the drift scan can read them.
    """
    import uvicorn

    from governance.api.patience import patient
    from governance.serving import create_app

    location: Location = context.obj
    with location.open() as gov:
        app = create_app(gov, models=tuple(model or ("*",)), log_interval=log_interval)
        _settle()
        note(f"serving on http://{host}:{port} (home {gov.settings.home})")
        uvicorn.run(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            http=patient(),
            server_header=False,
            timeout_graceful_shutdown=15,
        )


def _settle() -> None:
    """What is imported by now stays: collections that go through it again hold up requests for a
    tenth of a second, and what waits to be logged is gone through less often. And a thread that
    computes gives way to requests sooner than after 5 ms.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    sys.setswitchinterval(0.001)
