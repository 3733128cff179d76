"""`governance drift`: tables for people, JSON for programs, exit 4 where nothing can be said."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from governance import Governance
from governance.cli.drift_words import explained
from governance.values import iso
from tests.cli.conftest import Run
from tests.evidence.drift.live_model import (
    AT,
    DAYS,
    HOUR,
    NAME,
    REFERENCE,
    START,
    declare,
    hour_rows,
    in_production,
    link_hours,
    parquet,
    place,
    write_hours,
)

DAY = timedelta(days=1)
LOOK = ("--at", iso(AT))


@pytest.fixture(scope="session")
def _hours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    write_hours(folder, START, AT + 3 * HOUR)
    return folder


@pytest.fixture
def live(home: Path, _hours: Path, tmp_path: Path) -> Path:
    """A model in production, and its data."""
    folder = link_hours(_hours, tmp_path / "live")
    declare(home, parquet(folder))
    with Governance.open(home=home) as gov:
        in_production(gov)
    return folder


@pytest.fixture
def shifted(live: Path) -> Path:
    write_hours(live, AT - DAY, AT, lambda _, frame: frame.assign(x0=frame["x0"] + 2, x1=9.0))
    return live


def test_a_scan_answers_with_its_report(run: Run, live: Path) -> None:
    said = run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE, "-o", "json")
    assert said.code == 0
    assert (said.json["model"], said.json["severity"]) == (NAME, "normal")
    assert len(said.json["features"]) == 10
    table = run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE)
    assert f"{NAME}:1.0.0" in table.out and "normal" in table.out


def test_an_incident_is_told_with_its_page(run: Run, shifted: Path, home: Path) -> None:
    said = run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE)
    assert said.code == 0 and "severe" in said.out and "opened" in said.out
    (page,) = (home / "reports").rglob("*.html")
    assert str(page) in said.err.replace("\n", "")
    assert "<html" in page.read_text()


def test_a_missing_hour_is_exit_4(run: Run, live: Path) -> None:
    place(live, AT - 2 * HOUR).unlink()
    said = run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE)
    assert said.code == 4 and "insufficient" in said.out
    assert run("drift", "report", NAME).code == 4
    explained = run("drift", "explain", NAME)
    assert explained.code == 4
    assert f"No usable data at {iso(AT - 2 * HOUR)[:16]}Z" in explained.out


def test_a_range_is_scanned_hour_by_hour(run: Run, live: Path) -> None:
    said = run(
        *("drift", "scan", NAME, "--reference", REFERENCE, "-o", "json"),
        *("--from", iso(AT), "--to", iso(AT + 2 * HOUR)),
    )
    assert said.code == 0
    assert [item["at"] for item in said.json["items"]] == [iso(AT + n * HOUR) for n in range(3)]


def test_all_models_are_scanned_and_a_failed_one_is_named(
    run: Run, live: Path, home: Path, tmp_path: Path
) -> None:
    declare(home, parquet(tmp_path / "nowhere"), name="absent")
    with Governance.open(home=home) as gov:
        in_production(gov, name="absent", seed=1)
    said = run("drift", "scan", "--all", *LOOK, "-o", "json")
    assert said.code == 1
    assert [item["model"] for item in said.json["items"]] == [NAME]
    assert json.loads(said.err.splitlines()[-1])["code"] == "drift_scan_failed"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (NAME, "--all"),
        (NAME, "--from", iso(AT)),
        (NAME, "--from", iso(AT), "--to", iso(START)),
        (NAME, "--from", iso(START), "--to", iso(AT), "--at", iso(AT)),
        (NAME, "--at", "2026-03-12T00:30:00Z"),
        (NAME, "--at", "2026-03-12T00:00:00"),
        (NAME, "--at", iso(AT), "--reference", "2d"),
    ],
)
def test_what_cannot_be_scanned_is_a_usage_error(
    run: Run, live: Path, arguments: tuple[str, ...]
) -> None:
    said = run("drift", "scan", *arguments)
    assert said.code == 2 and said.out == ""


def test_a_report_lists_features_the_worst_first(run: Run, shifted: Path, tmp_path: Path) -> None:
    run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE)
    said = run("drift", "report", NAME, *LOOK, "--html", str(tmp_path / "page.html"))
    assert said.code == 0
    lines = [line.split()[0] for line in said.out.splitlines() if line.strip()]
    assert set(lines[2:4]) == {"x0", "x1"} and "x0 moved" in said.err
    assert "x0" in (tmp_path / "page.html").read_text()
    assert run("drift", "report", NAME, "-o", "json").json["features"][0]["severity"] == "severe"


def test_a_table_has_the_figures_of_the_page_and_json_every_digit(run: Run, shifted: Path) -> None:
    run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE)
    _, head, _, first, *_ = run("drift", "report", NAME).out.splitlines()
    cells = dict(zip(head.split(), first.split(), strict=True))
    assert list(cells)[3:9] == ["ks", "psi", "q", "mean_shift", "missing", "frozen_ks"]
    worst = run("drift", "report", NAME, "-o", "json").json["features"][0]
    assert (cells["feature"], cells["missing"]) == (worst["feature"], "0%")
    for name, exact in (("ks", worst["ks"]), ("psi", worst["psi"])):
        assert cells[name] == f"{exact:.3g}" != str(exact)
    assert cells["frozen_ks"] == f"{worst['frozen']['ks']:.3g}"
    assert re.fullmatch(r"\d\.\de-\d+", cells["q"])
    assert float(cells["q"]) == pytest.approx(worst["q_value"], rel=0.05)


def test_one_is_not_said_in_the_plural(run: Run, live: Path, home: Path) -> None:
    run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE)
    with Governance.open(home=home) as gov:
        (report,) = gov.drift.get_reports(NAME)
    rolling = report.reference["rolling"] | {"days": 1, "quarantined": ["2026-03-01"]}
    track = {"rule": "sustained", "opened_at": iso(AT), "features": ["x0"]}
    one = replace(
        report,
        rows=1,
        features=report.features[:1],
        reference={**report.reference, "rolling": rolling},
        policy={**report.policy, "days_running": 1},
        episode={"drift": track},
    )
    said = "\n".join(explained(one))
    for words in (
        *("Looked at: 1 row of", "Compared with: 1 day from", "; 1 day under alarm"),
        *("flagged at 1 close of a day:", "1 of 1 feature is as on other days"),
    ):
        assert words in said, words


def test_explain_says_figures_limits_and_rule(run: Run, shifted: Path) -> None:
    run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE)
    said = run("drift", "explain", NAME)
    assert said.code == 0
    for words in (
        "is severe",
        f"Compared with: {DAYS} days",
        "flagged from 0.1, severe from 0.2",
        "Alarm about drift since",
        "features were severe at one look",
        "8 of 10 features are as on other days",
    ):
        assert words in said.out, words
    one = run("drift", "explain", NAME, "x5").out
    assert "x5: normal, stable" in one and "x0: " not in one.split("x5: normal")[1]
    assert run("drift", "explain", NAME, "x5", "-o", "json").json["lines"]


def test_what_is_not_there_is_not_found(run: Run, live: Path) -> None:
    said = run("drift", "report", NAME)
    assert said.code == 1 and "make one with `governance drift scan`" in said.err
    run("drift", "scan", NAME, *LOOK, "--reference", REFERENCE)
    said = run("drift", "explain", NAME, "nothing")
    assert said.code == 1 and "it watches" in said.err


@pytest.mark.parametrize(
    "command", [("scan",), ("report",), ("explain",), ("calibration",), ("calibration", "--run")]
)
def test_what_no_scan_can_look_at_no_command_looks_for(
    run: Run, live: Path, home: Path, command: tuple[str, ...]
) -> None:
    verb, *options = command
    unknown = run("drift", verb, "nothing", *LOOK, *options)
    assert (unknown.code, unknown.out) == (2, "")
    assert unknown.err.startswith("error [config_invalid]: model 'nothing' is not declared; add it")
    file = home / "config" / "governance.yaml"
    declared = yaml.safe_load(file.read_text())
    del declared["models"][NAME]["drift"]
    file.write_text(yaml.safe_dump(declared))
    silent = run("drift", verb, NAME, *LOOK, *options)
    assert (silent.code, silent.out) == (3, "")
    assert silent.err.startswith("error [drift_disabled]: ") and "add a section drift" in silent.err


def test_a_range_is_profiled(run: Run, live: Path) -> None:
    said = run("drift", "profile", NAME, "--from", iso(START), "--to", iso(AT), "-o", "json")
    assert said.code == 0
    assert (said.json["days"], said.json["hours"]) == (DAYS + 1, 48)
    assert said.json["rows"] == (DAYS + 1) * 24 * len(hour_rows(START))
    assert (said.json["start"], said.json["end"]) == (iso(START), iso(AT))
    shown = run("drift", "profile", NAME, "--from", iso(AT - HOUR), "--to", iso(AT))
    assert f"{AT:%Y-%m-%d %H:%M:%S}Z" in shown.out


def test_calibration_shows_the_measured_rate_beside_the_budget(run: Run, live: Path) -> None:
    assert "nothing was measured yet" in run("drift", "calibration").err
    measured = run("drift", "calibration", NAME, "--run", *LOOK, "-o", "json")
    assert measured.code == 0 and measured.json["items"][0]["budget"] == 1.0
    shown = run("drift", "calibration", NAME)
    assert "budget" in shown.out and f"{AT:%Y-%m-%d %H:%M:%S}Z" in shown.out
    assert run("drift", "calibration", "--run").code == 2


def test_what_is_switched_off_is_a_conflict(
    run: Run, live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOVERNANCE_ENABLE_DRIFT_DETECTION", "false")
    said = run("drift", "scan", NAME, *LOOK)
    assert said.code == 3 and "switched off" in said.err
