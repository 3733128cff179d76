"""Names and URLs that may not be told as they are: not UTF-8, or with a secret in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance.errors import LiveDataError
from governance.evidence.drift.sources.hour_files import shown
from governance.evidence.drift.sources.live import LiveRows, LiveStatus
from governance.evidence.drift.sources.parquet import ParquetSource

from .conftest import FIRST, HOUR, LAYOUT, live_frame, write_hours


@pytest.mark.parametrize("name", [b"caf\xe9.parquet", b"caf\xe9.csv"])
def test_a_name_that_is_not_utf_8_stops_nothing(tmp_path: Path, name: bytes) -> None:
    write_hours(live_frame(), str(tmp_path))
    folder = tmp_path / FIRST.strftime(LAYOUT)
    odd = os.path.join(os.fsencode(folder), name)
    if name.endswith(b".parquet"):
        os.rename(os.fsencode(folder / "part-1.parquet"), odd)
    else:
        Path(os.fsdecode(odd)).touch()
    source = ParquetSource(str(tmp_path), layout=LAYOUT, time_column="time")
    found = source.read(FIRST, FIRST + HOUR, ["delay"])
    assert (found.status, found.rows) == (LiveStatus.OK, 6)
    assert source.fingerprints(FIRST, FIRST + HOUR) == {FIRST: found.fingerprint}
    if name.endswith(b".csv"):
        assert "caf\\udce9.csv" in str(found.problem)
    else:
        Path(os.fsdecode(odd)).write_bytes(b"torn")
        torn = source.read(FIRST, FIRST + HOUR, ["delay"])
        assert torn.status is LiveStatus.CORRUPT and "caf\\udce9" in str(torn.problem)


def test_a_problem_can_always_be_stored() -> None:
    told = LiveRows(status=LiveStatus.INVALID, problem="column 'a\0b\ud800' is there twice").problem
    assert told == "column 'a\\x00b\\ud800' is there twice"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://h/x?sig=S3CRET", "https://h/x"),
        ("memory://x?token=S3CRET", "memory://x"),
        ("http://u:S3CR/ET@h/live", "http://h/live"),
        ("http://u:S3CR@ET@h:80/live#S3CRET", "http://h:80/live"),
        ("http://u:S3?CR#ET@h/live", "http://..."),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("simplecache::http://u:S3CRET@h/x?S3CRET", "simplecache::http://h/x"),
        ("/live/a?b@c", "/live/a?b@c"),
    ],
)
def test_of_a_url_only_scheme_host_and_path_are_told(url: str, told: str) -> None:
    assert shown(url) == told


def test_an_error_tells_no_secret_of_the_path() -> None:
    for url in ("nosuch://u:S3CR/ET@h/x?sig=S3CRET", "memory://nowhere?token=S3CRET"):
        with pytest.raises(LiveDataError) as caught:
            ParquetSource(url, layout=LAYOUT, time_column="time").read(FIRST, FIRST + HOUR, [])
        assert "S3CR" not in caught.value.message
