"""`make up`: starts Airflow and both APIs and leaves them running; a second call shows where they
are."""

from __future__ import annotations

import sys
from os import environ

from rich.console import Console

from governance.errors import GovernanceError
from local import here
from local.demo import show_login, start
from local.ports import asked_port
from local.processes import ServicesError
from local.servers import Servers


def serve(servers: Servers, airflow: str, console: Console) -> None:
    """Both servers, and where their token is."""
    with here.governance() as gov:
        token = servers.token(gov)
    if not servers.running():
        with console.status("starting the APIs"):
            servers.start()
            servers.wait()
    console.print(f"Management API: {servers.api}/api/v1  predictions: {servers.serving}/api/v1")
    console.print(f"The same for who is logged in to Airflow: {airflow}/governance/api/v1/docs")
    console.print(f"An admin's token for both is in {token} (only you can read it).")


def main() -> int:
    console = Console(soft_wrap=True)
    services, servers = here.services(scheduled=True), here.servers()
    try:
        port = asked_port(environ.get("PORT"))
        with services.reserved():
            found_running = services.running()
            try:
                if found_running:
                    console.print("Airflow is running already.")
                    show_login(services, console)
                else:
                    start(services, console, port=port, stays=True)
                serve(servers, services.login.address, console)
            except BaseException:
                if not found_running:  # all that this call started, or nothing
                    services.stop()
                    servers.stop()
                raise
    except ServicesError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    except GovernanceError as error:
        console.print(error.message, style="red", markup=False, highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    console.print("`make down` stops all. Airflow's DAGs are paused until you switch them on.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
