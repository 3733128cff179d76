"""docs/monitoring against the two servers: every figure, label and word in it is really shown."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from fastapi.testclient import TestClient
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from governance import Governance
from governance.api import create_app
from governance.history.alert_rows import tell
from governance.monitoring.catalog import CATALOG
from governance.serving import create_app as create_serving_app
from governance.values import Severity
from tests.alarms import event, record
from tests.api.conftest import identify
from tests.api.world import AT, build
from tests.docs.pages import ROOT
from tests.monitoring.test_reading import calibrated, drilled, psi
from tests.serving.conftest import calling, in_production, token

FOLDER = ROOT / "docs" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text(encoding="utf-8"))
PANELS = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
# What Prometheus itself adds to every series, and its own figure of a target.
ADDED = {"job", "instance"}
OWN = {"up": ADDED}
# Any text: a model's name, a path, a number.
OPEN_LABELS = {"model", "version", "route", "status", "process", "channel", "job", "instance", "le"}


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Family]]:
    """Both pages of an installation where something of everything happened."""
    with Governance.open(home=tmp_path_factory.mktemp("monitored") / "home") as gov:
        world = build(gov)
        psi(gov, world.ids["report_id"], visib=0.4)
        drilled(gov, world.champion)
        calibrated(gov, world.champion)
        with gov.database.begin() as tx:
            about = {"incident_id": "0" * 12, "model": "momentum", "event": "opened"}
            tell(tx, about, key="k", channel="webhook:ops", now=AT, state="dead")
        served = in_production(gov, 7, name="served")
        severe: dict[str, Any] = {
            "model": "served",
            "version_id": served.id,
            "severity": Severity.SEVERE,
        }
        record(gov.database, event(**severe))
        accept = {"Accept": "application/openmetrics-text"}
        with TestClient(create_app(gov, identify=identify)) as client:
            client.get("/api/v1/models/nothing", headers={"x-test-user": "admin"})
            managed = client.get("/metrics", headers={"x-test-user": "admin", **accept})
        with calling(gov, create_serving_app(gov, log_interval=60.0)) as client:
            path = f"/api/v1/models/{served.name}/predict"
            assert client.post(path, json={"rows": [[20, 0]]}).status_code == 200
            assert client.post(path, json={"rows": [["x"]]}).status_code == 422
            shown = client.get("/metrics", headers={**token(gov, "viewer"), **accept})
        yield [
            family
            for answer in (managed, shown)
            for family in text_string_to_metric_families(answer.text)  # type: ignore[no-untyped-call]
        ]


Shown = dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def shown(families: list[Family]) -> Shown:
    """Values by sample and label."""
    found: Shown = {}
    for family in families:
        for sample in family.samples:
            labels = found.setdefault(sample.name, defaultdict(set))
            for name, value in sample.labels.items():
                labels[name].add(value)
    return found


def test_every_figure_of_the_catalog_is_shown_and_no_other(shown: Shown) -> None:
    expected = {sample: one for one in CATALOG.values() for sample in one.samples}
    assert set(shown) == set(expected)
    for sample, one in expected.items():
        labels = set(one.labels) | ({"le"} if sample.endswith("_bucket") else set())
        assert set(shown[sample]) == labels, sample


def test_every_figure_has_its_help_and_its_place_on_the_page(families: list[Family]) -> None:
    page = (ROOT / "docs" / "reference" / "prometheus.md").read_text(encoding="utf-8")
    names = {one.name.removesuffix("_total").removesuffix("_info"): one for one in CATALOG.values()}
    assert {family.name for family in families} == set(names)
    for family in families:
        metric = names[family.name]
        assert (family.documentation, family.type) == (metric.says, metric.kind)
        assert f"| `{metric.name}` | {metric.kind} |" in page


class Found(list[tuple[str, promql.VectorSelector]]):
    """The selectors of an expression by the metric, and the labels that it groups or matches by."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.labels: set[str] = set()
        promql.walk(promql.parse(text), pre_visit=self._visit)

    def _visit(self, node: promql.Expr) -> bool:
        if isinstance(node, promql.VectorSelector):
            assert node.name, "a selector names its metric"
            self.append((node.name, node))
        elif isinstance(node, promql.AggregateExpr) and node.modifier is not None:
            self.labels |= set(node.modifier.labels)
        elif isinstance(node, promql.BinaryExpr) and node.modifier is not None:
            if node.modifier.matching is not None:
                self.labels |= set(node.modifier.matching.labels)
            self.labels |= set(node.modifier.group_labels or ())
        return True


def check(text: str, shown: Shown) -> set[str]:
    """The labels that the figures of an expression have; fails for what does not exist."""
    found = Found(text)
    assert found, text
    have: set[str] = set()
    for name, selector in found:
        assert name in shown or name in OWN, f"{name} is not shown by any server"
        labels = set(shown[name]) | ADDED if name in shown else OWN[name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels, f"{name} has no label {matcher.name}"
            if matcher.name not in OPEN_LABELS:
                words = set(matcher.value.split("|"))
                assert words <= shown[name][matcher.name], f"{name}: {words}"
        have |= labels
    assert found.labels <= have, f"{text}: {found.labels - have}"
    return have


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_can_fire_and_says_what_it_knows(rule: dict[str, Any], shown: Shown) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    labels = check(rule["expr"], shown)
    assert rule["labels"]["severity"] in ("critical", "warning")
    grouped = Found(rule["expr"]).labels
    kept = grouped if re.match(r"(sum|max|count|histogram_quantile)\b", rule["expr"]) else labels
    for text in rule["annotations"].values():
        assert text.count("{{") == text.count("}}")
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= kept, text
        for inside in re.findall(r"{{(.*?)}}", text):
            assert re.fullmatch(
                r" \$(labels\.\w+|value)( \| humanize(Duration|Percentage))? ", inside
            )
    assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_shows_figures_that_exist(panel: dict[str, Any], shown: Shown) -> None:
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["fieldConfig"]["defaults"]["unit"]
    for target in panel["targets"]:
        text = target["expr"].replace("$__rate_interval", "5m").replace("$model", ".*")
        labels = check(text, shown)
        assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels
        for name, _ in Found(text):
            counts = name.endswith(("_total", "_bucket"))
            assert counts == bool(re.search(rf"(rate|increase)\({name}\b", text)), text


def test_the_dashboard_can_be_imported(shown: Shown) -> None:
    assert DASHBOARD["uid"] and DASHBOARD["title"] and DASHBOARD["schemaVersion"] >= 36
    source, model = DASHBOARD["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    figure = re.fullmatch(r"label_values\((\w+), (\w+)\)", model["definition"])
    assert figure and figure[2] in shown[figure[1]]
    assert len({one["id"] for one in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for one in DASHBOARD["panels"]:
        place = one["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, one["title"]
        taken |= cells


def test_every_figure_is_on_the_dashboard_or_in_a_rule() -> None:
    text = json.dumps(DASHBOARD) + json.dumps(RULES)
    missing = {
        one.name
        for one in CATALOG.values()
        if not any(re.search(rf"\b{x}\b", text) for x in one.samples)
    }
    # Of the server itself, and sums that the dashboard shows by model or by stage.
    assert missing == {
        "governance_build_info",
        "governance_models",
        "governance_models_in_stage",
        "governance_running_trials",
        "governance_scrape_duration_seconds",
        "governance_serving_generation",
        "governance_serving_scrape_duration_seconds",
    }


def test_a_wrong_expression_is_found(shown: Shown) -> None:
    for text in (
        "governance_no_such_figure > 0",
        'governance_open_alerts{model="x"} > 0',
        'governance_open_alerts{severity="awful"} > 0',
        "sum by (colour) (governance_open_alerts)",
        "governance_models + on (colour) governance_models",
    ):
        with pytest.raises(AssertionError):
            check(text, shown)
    with pytest.raises(ValueError):
        check("sum(governance_models", shown)


def test_the_page_names_every_rule_in_order() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.M) == [rule["alert"] for rule in RULES]


def test_the_scrape_configuration_names_our_jobs_and_its_token_is_enough(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from governance.cli.app import app

    text = (FOLDER / "prometheus.yaml").read_text(encoding="utf-8")
    given = yaml.safe_load(text)
    jobs = {one["job_name"]: one for one in given["scrape_configs"]}
    named = next(rule["expr"] for rule in RULES if rule["alert"] == "GovernanceDown")
    assert re.search(r'job=~"([^"]+)"', named)[1] == "|".join(jobs)  # type: ignore[index]
    assert {one["metrics_path"] for one in jobs.values()} == {"/metrics"}
    assert given["rule_files"] == ["alerts.yaml"]
    (command,) = re.findall(r"governance (token create .*)", text)
    home = sqlite_gov.settings.home
    made = CliRunner().invoke(
        app,
        ["--home", str(home), "--database", sqlite_gov.settings.url, *command.split()],
    )
    headers = {"Authorization": f"Bearer {made.stdout.strip().splitlines()[-1]}"}
    with TestClient(create_app(sqlite_gov)) as client:
        assert client.get("/metrics", headers=headers).status_code == 200
