"""An Airflow whose components may die once in a scene: what died is started again, and it is said.

A scheduler on SQLite dies of a lock or of a row that another process removed; the next one goes on
from the database. Not promised: more than one such start of a component, since what dies twice
dies of something else.
"""

from __future__ import annotations

from rich.console import Console

from local.airflow_services import AirflowServices


class KeptAlive:
    """Call it while waiting: it starts again what died, or says why it cannot go on."""

    def __init__(self, services: AirflowServices, console: Console) -> None:
        self._services = services
        self._console = console
        self._restarted: set[str] = set()

    def __call__(self) -> None:
        """
        Raises:
            ServicesError: a component died for the second time, with the end of its log.
        """
        dead = self._services.processes.dead()
        if not dead:
            return
        if self._restarted & set(dead):
            self._services.check_alive()
        for name in dead:
            self._restarted.add(name)
            why = _last_line(self._services, name)
            kept = self._services.restart(name)
            self._console.print(
                f"Airflow's {name} ended ({why}) and was started again; its log is in {kept}",
                style="yellow",
                markup=False,
                highlight=False,
            )
        self._services.wait()


def _last_line(services: AirflowServices, component: str) -> str:
    """What an exception says stands in the last line of a log."""
    lines = services.log(component).read_text(errors="replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "without a word")
