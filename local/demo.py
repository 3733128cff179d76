"""`make demo`: starts a real Airflow, plays the scenes asked for, shows what came out, stops it.

    python -m local.demo retrain|drift|promotion|serving|all

What is declared is checked first, before anything is started. An Airflow that `make up` left
running is used and left running. Whatever ends the demo, what it started is stopped; only SIGKILL
prevents that, and the next start or `make down` cleans up.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from os import environ

from rich.console import Console

from governance.errors import ConfigError, GovernanceError
from governance.training.declared import check_declarations
from governance.wiring import Governance
from local import here
from local.airflow_rest import AirflowRest
from local.airflow_services import AirflowServices
from local.drift_demo import replay_storm
from local.kept_alive import KeptAlive
from local.ports import asked_port
from local.processes import ServicesError
from local.promotion_demo import promote_and_roll_back
from local.retrain_demo import retrain_all
from local.serving_demo import serve_over_http
from local.tables import shown

Scene = Callable[..., bool]


def retrain(
    gov: Governance, rest: AirflowRest, console: Console, services: AirflowServices, *, fresh: bool
) -> bool:
    outcomes = retrain_all(gov, rest, console, fresh=fresh, alive=KeptAlive(services, console))
    console.print(shown(outcomes, width=console.width))
    return all(outcome.succeeded for outcome in outcomes)


SCENES: Mapping[str, Scene] = {  # in this order
    "retrain": retrain,
    "drift": replay_storm,
    "promotion": promote_and_roll_back,
    "serving": serve_over_http,
}


def start(
    services: AirflowServices, console: Console, *, port: int | None, stays: bool = False
) -> None:
    """Start on `port` or the first free one, and wait, saying what is still missing."""
    began = time.monotonic()
    with console.status("starting Airflow") as status:
        services.start(port=port, stays=stays)
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


def checked(gov: Governance) -> None:
    """Refuse at once what a run would fail with after a minute.

    Raises:
        ConfigError: no model is declared, or one with functions or features that do not work.
    """
    file = gov.settings.config_path
    if not gov.config.models:
        raise ConfigError(f"no model is declared in {file}; declare one")
    check_declarations(gov.config, file=file)


def play(
    names: list[str], services: AirflowServices, console: Console, *, port: int | None
) -> bool:
    """All scenes on one Airflow; true if each did what it shows."""
    with here.governance() as gov:
        checked(gov)
        found_running = services.running()
        closing = ""
        try:
            if found_running:
                show_login(services, console)
                closing = "Airflow was running before and still does; `make down` stops it."
            else:
                start(services, console, port=port)
                closing = "Airflow is stopped; `make up` starts it again with all that is shown."
            with AirflowRest(services.login) as rest:
                return all(
                    [
                        SCENES[name](gov, rest, console, services, fresh=not found_running)
                        for name in names
                    ]
                )
        except ServicesError:
            services.check_alive()  # why it died says more than a call without an answer
            raise
        finally:
            if not found_running:
                services.stop()
            if closing:
                console.print(closing)


def main(arguments: list[str]) -> int:
    console = terminal()
    wanted = "".join(arguments[:1]) or "all"  # `make demo DEMO=` gives an empty text
    names = list(SCENES) if wanted == "all" else [wanted]
    if wanted not in (*SCENES, "all"):
        console.print(f"DEMO={wanted} does not exist; choose DEMO={'|'.join((*SCENES, 'all'))}")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    services = here.services(scheduled=False)
    try:
        port = asked_port(environ.get("PORT"))
        with services.reserved():
            return 0 if play(names, services, console, port=port) else 1
    except GovernanceError as error:
        console.print(error.message, style="red", markup=False, highlight=False)
        return error.exit_code
    except ServicesError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped by you")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
