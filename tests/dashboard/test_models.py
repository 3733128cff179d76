"""One model and one version: time line, metrics, feature graph, and texts that mean harm."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from governance import Governance
from governance.dashboard.charts.graph import feature_graph
from governance.registry.feature_definition import FeatureDefinition
from governance.registry.features import FeatureGraph
from governance.store.schema import decisions, model_registry
from tests.api.test_models import statements
from tests.dashboard.conftest import NAME, Browser, Shown, browsing
from tests.decisions.eligible import staged
from tests.versions import champion, registered

HOSTILE = "<script>alert('x')</script>\"&\u202e"
GRAPH = FeatureGraph(
    [
        FeatureDefinition("a <b>", "1", ("close",), "column"),
        FeatureDefinition("hidden", "1", ("volume",), "column", output=False),
        FeatureDefinition("last", "1", ("hidden",), "column"),
    ],
    ["close", "volume"],
)


def graphs(text: str) -> dict[str, str]:
    """The pictures with boxes of a page, by what their places are called."""
    found = re.findall(
        r'<div class="scroll graph"[^>]*aria-label="([^"]+)">(.*?)</div>', text, re.S
    )
    return dict(found)


def test_a_model_shows_what_decided_when_and_by_whom(
    sqlite_gov: Governance, browser: Browser
) -> None:
    champion(sqlite_gov, 0)
    champion(sqlite_gov, 1)
    text = browser.get(f"/models/{NAME}").text
    assert text.count('class="chart ') == 2  # wide and narrow
    assert "The last 2 activations; 1.0.1 decides since" in text
    assert text.count('class="span promotion forced now"') == 2
    assert "initial" in text and text.count("Forced") >= 2
    assert "eve" in text


def test_a_model_that_nothing_happened_to_says_what_to_do(
    sqlite_gov: Governance, browser: Browser
) -> None:
    registered(sqlite_gov)
    text = browser.get(f"/models/{NAME}").text
    for said in ("No version has decided yet", "No metric was recorded", "Nothing was decided yet"):
        assert said in text
    assert 'class="chart' not in text


@pytest.mark.parametrize("part", ["", "/drift", "/versions/9.9.9", "/versions/9.9.9/trial"])
def test_what_does_not_exist_is_a_page_that_says_so(part: str, browser: Browser) -> None:
    answer = browser.get(f"/models/nothing{part}")
    assert answer.status_code == 404 and "Nothing is there" in answer.text


def test_a_version_without_evidence_is_a_whole_page(
    sqlite_gov: Governance, browser: Browser
) -> None:
    version = registered(sqlite_gov)
    text = browser.get(f"/models/{NAME}/versions/{version.version}").text
    for said in ("No metric was recorded for this version", "No feature graph was registered"):
        assert said in text
    assert "not recorded" in text and version.digest in text
    trial = browser.get(f"/models/{NAME}/versions/{version.id}/trial").text
    assert "No trial of this version runs" in trial and "No session was recorded by both" in trial


def test_metrics_stand_beside_the_champions(sqlite_gov: Governance, browser: Browser) -> None:
    live, other = champion(sqlite_gov, 0), registered(sqlite_gov, 1)
    sqlite_gov.validation.log_metrics(live, {"test": {"auc": 0.5, "brier": 0.25}}, by="ann")
    sqlite_gov.validation.log_metrics(other, {"test": {"auc": 0.75}}, by="ann")
    text = browser.get(f"/models/{NAME}/versions/{other.version}").text
    assert "1.0.0 (champion)" in text and "+0.25" in text
    assert 'data-name="Difference">\N{EN DASH}<' in text  # the champion's alone
    on_model = browser.get(f"/models/{NAME}").text
    assert "Metrics of 1.0.0" in on_model and "-0.25" in on_model


def test_the_feature_graph_is_drawn_and_told(sqlite_gov: Governance, browser: Browser) -> None:
    version = registered(sqlite_gov, features=GRAPH)
    text = graphs(browser.get(f"/models/{NAME}/versions/{version.version}").text)["Feature graph"]
    assert "Feature graph: 2 inputs, 3 features, 2 given to the model" in text
    assert text.count('class="box output"') == 2 and text.count('class="box between"') == 1
    assert text.count('class="edge"') == 3
    assert "a &lt;b&gt;" in text and "a <b>" not in text


def test_a_spec_that_is_damaged_has_no_picture_and_breaks_no_page(
    sqlite_gov: Governance, browser: Browser
) -> None:
    version = registered(sqlite_gov, features=GRAPH)
    for damaged in ({"definitions": [{"nothing": 1}]}, {"definitions": [{"name": "x"}]}, [1]):
        with sqlite_gov.database.begin() as tx:
            tx.execute(update(model_registry).values(feature_spec=damaged))
        answer = browser.get(f"/models/{NAME}/versions/{version.version}")
        assert answer.status_code == 200, (damaged, answer.text)
        assert "Feature graph" not in graphs(answer.text), damaged


def test_a_graph_with_a_cycle_or_too_many_boxes_ends() -> None:
    def one(name: str, *dependencies: str) -> dict[str, object]:
        return {"name": name, "dependencies": list(dependencies)}

    cycle = {"inputs": ["a"], "definitions": [one("b", "c"), one("c", "b", "a")]}
    assert feature_graph(cycle) is not None
    assert feature_graph({"inputs": ["a"], "definitions": []}) is None
    many = [one(f"f{number}", "a") for number in range(100)]
    assert feature_graph({"inputs": ["a"], "definitions": many}) is None


def test_no_text_field_becomes_a_tag(sqlite_gov: Governance, browser: Browser) -> None:
    version = registered(sqlite_gov, description=HOSTILE.removesuffix("\u202e"))
    sqlite_gov.registry.transition(version, "validated", "<i>ann</i>", HOSTILE[:-1])
    sqlite_gov.promotion.promote_to_production(
        version, by="<i>eve</i>", force=True, reason=HOSTILE[:-1]
    )
    (decision,) = sqlite_gov.promotion.decisions(NAME)
    for path in (
        "",
        f"/models/{NAME}",
        f"/models/{NAME}/versions/1.0.0",
        f"/decisions/{decision.id}",
        "/decisions",
        "/audit",
        f"/models/{NAME}/audit",
        "?q=" + "%3Cscript%3E",
    ):
        text = browser.get(path).text
        assert "<script>" not in text and "<i>eve" not in text and "\u202e" not in text, path
        assert "&lt;" in text, path


def test_versions_go_on_where_a_page_ended(sqlite_gov: Governance, browser: Browser) -> None:
    for number in range(23):
        registered(sqlite_gov, number)
    first = browser.get(f"/models/{NAME}").text
    assert ">1.0.22</a>" in first and ">1.0.2</a>" not in first
    (older,) = {part.split('"')[0] for part in first.split('href="') if "cursor=" in part[:300]}
    second = browser.get(older.removeprefix("/dashboard")).text
    assert ">1.0.2</a>" in second and ">1.0.22</a>" not in second and "Newest" in second


def test_statements_do_not_grow_with_what_there_is(sqlite_gov: Governance) -> None:
    counted = []
    with browsing(sqlite_gov) as browser:
        for number in range(3):
            version = champion(sqlite_gov, number, features=GRAPH)
            sqlite_gov.validation.log_metrics(version, {"test": {"auc": 0.5}}, by="ann")
            for path in ("", f"/versions/{version.version}"):
                with statements(sqlite_gov) as found:
                    browser.get(f"/models/{NAME}{path}")
                counted.append(len(found))
    assert max(counted) <= 34
    # The first time there is no other version to compare with.
    assert counted[2:4] == counted[4:6]


def test_the_lineage_leads_from_version_to_what_became_of_it(shown: Shown) -> None:
    world = shown.world
    for path in ("", f"/versions/{world.champion.version}"):
        text = graphs(shown.browser.get(f"/models/{NAME}{path}").text)["Lineage"]
        for part in ("promotion: pass", "generation 1 by promotion", "drift severe"):
            assert part in text, (path, part)
        for href in (
            f"/models/{NAME}/versions/{world.champion.id}",
            f"/decisions/{world.ids['decision_id']}",
            f"/alerts/{world.ids['incident_id']}",
        ):
            assert f'href="/dashboard{href}"' in text, (path, href)


def test_a_lineage_that_is_too_large_is_left_to_the_command_line(
    sqlite_gov: Governance, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = champion(sqlite_gov, features=GRAPH)
    monkeypatch.setattr("governance.dashboard.charts.lineage.MOST", 2)
    text = browser.get(f"/models/{NAME}/versions/{version.version}").text
    assert "too many for a picture" in text and "Lineage" not in graphs(text)


def test_times_are_told_in_utc_for_the_script_to_turn(shown: Shown) -> None:
    text = shown.browser.get(f"/models/{NAME}").text
    now = datetime.now(UTC)
    stamp = f'<time datetime="{now:%Y-%m-%d}'
    assert stamp in text or f'<time datetime="{now - timedelta(days=1):%Y-%m-%d}' in text
    assert " UTC</time>" in text


def test_decisions_about_an_old_version_are_found_behind_many_others(
    sqlite_gov: Governance, browser: Browser
) -> None:
    first, second = champion(sqlite_gov, 1), champion(sqlite_gov, 2)
    with sqlite_gov.database.begin() as tx:
        row = tx.execute(
            select(decisions).where(decisions.c.version_id == second.id).limit(1)
        ).one()
        copies = [{**row._mapping, "id": f"{n:032x}", "seq": 10_000 + n} for n in range(250)]
        tx.execute(insert(decisions), copies)
    text = browser.get(f"/models/{NAME}/versions/{first.version}").text
    assert "Nothing was decided about this version" not in text and "activation 1" in text


def test_what_is_in_staging_without_a_trial_is_a_challenger_everywhere(
    sqlite_gov: Governance, browser: Browser
) -> None:
    champion(sqlite_gov, 1)
    waiting = staged(sqlite_gov, 2)
    trial = f"/models/{NAME}/versions/{waiting.version}/trial"
    for path in ("", f"/models/{NAME}", "/challengers"):
        assert f'href="/dashboard{trial}"' in browser.get(path).text, path
    assert "no trial runs" in browser.get(f"/models/{NAME}").text
    page = browser.get(trial).text
    assert f"<code>governance shadow start {waiting.ref}</code>" in page
    assert "Sessions still needed</dt><dd>0" not in page
    sqlite_gov.shadow.start_shadow_testing(waiting, by="ann")
    assert "no trial runs" not in browser.get(f"/models/{NAME}").text
    assert "no trial runs" not in browser.get("/challengers").text


def test_a_time_along_an_axis_has_its_zone_and_the_moment_for_the_script(shown: Shown) -> None:
    text = shown.browser.get(f"/models/{NAME}").text
    labels = re.findall(r'<text [^>]*data-time="([^"]+)">([^<]+)</text>', text)
    assert len(labels) == 4  # wide and narrow
    for stamp, said in labels:
        moment = datetime.fromisoformat(stamp)
        assert said == f"{moment.astimezone(UTC):%Y-%m-%d} UTC"
