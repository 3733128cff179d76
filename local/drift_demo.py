"""The second scene of the demo: the storm of February 2013, seen by the hourly drift scan.

The command line profiles the quiet days first, then Airflow backfills the DAG `drift_scan` over the
hours in which the storm came. The alert that this causes is caught by a mail server of the demo's
own and printed.

Times are the flights': what is replayed lies in 2013, as if every run had happened on its hour.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from governance.history.incident_handling import Incident
from governance.wiring import Governance
from local import here
from local.airflow_rest import FINISHED, AirflowRest
from local.airflow_services import AirflowServices
from local.caught_mail import MailCatcher, text_of
from local.kept_alive import KeptAlive
from local.ports import HOST
from local.processes import ServicesError
from local.retrain_demo import dag_of, first_failure, switched_on, wait_for_dags

MODEL = "arrival_delay"
SCAN, DELIVER = "drift_scan", "deliver_alerts"
# The quiet days in New York, New Year to the end of 6 February: what the storm is held against.
QUIET = (datetime(2013, 1, 1, 5, tzinfo=UTC), datetime(2013, 2, 7, 5, tzinfo=UTC))
# A run costs Airflow 6 s (15 on a busy machine) whatever it does, so the storm is cut to the ten
# hours around its alarm: from one to ten in the afternoon of 8 February in New York.
STORM = (datetime(2013, 2, 8, 18, tzinfo=UTC), datetime(2013, 2, 9, 3, tzinfo=UTC))
HOUR = timedelta(hours=1)
TIMEOUT = 600.0
MAIL_TIMEOUT = 120.0
CONNECTION = "smtp_governance"
OURS = "made by `make demo`"


def replay_storm(
    gov: Governance,
    rest: AirflowRest,
    console: Console,
    services: AirflowServices,
    *,
    fresh: bool,
) -> bool:
    """Profile, backfill, deliver, show; true if the storm was found and its alert told."""
    champion = gov.registry.get_production_model(MODEL, at=QUIET[1])
    if champion is None:
        raise ServicesError(
            f"no version of {MODEL} was in production on 6 February 2013. `make demo DEMO=all` "
            "promotes one as of 1 February, unless another one stands already: then remove "
            f"{here.HOME} first"
        )
    alive = KeptAlive(services, console)
    wait_for_dags(rest, {SCAN, DELIVER}, alive=alive)
    if fresh:
        for dag_id in (SCAN, DELIVER):
            rest.abandon_unfinished(dag_id)
    profile_quiet_days(console)
    mail = None
    with (
        MailCatcher(services.home / "mail") as catcher,
        mail_to(catcher, rest),
        switched_on(rest, [SCAN, DELIVER]),
    ):
        failed = backfill(rest, console, alive=alive)
        if (incident := found_incident(gov)) is not None:
            mail = told(incident, catcher, rest, alive=alive)
        events = rest.events_of(SCAN)
    console.print(hours_table(gov))
    for run in failed:
        console.print(f"{run}: {first_failure(rest, SCAN, run)}", style="red", markup=False)
    if incident is None:
        console.print("no incident was opened, which the storm should have done", style="red")
        return False
    if mail is None:
        console.print(f"incident {incident.id} was opened, but no mail told of it", style="red")
        return False
    show_mail(mail, console)
    for uri, extra in events.items():
        line = (
            f"{uri} changed (at {extra['at'][:16]}Z); {dag_of(MODEL)} listens to it when it is on"
        )
        console.print(line, markup=False, highlight=False)
    return not failed


def profile_quiet_days(console: Console) -> None:
    """Profile the quiet days, which are the storm's reference."""
    start, end = (moment.strftime("%Y-%m-%dT%H:%MZ") for moment in QUIET)
    arguments = ["drift", "profile", MODEL, "--from", start, "--to", end]
    console.print(f"$ governance {' '.join(arguments)}", markup=False, highlight=False)
    env = {key: value for key, value in os.environ.items() if not key.startswith("GOVERNANCE_")}
    done = subprocess.run(
        [sys.executable, "-m", "governance.cli", *arguments],
        env=env | here.variables(),
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ServicesError(f"`governance {' '.join(arguments)}` failed:\n{done.stderr.strip()}")
    console.print(done.stdout.strip(), markup=False, highlight=False)


@contextmanager
def mail_to(catcher: MailCatcher, rest: AirflowRest) -> Iterator[None]:
    """Airflow's connection for alerts leads to the demo's mail server meanwhile.

    Raises:
        ServicesError: there is a connection that somebody else made.
    """
    standing = rest.connection(CONNECTION)
    if standing is not None and standing["description"] != OURS:
        raise ServicesError(
            f"this Airflow has a connection {CONNECTION} of yours; the demo would send its alert "
            "there. Rename it while the demo runs"
        )
    rest.set_connection(
        {
            "connection_id": CONNECTION,
            "conn_type": "smtp",
            "description": OURS,
            "host": HOST,
            "port": catcher.port,
            "extra": '{"disable_ssl": true, "disable_tls": true, '
            '"from_email": "governance@example.com", "timeout": 10}',
        }
    )
    try:
        yield
    finally:
        rest.drop_connection(CONNECTION)


def backfill(rest: AirflowRest, console: Console, *, alive: Callable[[], None]) -> list[str]:
    """Airflow scans the hours of the storm, one run after the other; gives the runs that failed."""
    # A run is named after the start of its hour and scans as of its end.
    first, last = STORM[0] - HOUR, STORM[1] - HOUR
    total = (last - first) // HOUR + 1
    number = rest.backfill(SCAN, first, last)
    columns = (TextColumn("{task.description:<16}"), BarColumn(bar_width=24), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task(SCAN, total=total)
        deadline = time.monotonic() + TIMEOUT
        while True:
            alive()
            done = rest.backfill_done(number)
            states = rest.runs_between(SCAN, first, last)
            ended = sum(state in FINISHED for state in states.values())
            progress.update(bar, completed=ended)
            if done or ended == total:
                return [run for run, state in states.items() if state != "success"]
            if time.monotonic() > deadline:
                raise ServicesError(f"the backfill of {SCAN} did not end after {TIMEOUT:.0f} s")
            time.sleep(0.5)


def found_incident(gov: Governance) -> Incident | None:
    """The first incident that was opened in the hours of the storm."""
    opened = [
        incident
        for incident in gov.alerts.list(model=MODEL)
        if incident.kind == "drift" and STORM[0] <= incident.opened_at <= STORM[1]
    ]
    return min(opened, key=lambda incident: incident.opened_at, default=None)


def told(
    incident: Incident, catcher: MailCatcher, rest: AirflowRest, *, alive: Callable[[], None]
) -> EmailMessage | None:
    """The mail that tells of the incident; of an earlier demo, if that one told it already.

    What the last task of the scan could not send, the DAG `deliver_alerts` sends.
    """
    if (mail := first_about(incident, catcher.earlier())) is not None:
        return mail
    deadline = time.monotonic() + MAIL_TIMEOUT
    while time.monotonic() < deadline:
        run = rest.trigger(DELIVER, {})
        while rest.run_state(DELIVER, run) not in FINISHED and time.monotonic() < deadline:
            alive()
            time.sleep(0.5)
        if (mail := first_about(incident, catcher.caught)) is not None:
            return mail
        time.sleep(5)
    return None


def first_about(incident: Incident, mails: list[EmailMessage]) -> EmailMessage | None:
    return next((mail for mail in mails if incident.id in text_of(mail)), None)


def hours_table(gov: Governance) -> Table:
    """One row per replayed hour, in New York's time."""
    table = Table(title=f"{MODEL}, hour by hour", title_justify="left")
    table.add_column("New York", no_wrap=True)
    table.add_column("flights", justify="right")
    table.add_column("severity")
    table.add_column("incident")
    table.add_column("features that drifted", overflow="fold")
    colours = {"severe": "red", "moderate": "yellow", "normal": "green"}
    for report in reversed(gov.drift.get_reports(MODEL, since=STORM[0], until=STORM[1])):
        drifted = [f.feature for f in report.features if f.severity in ("severe", "moderate")]
        table.add_row(
            report.at.astimezone(ZoneInfo("America/New_York")).strftime("%a %-d %b %H:%M"),
            str(report.rows),
            f"[{colours.get(report.severity, 'default')}]{report.severity}[/]",
            report.event or "",
            ", ".join(drifted),
        )
    return table


def show_mail(mail: EmailMessage, console: Console) -> None:
    console.rule("the alert, as it arrived", align="left")
    for name in ("From", "To", "Subject", "Message-ID"):
        console.print(f"{name}: {mail[name]}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"\n{text_of(mail)}\n", markup=False, highlight=False, soft_wrap=True)
    console.rule()
