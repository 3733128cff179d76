"""The heat map equals what the reports say; a cell leads to reference against window."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from governance import Governance
from governance.dashboard.reads.heat import heat
from governance.evidence.drift.records import report_store
from tests.api.test_models import statements
from tests.dashboard.conftest import AT, NAME, Browser, browsing, look
from tests.versions import champion, registered


def cells(text: str) -> dict[str, list[str]]:
    """Feature to its marks by day; a day without a look is empty."""
    rows = re.findall(r'<tr><th scope="row" title="([^"]+)">[^<]*</th>(.*?)</tr>', text)
    return {name: re.findall(r"<td>(?:<a class=(\w) [^>]*>[^<]*</a>)?", row) for name, row in rows}


def test_nobody_has_looked(sqlite_gov: Governance, browser: Browser) -> None:
    champion(sqlite_gov)
    text = browser.get(f"/models/{NAME}/drift").text
    assert "Nobody has looked" in text and "governance drift scan" in text


def test_features_by_day_the_worst_first(sqlite_gov: Governance, browser: Browser) -> None:
    live = champion(sqlite_gov)
    look(sqlite_gov, live, days_ago=3)
    look(sqlite_gov, live, days_ago=1, names=("a", "visib", "wind"), severe=("wind",))
    look(sqlite_gov, live)
    text = browser.get(f"/models/{NAME}/drift?days=7").text
    found = cells(text)
    assert list(found) == ["wind", "visib", "a"]
    assert found["wind"] == ["", "", "", "n", "", "s", "n"]
    assert found["a"] == ["", "", "", "", "", "n", ""]
    assert "3 features" in text and "3 days with a look" in text
    assert text.count("▲") >= 2  # not by colour alone: the key, and the cell


def test_a_day_is_the_models_and_stands_for_its_last_look_that_is_kept(gov: Governance) -> None:
    live = champion(gov)
    midnight = datetime(2013, 2, 9, 5, tzinfo=UTC)  # in New York
    ago = (AT - midnight) / timedelta(days=1)
    look(gov, live, days_ago=ago, severe=("visib",))  # ends the 8th there
    look(gov, live, days_ago=ago - 1 / 24)  # begins the 9th
    look(gov, live, days_ago=ago - 2 / 24, names=())  # its figures are not kept
    with gov.database.read() as connection:
        found = heat(
            connection, live.id, until=midnight + timedelta(hours=3), days=2,
            timezone="America/New_York",
        )  # fmt: skip
        in_utc = heat(
            connection, live.id, until=midnight + timedelta(hours=3), days=2, timezone="UTC"
        )
    assert [look.day for look in found.days] == [date(2013, 2, 8), date(2013, 2, 9)]
    assert [cell.severity if cell else None for cell in found.rows["visib"]] == ["severe", "normal"]
    assert [look.kept for look in found.days] == [True, True]
    assert [cell.severity if cell else None for cell in in_utc.rows["visib"]] == [None, "normal"]


def test_the_map_equals_the_reports(gov: Governance) -> None:
    live = champion(gov)
    for day in range(5):
        look(gov, live, days_ago=day, names=("a", "b", "c"), severe=("abc"[day % 3],))
    with gov.database.read() as connection:
        found = heat(connection, live.id, until=AT, days=5, timezone="UTC")
        reports = report_store.query(connection, model=NAME)
    for report in reports:
        names = sorted(one.feature for one in report.features)
        place = next(n for n, day in enumerate(found.days) if day.report == report.id)
        for one in report.features:
            cell = found.rows[one.feature][place]
            assert cell is not None
            assert (cell.severity, cell.report) == (one.severity, report.id[:12])
            assert names[cell.place] == one.feature


def test_a_cell_shows_reference_against_window(sqlite_gov: Governance, browser: Browser) -> None:
    live = champion(sqlite_gov)
    for day in range(4):
        look(sqlite_gov, live, days_ago=day, severe=("wind",))
    page = browser.get(f"/models/{NAME}/drift").text
    (*_, address) = re.findall(r"class=s href=([^>\s]+)", page)
    text = browser.get(f"/models/{NAME}/{address}").text
    assert "<h1>wind" in text and "wind moved" in text
    assert "50.0 %" in text and "90.0 %" in text and 'class="reference"' in text
    assert "KS distance (0 to 1) of wind in the last" in text
    quiet = browser.get(f"/models/{NAME}/{address.rpartition('.')[0]}.0").text
    assert "<h1>visib" in quiet and "keeps the shares of its eight worst" in quiet


@pytest.mark.parametrize("cell", ["0" * 12 + ".0", "zz", "0123456789ab", "../../etc.0", "%00.1"])
def test_a_cell_that_is_not_there_is_a_page(
    cell: str, sqlite_gov: Governance, browser: Browser
) -> None:
    look(sqlite_gov, champion(sqlite_gov))
    assert browser.get(f"/models/{NAME}/drift/{cell}").status_code in (404, 422)


def test_figures_that_were_forgotten_or_replaced_meanwhile_are_a_page(
    sqlite_gov: Governance, browser: Browser
) -> None:
    live = champion(sqlite_gov)
    report = look(sqlite_gov, live, names=("a", "b"))
    look(sqlite_gov, live, names=("a",), revision=2)  # written again, while somebody looks
    assert browser.get(f"/models/{NAME}/drift/{report[:12]}.0").status_code == 200
    gone = browser.get(f"/models/{NAME}/drift/{report[:12]}.1")
    assert gone.status_code == 404 and "no longer kept" in gone.text
    look(sqlite_gov, live, names=(), revision=3)
    assert "No figures of features are kept" in browser.get(f"/models/{NAME}/drift").text


def test_a_cell_of_another_model_is_not_there(sqlite_gov: Governance, browser: Browser) -> None:
    champion(sqlite_gov)
    report = look(sqlite_gov, champion(sqlite_gov, 1, name="momentum2"))
    assert browser.get(f"/models/{NAME}/drift/{report[:12]}.0").status_code == 404
    other = browser.get(f"/models/{NAME}/drift?version={'0' * 12}")
    assert other.status_code == 404


def test_names_of_features_are_texts(sqlite_gov: Governance, browser: Browser) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'"
    live = champion(sqlite_gov)
    report = look(sqlite_gov, live, names=(hostile, "b"), severe=(hostile,))
    for path in ("", f"/{report[:12]}.0"):
        text = browser.get(f"/models/{NAME}/drift{path}").text
        assert "<img src=x" not in text and "&lt;img src=x" in text


def test_without_a_champion_the_version_that_was_looked_at_last_is_shown(
    sqlite_gov: Governance, browser: Browser
) -> None:
    version = registered(sqlite_gov)
    look(sqlite_gov, version, severe=("wind",))
    text = browser.get(f"/models/{NAME}/drift").text
    assert "1.0.0</small>" in text and "wind" in text


def test_statements_do_not_grow_with_days_and_features(sqlite_gov: Governance) -> None:
    live = champion(sqlite_gov)
    counted = []
    with browsing(sqlite_gov) as browser:
        for days in (1, 4, 9):
            for day in range(days):
                names = tuple(f"f{number}" for number in range(days))
                look(sqlite_gov, live, days_ago=day + days / 24, names=names)
            with statements(sqlite_gov) as found:
                browser.get(f"/models/{NAME}/drift?days=90")
            counted.append(len(found))
    assert len(set(counted)) == 1 and counted[0] <= 12
