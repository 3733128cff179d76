"""The third scene of the demo: a challenger earns production, a person approves, people roll back.

In March 2013 the weather feed is away: somebody who may forces a version that does without. A
version with the weather is tried beside it on the days that follow, is approved by a second person
and promoted; then it is rolled back. The market model is tried as well, and its evidence refuses.

Times are those of the data, as if every run had happened on its day. A demo that was stopped half
way goes on where it stands; one that was played to the end shows its table again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from governance.decisions.record import Decision
from governance.values import ModelVersion, Stage, Verdict, iso, parse_time
from governance.wiring import Governance
from local.airflow_rest import FINISHED, AirflowRest, ForbiddenError
from local.airflow_services import AirflowServices
from local.decision_table import decision_table, gates
from local.kept_alive import KeptAlive
from local.processes import ServicesError
from local.retrain_demo import dag_of, first_failure, switched_on, wait_for_dags, watch
from local.without_weather import MODEL, train_without_weather

MARKET = "momentum"
FORCE, PROMOTE, SESSIONS, ROLLBACK = "force_promotion", "promotion", "shadow_metrics", "rollback"
MARCH = parse_time("2013-03-01T05:00:00Z")  # midnight in New York; what both versions know
FIRST_LOOK = parse_time("2013-03-12T06:00:00Z")
LAST_LOOK = parse_time("2013-04-03T06:00:00Z")
MARKET_CUT = parse_time("2018-03-29T22:00:00Z")
MARKET_LOOK = parse_time("2018-06-29T22:00:00Z")
FEED_AWAY = "the weather feed is away; decide without it until it is back"
TOO_SURE = "airlines ask for the version without weather until they know this one"
TIMEOUT = 300.0


@dataclass(frozen=True)
class Play:
    """What the steps share."""

    gov: Governance
    admin: AirflowRest
    op: AirflowRest
    viewer: AirflowRest
    console: Console
    alive: Callable[[], None]

    def say(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, markup=False, highlight=False)

    def until(self, what: str, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not reached():
            self.alive()
            if time.monotonic() > deadline:
                raise ServicesError(f"{what}: not after {TIMEOUT:.0f} s")
            time.sleep(0.4)

    def run(self, rest: AirflowRest, dag_id: str, conf: Mapping[str, Any]) -> tuple[str, bool]:
        """Trigger and wait for the end; the run, and whether it succeeded."""
        run = rest.trigger(dag_id, conf)
        self.until(dag_id, lambda: self.admin.run_state(dag_id, run) in FINISHED)
        return run, self.admin.run_state(dag_id, run) == "success"

    def champion(self, model: str) -> ModelVersion | None:
        return self.gov.registry.get_production_model(model)


def promote_and_roll_back(
    gov: Governance,
    rest: AirflowRest,
    console: Console,
    services: AirflowServices,
    *,
    fresh: bool,
) -> bool:
    """All steps; true if each did what it shows."""
    if any(one.operation == ROLLBACK for one in gov.promotion.decisions(MODEL)):
        console.print("this scene was played to its end before; `make clean` makes it new")
        return close(gov, console)
    if gov.registry.get_production_model(MODEL) is None:
        raise ServicesError(
            f"no version of {MODEL} is in production; `make demo DEMO=all` trains one first"
        )
    alive = KeptAlive(services, console)
    dags = [FORCE, PROMOTE, SESSIONS, ROLLBACK, dag_of(MODEL), dag_of(MARKET)]
    wait_for_dags(rest, set(dags), alive=alive)
    if fresh:
        for dag_id in dags:
            rest.abandon_unfinished(dag_id)
    with ExitStack() as stack:
        op, viewer = (
            stack.enter_context(AirflowRest(services.login_as(user))) for user in ("op", "viewer")
        )
        stack.enter_context(switched_on(rest, dags))
        play = Play(gov, rest, op, viewer, console, alive)
        without, with_weather, market = candidates(play, services)
        done = [
            force(play, without),
            try_market(play, market),
            try_beside(play, with_weather),
            promote(play, with_weather, market),
            roll_back(play, without),
        ]
    return close(gov, console) and all(done)


def candidates(
    play: Play, services: AirflowServices
) -> tuple[ModelVersion, ModelVersion, ModelVersion]:
    """Two versions of the same day, without weather and with, and one of the market model."""
    play.console.rule("two candidates of 1 March 2013", align="left")
    without = train_without_weather(play.gov, at=MARCH, folder=services.home)
    play.say(f"{without.ref} knows no weather")
    runs = {
        MODEL: play.admin.trigger(dag_of(MODEL), {"at": iso(MARCH)}),
        MARKET: play.admin.trigger(dag_of(MARKET), {"at": iso(MARKET_CUT)}),
    }
    states = watch(play.admin, runs, play.console, alive=play.alive)
    made = []
    for name, run in runs.items():
        if states[name] != "success":
            raise ServicesError(first_failure(play.admin, dag_of(name), run))
        made.append(
            play.gov.registry.resolve(play.admin.result(dag_of(name), run, "register")["ref"])
        )
    play.say(f"{made[0].ref} knows it; {made[1].ref} is the market model's candidate")
    return without, made[0], made[1]


def force(play: Play, version: ModelVersion) -> bool:
    """A viewer may not, an operator who is not on the list may not, the admin may."""
    play.console.rule("a forced promotion", align="left")
    if play.gov.registry.resolve(version).stage is not Stage.VALIDATED:
        play.say(f"{version.ref} was forced by an earlier run")
        return True
    conf = {
        "model": MODEL,
        "version": version.version,
        "reason": FEED_AWAY,
        "confirm": True,
        "at": iso(MARCH),
    }
    try:
        play.viewer.trigger(FORCE, conf)
        play.say("viewer: Airflow let a viewer force a promotion", "red")
        return False
    except ForbiddenError:
        play.say("viewer: refused by Airflow (403)")
    denied, went_on = play.run(play.op, FORCE, conf)
    play.say(f"op: {first_failure(play.admin, FORCE, denied)}")
    _, accepted = play.run(play.admin, FORCE, conf)
    now = play.champion(MODEL)
    play.say(f"admin: accepted, with the reason; {now.ref if now else 'nothing'} is in production")
    return accepted and not went_on and now is not None and now.id == version.id


def try_market(play: Play, version: ModelVersion) -> bool:
    play.console.rule("trials, on the days that followed", align="left")
    return on_trial(play, version, MARKET_CUT, [MARKET_LOOK])


def try_beside(play: Play, version: ModelVersion) -> bool:
    """A first look, which finds too few days, and the last."""
    return on_trial(play, version, MARCH, [FIRST_LOOK, LAST_LOOK])


def on_trial(play: Play, version: ModelVersion, since: datetime, looks: list[datetime]) -> bool:
    """Start the trial and run its sessions, as known at each look."""
    if play.gov.registry.resolve(version).stage is not Stage.VALIDATED:
        play.say(f"{version.ref} is on trial since an earlier run")
    else:
        play.gov.shadow.start_shadow_testing(version, by="admin", at=since)
    for look in looks:
        days = (look - since) // timedelta(days=1) + 1
        run, ran = play.run(play.admin, SESSIONS, {"at": iso(look), "days": days})
        if not ran:
            play.say(first_failure(play.admin, SESSIONS, run), "red")
            return False
        progress = play.gov.shadow.progress(version, at=look)
        ran_in, asked = progress.metrics.sessions_completed, progress.criteria
        met = sum(one.result is Verdict.PASS for one in asked)
        more = f"; {progress.sessions_needed} more would do" if progress.sessions_needed else ""
        play.say(
            f"{look:%-d %B %Y}: {version.ref} ran in {ran_in} sessions beside the champion, "
            f"{met} of {len(asked)} criteria are met{more}"
        )
    return True


def promote(play: Play, version: ModelVersion, market: ModelVersion) -> bool:
    """Airflow waits for a second person; meanwhile the market model is refused."""
    play.console.rule("promotion", align="left")
    if play.gov.registry.resolve(version).stage is not Stage.STAGING:
        play.say(f"{version.ref} was promoted by an earlier run")
        return True
    report = play.gov.drift.scan(MODEL, at=LAST_LOOK.replace(hour=4))
    play.say(f"drift scan of {report.at:%-d %B %Y}: {report.severity}")
    conf = {"model": MODEL, "version": version.version, "at": iso(LAST_LOOK)}
    run = play.admin.trigger(PROMOTE, conf)
    play.until(
        "the approval",
        lambda: (
            play.admin.task_states(PROMOTE, run).get("approve") == "awaiting_input"
            or play.admin.run_state(PROMOTE, run) in FINISHED
        ),
    )
    if play.admin.run_state(PROMOTE, run) in FINISHED:
        play.say(first_failure(play.admin, PROMOTE, run), "red")
        return False
    asked = play.admin.asked(PROMOTE, run, "approve")
    users = ", ".join(user["name"] for user in asked["assigned_users"])
    play.say(f"{asked['subject']} Airflow waits for {users}")
    refused = market_is_refused(play, market)
    try:
        play.admin.answer(PROMOTE, run, "approve", "Approve", comment="my own version is good")
        play.say("admin, who made the version, approved it", "red")
        return False
    except ForbiddenError:
        play.say("admin, who made the version, may not approve it (403)")
    play.op.answer(PROMOTE, run, "approve", "Approve", comment="a month of days speaks for it")
    play.say("op approves: a month of days speaks for it")
    play.until("the promotion", lambda: play.admin.run_state(PROMOTE, run) in FINISHED)
    now = play.champion(MODEL)
    if now is None or now.id != version.id:
        play.say(first_failure(play.admin, PROMOTE, run), "red")
        return False
    play.say(f"{now.ref} is in production", "green")
    return refused


def market_is_refused(play: Play, market: ModelVersion) -> bool:
    """The run turns red, and the decision says why."""
    conf = {"model": MARKET, "version": market.version, "at": iso(MARKET_LOOK)}
    _, went_through = play.run(play.admin, PROMOTE, conf)
    decision = latest(play.gov, MARKET)
    play.say(f"meanwhile {market.ref} is {'promoted' if went_through else 'refused'}:")
    if decision is not None:
        play.console.print(gates(decision.checks))
    return not went_through


def roll_back(play: Play, version: ModelVersion) -> bool:
    """The version before decides again."""
    play.console.rule("rollback", align="left")
    conf = {
        "model": MODEL,
        "version": version.version,  # by name: nothing rolls back to a forced one by itself
        "reason": TOO_SURE,
        "at": iso(LAST_LOOK + timedelta(days=1)),
    }
    run, done = play.run(play.op, ROLLBACK, conf)
    now = play.champion(MODEL)
    if not done or now is None or now.id != version.id:
        play.say(first_failure(play.admin, ROLLBACK, run), "red")
        return False
    play.say(f"op rolls back: {now.ref} is in production again", "green")
    return True


def latest(gov: Governance, model: str) -> Decision | None:
    found = gov.promotion.decisions(model, operation="promotion", limit=1)
    return found[0] if found else None


def close(gov: Governance, console: Console) -> bool:
    """The table; then whether the log verifies and every decision can be judged again."""
    found = [
        one
        for model in (MODEL, MARKET)
        for one in gov.promotion.decisions(model)
        if one.operation != "validation"
    ]
    console.print(decision_table(sorted(found, key=lambda one: one.recorded_at or one.at)))
    checked = gov.audit.verify()
    replays = list(gov.promotion.replay_all())
    console.print(f"the audit log verifies: {checked.entries} entries", highlight=False)
    same = sum(one.same for one in replays)
    console.print(f"{same} of {len(replays)} decisions give the same verdict again")
    return same == len(replays)
