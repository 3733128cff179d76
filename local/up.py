"""`make up`: starts Airflow and leaves it running; a second call shows where it is."""

from __future__ import annotations

import sys
from os import environ

from rich.console import Console

from local import here
from local.airflow_services import ServicesError, asked_port
from local.demo import show_login, start


def main() -> int:
    console = Console()
    services = here.services(scheduled=True)
    try:
        port = asked_port(environ.get("PORT"))
        with services.reserved():
            if services.running():
                console.print("Airflow is running already.")
                show_login(services, console)
                return 0
            try:
                start(services, console, port=port, stays=True)
            except BaseException:
                services.stop()
                raise
    except ServicesError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        return 130
    console.print("`make down` stops it. Its DAGs are paused until you switch them on.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
