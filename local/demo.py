"""`make demo`: starts a real Airflow, plays the scenes asked for, shows what came out, stops it.

    python -m local.demo retrain|all

An Airflow that `make up` left running is used and left running. Whatever ends the demo, what it
started is stopped; only SIGKILL prevents that, and the next start or `make down` cleans up.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from os import environ

from rich.console import Console

from governance.errors import GovernanceError
from governance.wiring import Governance
from local import here
from local.airflow_rest import AirflowRest
from local.airflow_services import AirflowServices, ServicesError
from local.retrain_demo import retrain_all
from local.tables import outcome_table

Scene = Callable[..., bool]


def retrain(
    gov: Governance, rest: AirflowRest, console: Console, services: AirflowServices, *, fresh: bool
) -> bool:
    outcomes = retrain_all(gov, rest, console, fresh=fresh, alive=services.check_alive)
    console.print(outcome_table(outcomes))
    return all(outcome.succeeded for outcome in outcomes)


SCENES: Mapping[str, Scene] = {"retrain": retrain}


def start(services: AirflowServices, console: Console, *, stays: bool = False) -> None:
    """Start on `PORT` or the first free port, and wait, saying what is still missing."""
    began = time.monotonic()
    with console.status("starting Airflow") as status:
        services.start(port=environ.get("PORT"), stays=stays)
        services.wait(tick=lambda missing: status.update(f"waiting for {', '.join(missing)}"))
    console.print(f"Airflow is up after {time.monotonic() - began:.0f} s")
    show_login(services, console)


def terminal() -> Console:
    """The terminal; a pipe or a CI log is taken to be wide enough for the table."""
    console = Console()
    return console if console.is_terminal else Console(width=120)


def show_login(services: AirflowServices, console: Console) -> None:
    login = services.login
    console.print(
        f"Airflow: [link={login.address}]{login.address}[/link]  "
        f"user [bold]{login.user}[/bold]  password [bold]{login.password}[/bold]",
        highlight=False,
    )


def play(names: list[str], services: AirflowServices, console: Console) -> bool:
    """All scenes on one Airflow; true if each did what it shows."""
    found_running = services.running()
    try:
        if found_running:
            show_login(services, console)
        else:
            start(services, console)
        with here.governance() as gov, AirflowRest(services.login) as rest:
            return all(
                [
                    SCENES[name](gov, rest, console, services, fresh=not found_running)
                    for name in names
                ]
            )
    finally:
        if found_running:
            console.print("Airflow was running before and still does; `make down` stops it.")
        else:
            services.stop()
            console.print("Airflow is stopped; `make up` starts it again with all that is shown.")


def main(arguments: list[str]) -> int:
    console = terminal()
    wanted = arguments[0] if arguments else "retrain"
    names = list(SCENES) if wanted == "all" else [wanted]
    if wanted not in (*SCENES, "all"):
        console.print(f"DEMO={wanted} does not exist; choose DEMO={'|'.join((*SCENES, 'all'))}")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    services = here.services(scheduled=False)
    try:
        with services.reserved():
            return 0 if play(names, services, console) else 1
    except (ServicesError, GovernanceError) as error:
        console.print(f"[red]{type(error).__name__}[/red]", highlight=False)
        console.print(str(error), markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped by you")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
