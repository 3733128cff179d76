"""Where pages lie: one place for each model and moment, replaced whole or not at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from governance.effects.drift_report.files import report_link, report_path, write_report
from governance.errors import InvalidInputError, NaiveDatetimeError, StorageUnavailableError
from tests.effects.drift_report.samples import AT


def test_a_page_lies_where_the_link_says(tmp_path: Path) -> None:
    link = write_report(tmp_path, "arrival_delay", AT, "<p>ü</p>")
    assert Path(link) == report_path(tmp_path, "arrival_delay", AT)
    assert Path(link).read_bytes() == "<p>ü</p>".encode()
    assert link == report_link(str(tmp_path / "reports"), "arrival_delay", AT)


def test_people_see_a_url_where_there_is_one(tmp_path: Path) -> None:
    link = write_report(tmp_path, "m", AT, "", report_url="https://reports.example.com/")
    assert link == "https://reports.example.com/drift/m/2013-02-08T180000Z.html"
    assert (tmp_path / "reports/drift/m/2013-02-08T180000Z.html").exists()


def test_writing_again_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    for text in ("first", "second"):
        link = write_report(tmp_path, "m", AT, text)
    assert Path(link).read_text() == "second"
    assert list(Path(link).parent.iterdir()) == [Path(link)]


def test_every_moment_has_a_page_of_its_own(tmp_path: Path) -> None:
    moments = [AT, AT + timedelta(hours=1), AT + timedelta(microseconds=1)]
    assert len({report_path(tmp_path, "m", at) for at in moments}) == 3


@pytest.mark.parametrize("model", ["../etc", "a/b", "", "M"])
def test_a_name_that_is_none_reaches_no_file(tmp_path: Path, model: str) -> None:
    with pytest.raises(InvalidInputError):
        write_report(tmp_path, model, AT, "")
    assert list(tmp_path.iterdir()) == []


def test_a_moment_without_a_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NaiveDatetimeError):
        write_report(tmp_path, "m", AT.replace(tzinfo=None), "")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("in the way")
    with pytest.raises(StorageUnavailableError, match="make the folder"):
        write_report(tmp_path, "m", AT, "")
