"""The last scene of the demo: predictions over HTTP, through a promotion, and a 409 that says why.

`governance serve` and `governance api serve` run for real on the demo's home. The champion that the
scene before left knows no weather, and governance.yaml has it: that is refused. Then the version
with the weather decides again, then one of April, and the same flight is answered by each.

Times are those of the data. A scene that was played to its end asks the champion again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from rich.console import Console

from governance.registry.features import FeatureGraph
from governance.training.flights import flights
from governance.training.prepare import feature_graph
from governance.values import ModelVersion, Stage, iso, parse_time
from governance.wiring import Governance
from local import here
from local.airflow_rest import AirflowRest
from local.airflow_services import AirflowServices
from local.kept_alive import KeptAlive
from local.processes import ServicesError
from local.promotion_demo import LAST_LOOK
from local.servers import Servers
from local.without_weather import MODEL, WEATHER

BACK = LAST_LOOK + timedelta(hours=36)
SPRING = parse_time("2013-04-08T04:00:00Z")  # midnight in New York, a week after the new timetable
WEATHER_IS_BACK = "the weather feed is back"
NEW_TIMETABLE = "the timetable of spring began on 31 March"
RENAMED = ("visib", "visibility")
PATIENCE = 10.0


@dataclass(frozen=True)
class Play:
    """What the steps share."""

    gov: Governance
    console: Console
    asking: httpx.Client  # the predictions, as an operator of the model
    managing: httpx.Client  # the management API, as the admin
    flight: dict[str, Any]

    def say(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, markup=False, highlight=False)

    def predicted(self, **further: Any) -> httpx.Response:
        body = {"rows": [self.flight], "at": iso(SPRING + timedelta(hours=12)), **further}
        return self.asking.post(f"/api/v1/models/{MODEL}/predict", json=body)

    def champion(self) -> ModelVersion:
        found = self.gov.registry.get_production_model(MODEL)
        assert found is not None
        return found

    def told(self, answer: httpx.Response) -> None:
        """What came back, in one line or two."""
        said = answer.json()
        if answer.is_success:
            (score,) = said["predictions"]
            self.say(f"200  late with probability {score:.3f}, says {MODEL}:{said['version']}")
        else:
            self.say(f"{answer.status_code}  {said['code']}: {said['detail']}")

    def answered_by(self, version: ModelVersion, *, just_decided: bool = True) -> bool:
        """Ask until this version answers; how soon after its decision it did is told."""
        began = time.monotonic()
        while True:
            answer = self.predicted()
            if answer.is_success and answer.json()["version"] == version.version:
                took = time.monotonic() - began
                self.told(answer)
                if just_decided:
                    self.say(f"     {took:.1f} s after the decision, without a restart")
                return True
            if time.monotonic() - began > PATIENCE:
                self.say(f"after {PATIENCE:.0f} s {version.ref} does not answer", "red")
                self.told(answer)
                return False
            time.sleep(0.05)


def serve_over_http(
    gov: Governance,
    rest: AirflowRest,
    console: Console,
    services: AirflowServices,
    *,
    fresh: bool,
) -> bool:
    """All steps; true if each did what it shows."""
    if gov.registry.get_production_model(MODEL) is None:
        raise ServicesError(
            f"no version of {MODEL} is in production; `make demo DEMO=all` trains one first"
        )
    console.rule("predictions over HTTP", align="left")
    with (
        serving(here.servers(), console, KeptAlive(services, console)) as servers,
        calling(gov, servers.serving, "timetable", "operator") as asking,
        calling(gov, servers.api, "admin", "admin") as managing,
    ):
        play = Play(gov, console, asking, managing, one_flight(gov))
        return all([with_weather(play), promote(play), refuse(play)])


@contextmanager
def serving(servers: Servers, console: Console, alive: KeptAlive) -> Iterator[Servers]:
    """Both servers; those that ran before go on."""
    if servers.running():
        yield servers
        return
    try:
        began = time.monotonic()
        servers.start()
        servers.wait(alive=alive)
        for command, address in (("serve", servers.serving), ("api serve", servers.api)):
            console.print(f"$ governance {command:<9}  {address}", markup=False, highlight=False)
        console.print(f"both answer after {time.monotonic() - began:.0f} s", highlight=False)
        yield servers
    finally:
        servers.stop()


@contextmanager
def calling(gov: Governance, address: str, name: str, role: str) -> Iterator[httpx.Client]:
    """Calls with a token of this role on the model, which is taken back afterwards."""
    secret, token = gov.access.tokens.create(
        name, role=role, models=MODEL, expires_in=timedelta(hours=1), by="demo"
    )
    headers = {"Authorization": f"Bearer {secret}"}
    try:
        with httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
            yield client
    finally:
        gov.access.tokens.revoke(token.id, by="demo")


def one_flight(gov: Governance) -> dict[str, Any]:
    """The first that leaves after SPRING with everything known: the inputs of the features."""
    declared = gov.config.models[MODEL]
    table = flights(SPRING + timedelta(hours=12), {"days": 0.5})
    inputs = list(declared.features.inputs)
    row = table[inputs].dropna().iloc[0]
    return {name: one if isinstance(one := row[name], str) else float(one) for name in inputs}


def with_weather(play: Play) -> bool:
    """The champion answers; one without weather is refused, and one that has it put back."""
    flight = ", ".join(f"{k} {v:g}" if isinstance(v, float) else v for k, v in play.flight.items())
    play.say(f"a flight of {SPRING:%-d %B %Y}: {flight}")
    answer = play.predicted()
    play.told(answer)
    if answer.is_success:
        return True
    named = all(name in answer.json()["detail"] for name in WEATHER)
    if answer.status_code != 409 or not named:
        return False
    whole = newest_with_weather(play)
    if whole is None:
        play.say("no earlier version knows the weather; `make demo DEMO=all` makes one", "red")
        return False
    back = play.managing.post(
        f"/api/v1/models/{MODEL}/rollback",
        json={"to_version": whole.version, "reason": WEATHER_IS_BACK, "at": iso(BACK)},
    )
    if not back.is_success:
        play.told(back)
        return False
    play.say(f"admin puts {whole.ref} back: {WEATHER_IS_BACK}")
    return play.answered_by(whole)


def newest_with_weather(play: Play) -> ModelVersion | None:
    """The latest that has decided before and has the declared features."""
    wanted = declared_graph(play.gov).hash
    for version in play.gov.registry.list_models(MODEL, stage=Stage.RETIRED):
        if version.manifest.get("feature_graph_hash") == wanted:
            return version
    return None


def promote(play: Play) -> bool:
    """A version of April; the same flight is answered by it."""
    version = trained(play)
    if play.champion().id == version.id:
        play.say(f"{version.ref} decides since an earlier run")
        return play.answered_by(version, just_decided=False)
    if version.stage is not Stage.VALIDATED:
        play.say(f"{version.ref} is {version.stage} since an earlier run; `make clean` starts anew")
        return True
    answer = play.managing.post(
        f"/api/v1/models/{MODEL}/versions/{version.version}/force",
        json={"reason": NEW_TIMETABLE, "at": iso(SPRING)},
    )
    if not answer.is_success:
        play.told(answer)
        return False
    play.say(f"admin promotes {version.ref} by force: {NEW_TIMETABLE}")
    return play.answered_by(version)


def trained(play: Play) -> ModelVersion:
    """The model as of SPRING, by the retrain cycle; the same again gives the same version."""
    run, cycle = f"spring/{iso(SPRING)}", play.gov.cycle
    cycle.check_data(MODEL, run=run, at=SPRING)
    cycle.train(MODEL, run=run, at=SPRING)
    made = cycle.register(MODEL, run=run, at=SPRING, by="demo")
    cycle.validate(made["ref"], by="demo", at=SPRING)
    return play.gov.registry.resolve(made["version_id"])


def declared_graph(gov: Governance) -> FeatureGraph:
    found = feature_graph(gov.config.models[MODEL])
    assert found is not None
    return found


def renamed(graph: FeatureGraph) -> dict[str, Any]:
    """Its spec, as a caller has it whose weather feed calls one column otherwise."""
    old, new = RENAMED
    spec: dict[str, Any] = json.loads(
        json.dumps(graph.spec()).replace(json.dumps(old), json.dumps(new))
    )
    return spec


def refuse(play: Play) -> bool:
    """A caller whose features have changed is told which."""
    old, new = RENAMED
    play.say(f"a caller whose feature {old} is now called {new}")
    answer = play.predicted(feature_graph=renamed(declared_graph(play.gov)))
    play.told(answer)
    return answer.status_code == 409 and old in answer.json()["detail"]
