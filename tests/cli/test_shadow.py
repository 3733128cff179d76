"""`governance shadow`: what it records, shows, does and says, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance import Governance
from governance.values import ModelVersion
from tests.cli.conftest import Run
from tests.versions import champion, validated

AT = "2013-02-01T21:00:00Z"


@pytest.fixture
def versions(home: Path) -> Iterator[tuple[ModelVersion, ModelVersion]]:
    """A champion and a validated challenger."""
    with Governance.open(home=home) as gov:
        yield champion(gov, 0), validated(gov, 1)


def test_a_trial_from_the_command_line(
    run: Run, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    first, second = versions
    said = run("shadow", "start", second.ref, "--at", AT, "-o", "json").json
    assert (said["version"], said["benchmark_id"], said["started_by"]) == ("1.0.1", first.id, "ann")
    figures = [f"--set={text}" for text in ("trade_count=15", "returns=0.01,-0.002")]
    told = run("shadow", "record", second.ref, "--session", "d1", "--at", AT, *figures)
    assert told.code == 0 and "1 session recorded, 0 known before" in told.err
    assert "4 more sessions needed" in told.err
    (item,) = run("shadow", "list", "-o", "json").json["items"]
    assert (item["id"], item["benchmark"], item["sessions_needed"]) == (second.id, "1.0.0", 4)
    assert item["metrics"]["total_trades"] == 15
    table = run("shadow", "list", "momentum").out
    assert second.id in table and "open" in table
    shown = run("shadow", "show", second.id).out
    assert "shadow.turnover_ratio" in shown and "comparison.pairs" in shown
    early = run("shadow", "show", second.id, "--at", "2013-02-01T20:00:00Z", "-o", "json").json
    assert early["metrics"]["sessions_completed"] == 0
    ended = run("shadow", "stop", second.id, "--reason", "enough", "-o", "json").json
    assert ended["stage"] == "validated"
    assert "no version is on trial" in run("shadow", "list").err


def test_sessions_are_read_from_a_file(
    run: Run, versions: tuple[ModelVersion, ModelVersion], tmp_path: Path
) -> None:
    _, second = versions
    run("shadow", "start", second.ref)
    file = tmp_path / "sessions.json"
    sessions = [
        {"session_id": f"d{n}", "at": f"2013-02-0{n}T21:00:00Z", "score": n} for n in (1, 2)
    ]
    file.write_text(json.dumps(sessions))
    assert "2 sessions recorded" in run("shadow", "record", second.ref, str(file)).err
    assert "0 sessions recorded, 2 known" in run("shadow", "record", second.ref, str(file)).err
    file.write_text(json.dumps({**sessions[0], "score": 5}))
    refused = run("shadow", "record", second.ref, str(file))
    assert refused.code == 3 and "d1" in refused.err
    file.write_text(json.dumps({"score": 5}))
    named = run("shadow", "record", second.ref, str(file), "--session", "d3", "--at", AT)
    assert named.code == 0 and "1 session recorded" in named.err


@pytest.mark.parametrize(
    "text",
    ['{"score": 1, "score": 5}', '[{"score": 1, "sco\\u0072e": 1}]', '{"x": {"a": 1, "a": 1}}'],
)
def test_a_key_that_is_given_twice_is_refused(
    run: Run, versions: tuple[ModelVersion, ModelVersion], tmp_path: Path, text: str
) -> None:
    _, second = versions
    run("shadow", "start", second.ref)
    (tmp_path / "x.json").write_text(text)
    options = ("--session", "s", "--at", AT)
    said = run("shadow", "record", second.ref, str(tmp_path / "x.json"), *options)
    assert said.code == 2 and "is given twice; keep one" in said.err
    shown = run("shadow", "show", second.ref, "-o", "json").json
    assert shown["metrics"]["sessions_completed"] == 0


def test_no_trial_and_no_session_lies_in_the_future(
    run: Run, versions: tuple[ModelVersion, ModelVersion]
) -> None:
    _, second = versions
    ahead = ("--at", "2090-01-01T00:00:00Z")
    said = run("shadow", "start", second.ref, *ahead)
    assert said.code == 2 and "lies in the future" in said.err
    run("shadow", "start", second.ref)
    said = run("shadow", "record", second.ref, "--session", "s", "--set", "score=1", *ahead)
    assert said.code == 2 and "lies in the future" in said.err


def test_what_cannot_be_meant_is_refused(
    run: Run, versions: tuple[ModelVersion, ModelVersion], tmp_path: Path
) -> None:
    first, second = versions
    file = tmp_path / "x.json"
    for content in ("", "[]", "[1]", "{", '{"score": NaN}', "[" * 100_000):
        file.write_text(content)
        said = run("shadow", "record", second.ref, str(file), "--session", "s", "--at", AT)
        assert (said.code, said.out) == (2, ""), content[:20]
    options = ("--session", "s", "--at", AT)
    for wrong in (
        *((), ("--set", "score"), ("--set", "score=x"), ("--set", "trades=1")),
        *(("--set", "score=nan"), ("--set", "score=1", "--set", "score=1")),
        *(("--set", "score=1", str(file)), (str(tmp_path / "none.json"),)),
    ):
        assert run("shadow", "record", second.ref, *wrong, *options).code == 2, wrong
    assert run("shadow", "record", second.ref, "--set", "score=1", *options[:2]).code == 2
    assert run("shadow", "record", second.ref, "--set", "score=1", *options).code == 3
    assert run("shadow", "start", first.ref).code == 3
    assert run("shadow", "stop", second.ref, "--reason", "x").code == 3
    assert run("shadow", "show", "momentum:9.9.9").code == 1
