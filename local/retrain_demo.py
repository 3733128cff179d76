"""The first scene of the demo: every declared model goes through its retrain DAG in a real Airflow.

Runs start together and are watched over REST. A version that passed its gates becomes the first one
in production if the model has none. That is forced, since there is nothing to compare it with, and
recorded as such.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from governance.decisions.record import Decision
from governance.decisions.stored_decisions import latest_decision
from governance.values import ModelVersion, Stage, parse_time
from governance.wiring import Governance
from local.airflow_rest import FINISHED, AirflowRest
from local.processes import ServicesError
from local.tables import Outcome

STEPS = ("check_data", "train", "register", "validate")
TIMEOUT = 600.0
DEMO_FILE = Path(__file__).with_name("demo.yaml")


def retrain_all(
    gov: Governance,
    rest: AirflowRest,
    console: Console,
    *,
    fresh: bool,
    alive: Callable[[], None],
) -> list[Outcome]:
    """Trigger, watch, activate; one outcome per declared model.

    Args:
        fresh: Airflow was just started, so an unfinished run is one that was killed with the last.
        alive: raises when Airflow died, so that nothing is waited for in vain.
    """
    models = sorted(gov.config.models)
    wait_for_dags(rest, {dag_of(name) for name in models}, alive=alive)
    conf = demo_conf(DEMO_FILE)
    runs = {}
    if fresh:
        for name in models:
            rest.abandon_unfinished(dag_of(name))
    with switched_on(rest, [dag_of(name) for name in models]):
        for name in models:
            runs[name] = rest.trigger(dag_of(name), conf.get(name, {}))
        states = watch(rest, runs, console, alive=alive)
    return [
        conclude(gov, rest, name, runs[name], states[name], at=conf.get(name, {}).get("at"))
        for name in models
    ]


@contextmanager
def switched_on(rest: AirflowRest, dag_ids: Iterable[str]) -> Iterator[None]:
    """These DAGs run meanwhile; those that were paused are paused again, the others stay on."""
    paused = [dag_id for dag_id in dag_ids if rest.paused(dag_id)]

    def restore() -> None:
        for dag_id in paused:
            rest.pause(dag_id, True)

    try:
        for dag_id in paused:
            rest.pause(dag_id, False)
        yield
    except BaseException:
        with suppress(ServicesError):  # a dead Airflow cannot pause; why it died is what counts
            restore()
        raise
    restore()


def dag_of(model: str) -> str:
    return f"retrain__{model}"


def demo_conf(file: Path) -> dict[str, dict[str, str]]:
    """The conf of each model's run, from `demo.yaml`."""
    found: dict[str, dict[str, str]] = yaml.safe_load(file.read_text())["demo"]
    return found


def wait_for_dags(rest: AirflowRest, wanted: set[str], *, alive: Callable[[], None]) -> None:
    deadline = time.monotonic() + 60.0
    while missing := wanted - rest.dag_ids():
        alive()
        if errors := rest.import_errors():
            raise ServicesError("a DAG file cannot be read:\n" + "\n".join(errors))
        if time.monotonic() > deadline:
            raise ServicesError(f"Airflow does not show {', '.join(sorted(missing))} after 60 s")
        time.sleep(0.5)


def watch(
    rest: AirflowRest, runs: Mapping[str, str], console: Console, *, alive: Callable[[], None]
) -> dict[str, str]:
    """Show progress until every run is finished; gives their states."""
    states = dict.fromkeys(runs, "queued")
    columns = (SpinnerColumn(), TextColumn("{task.description:<16}"), BarColumn(bar_width=24))
    with Progress(
        *columns, TextColumn("{task.fields[doing]:<12}"), TimeElapsedColumn(), console=console
    ) as progress:
        bars = {n: progress.add_task(n, total=len(STEPS), doing="queued") for n in runs}
        deadline = time.monotonic() + TIMEOUT
        while unfinished := [name for name, state in states.items() if state not in FINISHED]:
            alive()
            if time.monotonic() > deadline:
                raise ServicesError(f"not finished after {TIMEOUT:.0f} s: {', '.join(unfinished)}")
            for name in unfinished:
                states[name] = rest.run_state(dag_of(name), runs[name])
                tasks = rest.task_states(dag_of(name), runs[name])
                done = sum(tasks.get(step) == "success" for step in STEPS)
                now = next((step for step in STEPS if tasks.get(step) != "success"), "decided")
                doing = states[name] if states[name] in FINISHED else now
                progress.update(bars[name], completed=done, doing=doing)
            time.sleep(0.5)
    return states


def conclude(
    gov: Governance, rest: AirflowRest, name: str, run: str, state: str, *, at: str | None
) -> Outcome:
    """What became of one run, after its first version was activated."""
    registered = rest.result(dag_of(name), run, "register")
    if not registered:
        return Outcome(name, False, None, None, first_failure(rest, dag_of(name), run))
    version = gov.registry.resolve(registered["ref"])
    with gov.database.read() as connection:
        decision = latest_decision(connection, version.id, "validation")
    if state != "success":
        reasons = "; ".join(decision.reasons) if decision is not None else ""
        why = reasons or first_failure(rest, dag_of(name), run)
        return Outcome(name, False, version, decision, why)
    why = activate_first(gov, version, decision, at=None if at is None else parse_time(at))
    return Outcome(name, True, gov.registry.resolve(version), decision, why)


def activate_first(
    gov: Governance, version: ModelVersion, decision: Decision | None, *, at: datetime | None = None
) -> str:
    """Put the version into production if the model has none; says why it stands where it stands.

    Args:
        at: since when it decides, in the time that the demo replays; now if not given.
    """
    champion = gov.registry.get_production_model(version.name)
    if champion is None:
        gov.promotion.promote_to_production(version, by="demo", force=True, reason="initial", at=at)
        return "forced into production by demo: initial"
    if champion.id == version.id:
        return "in production since an earlier run; the same bytes again change nothing"
    passed = "passed its gates; " if decision and version.stage is Stage.VALIDATED else ""
    return f"{passed}{champion.version} stays in production until this one is promoted"


def first_failure(rest: AirflowRest, dag_id: str, run: str) -> str:
    """The failed task and the end of its log."""
    tasks = rest.task_states(dag_id, run)
    task = next((name for name, state in tasks.items() if state == "failed"), None)
    if task is None:
        return "the run did not finish"
    return f"{task} failed:\n{rest.log_end(dag_id, run, task)}"
