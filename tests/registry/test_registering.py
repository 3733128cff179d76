"""Registration as a protocol: retries, numbers, drafts, races, and what a crash leaves behind."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import Governance
from governance.errors import (
    ArtifactIntegrityError,
    GovernanceError,
    InvalidVersionError,
    VersionExistsError,
)
from governance.registry import registering
from governance.registry.clean_up import collect_garbage
from governance.values import ModelVersion, SemanticVersion, Stage
from tests.model_bytes import model_bytes, model_file
from tests.versions import NAME, actions, head, registered, validated


class Crash(BaseException):
    """Stands for the end of the process: nobody catches it."""


# -- the same call again --------------------------------------------------------------------------


def test_the_same_call_again_gives_the_same_version_and_writes_nothing(gov: Governance) -> None:
    first = registered(gov, config={"leaves": 15}, features=["x"], metrics={"auc": 0.6})
    before = head(gov)
    again = registered(gov, config={"leaves": 15}, features=["x"], metrics={"auc": 0.6})
    assert (again.id, again.version, again.created) == (first.id, first.version, False)
    assert head(gov) == before
    assert len(gov.registry.list_models()) == 1


def test_the_retry_of_an_explicit_version_gives_it_too(gov: Governance) -> None:
    first = registered(gov, version="2.1.0")
    assert registered(gov, version="2.1.0").id == first.id


def test_a_retry_finds_its_version_wherever_it_has_got_to(gov: Governance) -> None:
    version = validated(gov)
    again = registered(gov)
    assert (again.id, again.stage) == (version.id, Stage.VALIDATED)


@pytest.mark.parametrize(
    "change",
    [
        {"config": {"leaves": 16}},
        {"features": ["x", "y"]},
        {"features": None},
    ],
)
def test_equal_bytes_with_another_provenance_are_another_version(
    sqlite_gov: Governance, change: dict[str, Any]
) -> None:
    given: dict[str, Any] = {"config": {"leaves": 15}, "features": ["x"]}
    first = registered(sqlite_gov, **given)
    other = registered(sqlite_gov, **{**given, **change})
    assert other.created and other.id != first.id
    assert (first.version, other.version) == ("1.0.0", "1.0.1")
    assert first.digest == other.digest


def test_equal_bytes_trained_on_other_rows_are_another_version(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    data = tmp_path / "rows.csv"
    data.write_text("x,y\n1,2\n")
    first = registered(sqlite_gov, dataset_paths=[data])
    assert registered(sqlite_gov, dataset_paths=str(data)).id == first.id
    data.write_text("x,y\n1,3\n")
    assert registered(sqlite_gov, dataset_paths=[data]).id != first.id


def test_another_name_is_another_version(gov: Governance) -> None:
    assert registered(gov).id != registered(gov, name="other").id


def test_a_number_that_belongs_to_other_bytes_is_refused_and_nothing_remains(
    gov: Governance,
) -> None:
    registered(gov, 1, version="1.0.0")
    before, folders = head(gov), list(gov.artifacts.iter_folders())
    with pytest.raises(VersionExistsError, match="immutable"):
        registered(gov, 2, version="1.0.0")
    with pytest.raises(VersionExistsError, match="another provenance"):
        registered(gov, 1, version="1.0.0", config={"a": 1})
    assert head(gov) == before
    assert list(gov.artifacts.iter_folders()) == folders
    assert _staged(gov) == []


# -- numbers --------------------------------------------------------------------------------------


def test_numbers_are_assigned_from_the_highest_one(gov: Governance) -> None:
    assert registered(gov, 1).version == "1.0.0"
    assert registered(gov, 2).version == "1.0.1"
    assert registered(gov, 3, version="2.5.0").version == "2.5.0"
    assert registered(gov, 4, version="1.7.0").version == "1.7.0"
    assert registered(gov, 5).version == "2.5.1"
    assert registered(gov, 6, version="3.0.0-rc.1").version == "3.0.0-rc.1"
    assert registered(gov, 7).version == "3.0.0"


def test_after_the_last_patch_a_number_must_be_given_and_nothing_is_published(
    gov: Governance,
) -> None:
    last = registered(gov, 1, version="1.0.999999999")
    before = head(gov)
    with pytest.raises(InvalidVersionError, match="give a version yourself"):
        registered(gov, 2)
    assert list(gov.artifacts.iter_folders()) == [last.artifact_path]
    assert _staged(gov) == []
    assert head(gov) == before
    assert registered(gov, 2, version="1.1.0").created


def test_the_day_of_an_ancient_version_has_four_digits_of_a_year(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov, at=datetime(33, 4, 3, tzinfo=UTC))
    assert version.artifact_path == f"models/{NAME}/0033-04-03/{version.id}"
    assert sqlite_gov.artifacts.digest(version.artifact_path) == version.digest


_parts = st.integers(0, 30)
_prerelease = st.sampled_from(["", "-rc.1", "-rc.2", "-rc.10", "-alpha", "-1", "-a.b"])
_numbers = st.builds("{}.{}.{}{}".format, _parts, _parts, _parts, _prerelease)


@given(numbers=st.lists(_numbers, min_size=1, max_size=12))
def test_an_assigned_number_is_above_all_that_were_there(numbers: list[str]) -> None:
    highest = max(SemanticVersion.parse(number) for number in numbers)
    assert highest < highest.next_patch()
    assert all(not highest.next_patch() < SemanticVersion.parse(number) for number in numbers)


def test_32_registrations_at_once_get_32_numbers(gov: Governance) -> None:
    with ThreadPoolExecutor(32) as pool:
        versions = list(pool.map(lambda seed: registered(gov, seed), range(32)))
    assert sorted(int(v.version.removeprefix("1.0.")) for v in versions) == list(range(32))
    assert all(version.created for version in versions)
    stored = {version.id for version in gov.registry.list_models()}
    assert stored == {version.id for version in versions}
    known = {version.artifact_path for version in versions}
    assert set(gov.artifacts.iter_folders()) == known, "no number that was lost left a folder"
    for version in versions:
        assert gov.artifacts.digest(version.artifact_path) == version.digest


def test_8_retries_at_once_of_one_call_are_one_version(gov: Governance) -> None:
    model_file(gov.settings.home.parent)  # so that nobody reads a half-written file

    def register(_: int) -> ModelVersion:
        path = gov.settings.home.parent / "given-0.txt"
        return gov.registry.register_model(
            NAME, model_path=path, model_type="lightgbm", created_by="ann"
        )

    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(register, range(8)))
    assert len({version.id for version in versions}) == 1
    assert sum(version.created for version in versions) == 1
    assert actions(gov) == ["version.registered"]


# -- drafts ---------------------------------------------------------------------------------------


def test_a_draft_becomes_the_version_when_its_bytes_arrive(gov: Governance) -> None:
    draft = gov.registry.register_model(
        NAME, model_type="lightgbm", version="1.4.0", stage="draft", created_by="ann", tags=["old"]
    )
    assert (draft.stage, draft.digest, draft.artifact_path) == (Stage.DRAFT, "", "")
    arrived = registered(gov, version="1.4.0", tags=["new"])
    assert (arrived.stage, arrived.created) == (Stage.TRAINED, True)
    assert arrived.id != draft.id, "the id covers the bytes"
    assert [version.id for version in gov.registry.list_models()] == [arrived.id]
    assert [v.id for v in gov.registry.list_models(tag="new")] == [arrived.id]
    assert len(gov.registry.list_models(tag="old")) == 0
    last = gov.audit.entries()[-1]
    assert (last.action, last.details["draft_id"]) == ("version.registered", draft.id)


def test_a_draft_declared_twice_is_one_draft(gov: Governance) -> None:
    def draft() -> ModelVersion:
        return gov.registry.register_model(
            NAME, model_type="x", version="1.0.0", stage="draft", created_by="ann"
        )

    first = draft()
    assert draft().id == first.id
    assert actions(gov) == ["version.drafted"]


def test_what_is_trained_cannot_be_drafted_again(gov: Governance) -> None:
    registered(gov, version="1.0.0")
    with pytest.raises(VersionExistsError, match="trained already"):
        gov.registry.register_model(
            NAME, model_type="x", version="1.0.0", stage="draft", created_by="ann"
        )


# -- after a crash --------------------------------------------------------------------------------


def test_a_crash_before_the_record_leaves_an_orphan_that_the_retry_takes_over(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(registering, "_record", _crash)
        with pytest.raises(Crash):
            registered(gov)
    assert len(gov.registry.list_models()) == 0
    (orphan,) = gov.artifacts.iter_folders()
    version = registered(gov)
    assert version.artifact_path == orphan
    assert collect_garbage(gov.database, gov.artifacts) == []


def test_a_crash_inside_the_transaction_leaves_no_record_and_no_entry(
    gov: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(registering, "append_entry", _crash)
        with pytest.raises(Crash):
            registered(gov, tags=["a"])
    assert len(gov.registry.list_models()) == 0
    assert head(gov) == 0
    assert registered(gov, tags=["a"]).version == "1.0.0"


def test_a_retry_brings_a_lost_folder_back(gov: Governance) -> None:
    version = registered(gov)
    shutil.rmtree(gov.settings.home / version.artifact_path)
    assert not registered(gov).created
    opened = gov.artifacts.open(version.artifact_path, version.digest)
    assert opened.members["model.txt"] == model_bytes()


def test_a_retry_never_covers_up_changed_bytes(gov: Governance) -> None:
    version = registered(gov)
    path = gov.settings.home / version.artifact_path / "model.txt"
    path.write_bytes(model_bytes(99))
    with pytest.raises(ArtifactIntegrityError, match="restore"):
        registered(gov)
    assert path.read_bytes() == model_bytes(99)


@pytest.mark.parametrize(
    "wrong",
    [{"metrics": {"auc": float("nan")}}, {"created_by": "ann\tsmith"}, {"description": "\ud800"}],
)
def test_a_refused_registration_leaves_no_trace(
    sqlite_gov: Governance, wrong: dict[str, Any]
) -> None:
    with pytest.raises(GovernanceError):
        registered(sqlite_gov, **wrong)
    assert list(sqlite_gov.artifacts.iter_folders()) == []
    assert _staged(sqlite_gov) == []
    assert head(sqlite_gov) == 0


def _crash(*_: object, **__: object) -> Any:
    raise Crash


def _staged(gov: Governance) -> list[str]:
    folder = gov.settings.home / "staging" / "artifacts"
    return [path.name for path in folder.glob("*")]
