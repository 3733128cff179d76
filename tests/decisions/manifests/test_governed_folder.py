"""Document 004 in place: gates, promotion, force, rollback, and what survives a bad moment."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from governance import Governance
from governance.decisions.manifests import governed_folder
from governance.decisions.manifests.governed_folder import GovernedFolder
from governance.decisions.manifests.judging import force_asked, limits_of
from governance.errors import (
    ArtifactIntegrityError,
    ArtifactMissingError,
    InvalidInputError,
    NotFoundError,
    NothingToRollBackError,
    ReasonRequiredError,
    StorageUnavailableError,
)
from governance.values import Verdict
from tests.decisions.manifests.trainer import JANUARY, manifest, read, stats, train

DAY_MS = 86_400_000
NOW_MS = int(JANUARY.timestamp() * 1000)
LIMITS = limits_of({})


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def governed(sqlite_gov: Governance, models: Path) -> GovernedFolder:
    return sqlite_gov.manifests(models)


def actions(gov: Governance) -> list[str]:
    return [e.action for e in gov.audit.entries() if e.action.startswith("manifest.")]


def test_the_first_complete_candidate_becomes_active(
    sqlite_gov: Governance, governed: GovernedFolder, models: Path
) -> None:
    written = train(models, "v001")
    done = governed.evaluate(LIMITS, by="cron")
    assert (done.action, done.promoted, done.active_version) == ("bootstrap", True, "v001")
    active = read(models, "manifest_active.json")
    ours = active.pop("governance")
    assert active == written
    assert ours["generation"] == 1
    assert len(ours["members"]) == 6
    assert read(models, "model_registry.json")["active_version"] == "v001"
    assert actions(sqlite_gov) == ["manifest.bootstrap"]
    assert sqlite_gov.audit.verify()


def test_the_same_candidate_again_changes_nothing(
    sqlite_gov: Governance, governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    before = (models / "manifest_active.json").read_bytes()
    assert governed.evaluate(LIMITS, by="cron").action == "no_change"
    assert (models / "manifest_active.json").read_bytes() == before
    assert actions(sqlite_gov) == ["manifest.bootstrap"]


def test_a_candidate_that_passes_replaces_the_active_one(
    governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    train(models, "v002", trained_end_ts=NOW_MS + DAY_MS, stats=stats(10.5, -10.0))
    done = governed.evaluate(LIMITS, by="cron")
    assert (done.action, done.generation) == ("promoted", 2)
    assert read(models, "manifest_active_prev.json")["version"] == "v001"
    assert read(models, "model_registry.json")["previous_active_version"] == "v001"


@pytest.mark.parametrize(
    ("changed", "gate", "verdict"),
    [
        ({"models": {"reject": {"5": "a.bin"}}}, "bundle.targets", Verdict.FAIL),
        ({"models": None}, "bundle.targets", Verdict.INSUFFICIENT),
        ({"thresholds": None}, "bundle.thresholds", Verdict.INSUFFICIENT),
        ({"thresholds": {"reject": {"5": 1.01}}}, "bundle.thresholds", Verdict.FAIL),
        ({"thresholds": {"reject": {"5": "nan"}}}, "bundle.thresholds", Verdict.INSUFFICIENT),
        ({"trained_end_ts": NOW_MS - 1}, "freshness", Verdict.FAIL),
        ({"trained_end_ts": None}, "freshness", Verdict.INSUFFICIENT),
        ({"trained_end_ts": -5}, "freshness", Verdict.INSUFFICIENT),
        ({"feature_version": "v4"}, "feature_version", Verdict.FAIL),
        ({"feature_version": None}, "feature_version", Verdict.INSUFFICIENT),
        ({"stats": stats(10.4, -8.0)}, "excursions.mfe", Verdict.FAIL),
        ({"stats": stats(12.0, -10.1)}, "excursions.mae", Verdict.FAIL),
        ({"stats": stats(12.0, 10.1)}, "excursions.mae", Verdict.FAIL),
        ({"stats": None}, "excursions.mae", Verdict.INSUFFICIENT),
        ({"stats": stats(None, -8.0)}, "excursions.mfe", Verdict.INSUFFICIENT),
    ],
)
def test_each_gate_of_document_004_refuses(
    governed: GovernedFolder, models: Path, changed: dict[str, Any], gate: str, verdict: Verdict
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    before = (models / "manifest_active.json").read_bytes()
    train(models, "v002", **changed)
    done = governed.evaluate(LIMITS, by="cron")
    assert done.action == "rejected"
    assert done.judgement is not None
    results = {check.gate: check.result for check in done.judgement.checks}
    assert results[gate] is verdict
    assert (models / "manifest_active.json").read_bytes() == before


@pytest.mark.parametrize(
    "changed", [{}, {"stats": stats(10.5, -10.0)}, {"stats": stats(99, -0.1)}, {"mine": [1]}]
)
def test_the_tolerances_are_included(
    governed: GovernedFolder, models: Path, changed: dict[str, Any]
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    train(models, "v002", **changed)
    assert governed.evaluate(LIMITS, by="cron").promoted


def test_a_model_file_that_is_missing_or_elsewhere_is_no_member(
    governed: GovernedFolder, models: Path, tmp_path: Path
) -> None:
    train(models, "v001")
    gone = models / "rf_break_60m_v001.bin"
    gone.unlink()
    assert governed.evaluate(LIMITS, by="cron").action == "rejected"
    (tmp_path / "outside.bin").write_bytes(b"x")
    gone.symlink_to(tmp_path / "outside.bin")
    assert governed.evaluate(LIMITS, by="cron").action == "rejected"
    train(models, "v002", models={"reject": {"5": "../outside.bin"}})
    with pytest.raises(InvalidInputError, match="no file name below the folder"):
        governed.evaluate(LIMITS, by="cron")


def test_a_refusal_is_audited_once_and_stands_in_the_history(
    sqlite_gov: Governance, governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001", thresholds=None)
    for _ in range(3):
        governed.evaluate(LIMITS, by="cron")
    assert actions(sqlite_gov) == ["manifest.rejected"]
    assert [step["action"] for step in read(models, "model_registry.json")["history"]] == [
        "rejected"
    ]


def test_force_needs_a_reason_and_is_recorded_with_what_it_overrode(
    sqlite_gov: Governance, governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    train(models, "v002", feature_version="v4")
    with pytest.raises(ReasonRequiredError):
        governed.evaluate(LIMITS, by="ann", force=True)
    done = governed.evaluate(LIMITS, by="ann", force=True, reason="features were renamed")
    assert done.promoted and done.forced
    [entry] = [e for e in sqlite_gov.audit.entries() if e.action == "manifest.promoted"]
    assert entry.actor == "ann"
    assert entry.details["forced"] is True
    assert entry.details["reason"] == "features were renamed"
    assert any("feature_version" in text for text in entry.details["gate_failures"])


def test_force_never_activates_what_is_not_there(governed: GovernedFolder, models: Path) -> None:
    train(models, "v001")
    (models / "rf_break_60m_v001.bin").unlink()
    done = governed.evaluate(LIMITS, by="ann", force=True, reason="I want it")
    assert done.action == "rejected"
    assert not (models / "manifest_active.json").exists()


def test_a_forced_call_whose_gates_pass_is_no_forced_promotion(
    governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    assert not governed.evaluate(LIMITS, by="ann", force=True, reason="in any case").forced


def test_a_version_that_is_active_cannot_get_other_content(
    governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    train(models, "v001", trained_end_ts=NOW_MS + DAY_MS)
    done = governed.evaluate(LIMITS, by="cron", force=True, reason="again")
    assert done.action == "rejected"
    assert "other content" in done.reason


def test_rollback_brings_the_previous_one_back_and_again(
    governed: GovernedFolder, models: Path
) -> None:
    for version in ("v001", "v002"):
        train(models, version)
        governed.evaluate(LIMITS, by="cron")
    done = governed.rollback(by="ann", reason="v002 loses money")
    assert (done.action, done.active_version, done.generation) == ("rollback", "v001", 3)
    assert read(models, "manifest_active_prev.json")["version"] == "v002"


def test_what_was_rolled_back_from_comes_back_by_a_person_alone(
    governed: GovernedFolder, models: Path
) -> None:
    for version in ("v001", "v002"):
        train(models, version)
        governed.evaluate(LIMITS, by="cron")
    governed.rollback(by="ann", reason="v002 loses money")
    again = governed.evaluate(LIMITS, by="cron")  # the trainer's candidate is still v002
    assert (again.action, again.active_version) == ("rejected", "v001")
    assert "rolled back from" in again.reason
    with pytest.raises(NothingToRollBackError, match="itself rolled back from"):
        governed.rollback(by="cron")
    assert governed.rollback(to_version="v002", by="ann").active_version == "v002"
    governed.rollback(to_version="v001", by="ann")
    forced = governed.evaluate(LIMITS, by="ann", force=True, reason="it was the feed")
    assert (forced.active_version, forced.forced) == ("v002", True)


@pytest.mark.parametrize("models_key", [[], {}, None, {"reject": {}}])
@pytest.mark.parametrize("before", [True, False])
def test_force_activates_no_manifest_without_model_files(
    sqlite_gov: Governance, governed: GovernedFolder, models: Path, models_key: Any, before: bool
) -> None:
    if before:
        train(models, "v001")
        governed.evaluate(LIMITS, by="cron")
    (models / "manifest_latest.json").write_text(
        json.dumps({"version": "v099", "models": models_key})
    )
    asks_nothing = limits_of({}, required_targets=(), required_horizons=())
    for limits in (LIMITS, asks_nothing):
        done = governed.evaluate(limits, by="ann", force=True, reason="it must be")
        assert (done.action, done.forced) == ("rejected", False)
    assert "names no model file" in done.reason
    active = governed.status()["active_version"]
    assert active == ("v001" if before else None)
    assert actions(sqlite_gov)[-1] == "manifest.rejected"


def test_gates_that_ask_nothing_activate_no_manifest_whose_files_are_gone(
    governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    (models / "rf_reject_5m_v001.bin").unlink()
    limits = limits_of({}, required_targets=(), required_horizons=())
    done = governed.evaluate(limits, by="cron")
    assert done.action == "rejected" and "rf_reject_5m_v001.bin" in done.reason


def test_a_rollback_activates_no_manifest_without_model_files(
    governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    (models / "metadata_v099.json").write_text('{"version": "v099", "models": []}')
    with pytest.raises(ArtifactMissingError, match="names no model file"):
        governed.rollback(to_version="v099", by="ann", reason="it must be")


def test_force_over_an_unreadable_active_manifest_is_no_first_one(
    sqlite_gov: Governance, governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    (models / "manifest_active.json").write_text("{")
    train(models, "v002")
    done = governed.evaluate(LIMITS, by="ann", force=True, reason="the active one is broken")
    assert (done.action, done.forced, done.generation) == ("promoted", True, 2)
    assert actions(sqlite_gov) == ["manifest.bootstrap", "manifest.promoted"]


@pytest.mark.parametrize("lost", [False, True])
def test_a_rollback_passes_over_what_was_left_or_forced(
    governed: GovernedFolder, models: Path, lost: bool
) -> None:
    for version in ("v009", "v010", "v011"):
        train(models, version)
        governed.evaluate(LIMITS, by="cron")
    train(models, "v012", feature_version="v4")
    assert governed.evaluate(LIMITS, by="ann", force=True, reason="must be").forced
    assert governed.rollback(by="ann").active_version == "v011"
    if lost:  # the audit log knows it as well
        (models / "model_registry.json").unlink()
    assert governed.rollback(by="ann").active_version == "v010"
    (models / "metadata_v009.json").unlink()
    words = "v011 was itself rolled back from.*v012 was itself.*v009 has no manifest"
    with pytest.raises(NothingToRollBackError, match=words):
        governed.rollback(by="ann")
    assert governed.rollback(to_version="v012", by="ann").active_version == "v012"


def test_a_forced_version_does_not_come_back_by_itself(
    governed: GovernedFolder, models: Path
) -> None:
    train(models, "v010")
    governed.evaluate(LIMITS, by="cron")
    train(models, "v011", feature_version="v4")
    governed.evaluate(LIMITS, by="ann", force=True, reason="must be")
    train(models, "v012", feature_version="v4")
    assert governed.evaluate(LIMITS, by="cron").active_version == "v012"
    assert governed.rollback(by="ann").active_version == "v010"


def test_rollback_to_a_named_version_reads_its_metadata(
    governed: GovernedFolder, models: Path
) -> None:
    for version in ("v001", "v002", "v003"):
        train(models, version)
        governed.evaluate(LIMITS, by="cron")
    assert governed.rollback(to_version="v001", by="ann").active_version == "v001"
    assert governed.rollback(to_version="v001", by="ann").action == "no_change"
    with pytest.raises(NothingToRollBackError):
        governed.rollback(to_version="v009", by="ann")
    with pytest.raises(InvalidInputError):
        governed.rollback(to_version="../v001", by="ann")


def test_rollback_needs_no_readable_active_manifest_and_no_readable_state(
    governed: GovernedFolder, models: Path
) -> None:
    for version in ("v001", "v002"):
        train(models, version)
        governed.evaluate(LIMITS, by="cron")
    (models / "manifest_active.json").write_text("{")
    (models / "model_registry.json").write_text("no json")
    assert governed.rollback(by="ann").active_version == "v001"
    assert (models / "model_registry.json.damaged").exists()


def test_an_unreadable_active_manifest_lets_nothing_pass_as_the_first(
    governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    (models / "manifest_active.json").write_text("{")
    train(models, "v002")
    assert governed.evaluate(LIMITS, by="cron").action == "rejected"


def test_rollback_refuses_bytes_that_changed_or_went(
    governed: GovernedFolder, models: Path
) -> None:
    for version in ("v001", "v002"):
        train(models, version)
        governed.evaluate(LIMITS, by="cron")
    member = models / "rf_reject_5m_v001.bin"
    member.write_bytes(b"other")
    with pytest.raises(ArtifactIntegrityError, match="rf_reject_5m_v001"):
        governed.rollback(by="ann")
    member.unlink()
    with pytest.raises(ArtifactMissingError):
        governed.rollback(by="ann")
    assert read(models, "manifest_active.json")["version"] == "v002"


def test_nothing_to_roll_back_to_is_said(governed: GovernedFolder, models: Path) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    with pytest.raises(NothingToRollBackError):
        governed.rollback(by="ann")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": "v1", "version": "v2"}',
        '{"version": NaN}',
        '{"version": "../v1"}',
        '{"version": 1.5}',
        "{}",
        "[" * 100_000,
        '{"version": "' + "v" * 70 + '"}',
    ],
)
def test_a_manifest_that_cannot_be_taken_is_refused_and_nothing_changes(
    governed: GovernedFolder, models: Path, text: str
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    before = (models / "manifest_active.json").read_bytes()
    (models / "manifest_latest.json").write_text(text)
    with pytest.raises(InvalidInputError):
        governed.evaluate(LIMITS, by="cron", force=True, reason="whatever it is")
    assert (models / "manifest_active.json").read_bytes() == before


def test_no_candidate_and_no_folder_are_said(
    sqlite_gov: Governance, governed: GovernedFolder, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match="manifest_latest"):
        governed.evaluate(LIMITS, by="cron")
    with pytest.raises(NotFoundError, match="no folder"):
        sqlite_gov.manifests(tmp_path / "nowhere")


def test_the_five_keys_reach_the_ops_database(
    sqlite_gov: Governance, models: Path, tmp_path: Path
) -> None:
    ops = tmp_path / "pivot_events.sqlite"
    train(models, "v001")
    sqlite_gov.manifests(models, ops_db=ops).evaluate(LIMITS, by="cron", at=JANUARY)
    with closing(sqlite3.connect(ops)) as connection:
        rows = dict(connection.execute("SELECT key, value FROM ops_status").fetchall())
    assert rows == {
        "model_active_version": "v001",
        "model_candidate_version": "v001",
        "model_governance_last_action": "bootstrap",
        "model_governance_last_reason": "all gates passed",
        "model_governance_last_checked_ms": str(NOW_MS),
    }


def test_an_ops_database_of_another_shape_is_left_alone_and_the_decision_stands(
    sqlite_gov: Governance, models: Path, tmp_path: Path
) -> None:
    ops = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(ops)) as connection:
        connection.execute("CREATE TABLE ops_status (name TEXT)")
    train(models, "v001")
    with pytest.raises(StorageUnavailableError, match="what was decided stands"):
        sqlite_gov.manifests(models, ops_db=ops).evaluate(LIMITS, by="cron")
    assert read(models, "manifest_active.json")["version"] == "v001"


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_step_that_was_cut_off_is_finished_by_the_next_call(
    governed: GovernedFolder, models: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    train(models, "v002")
    written: list[Path] = []

    def dying(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) == dies_at:
            raise KeyboardInterrupt
        path.write_bytes(data)

    with monkeypatch.context() as patched:
        patched.setattr(governed_folder, "write_atomic", dying)
        patched.setattr("governance.decisions.manifests.state.write_atomic", dying)
        with pytest.raises(KeyboardInterrupt):
            governed.evaluate(LIMITS, by="cron")
    for name in ("manifest_active.json", "model_registry.json"):
        json.loads((models / name).read_text())
    governed.evaluate(LIMITS, by="cron")
    state = read(models, "model_registry.json")
    assert read(models, "manifest_active.json")["version"] == "v002"
    assert (state["active_version"], state["previous_active_version"]) == ("v002", "v001")
    assert governed.rollback(by="ann").active_version == "v001"


def test_two_evaluations_at_once_activate_once(
    sqlite_gov: Governance, governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    outcomes: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: outcomes.append(
                sqlite_gov.manifests(models).evaluate(LIMITS, by="cron").action
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["bootstrap", "no_change", "no_change", "no_change"]


def test_the_environment_says_what_is_asked_and_options_win() -> None:
    environment = {"MODEL_GOV_REQUIRED_TARGETS": "up", "MODEL_GOV_MAX_MFE_REGRESSION_BPS": "3"}
    limits = limits_of(environment, max_mfe_regression_bps=0.5, required_horizons=None)
    assert limits.required_targets == ("up",)
    assert limits.max_mfe_regression_bps == 0.5
    assert limits.required_horizons == (5, 15, 60)
    with pytest.raises(InvalidInputError):
        limits_of({}, max_mfe_regression_bps=float("nan"))
    with pytest.raises(InvalidInputError):
        limits_of({"MODEL_GOV_REQUIRED_HORIZONS": "5,x"})


@pytest.mark.parametrize(("text", "asked"), [("1", True), ("yes", True), ("", False), ("0", False)])
def test_force_is_asked_by_one_variable(text: str, asked: bool) -> None:
    assert force_asked({"MODEL_GOV_FORCE_PROMOTE": text}) is asked
    with pytest.raises(InvalidInputError):
        force_asked({"MODEL_GOV_FORCE_PROMOTE": "perhaps"})


def test_status_changes_nothing_and_names_changed_files(
    governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    before = {path: path.read_bytes() for path in models.iterdir()}
    found = governed.status()
    assert (found["active_version"], found["candidate_version"]) == ("v001", "v001")
    assert found["active_changed"] == []
    assert {path: path.read_bytes() for path in models.iterdir()} == before
    (models / "rf_reject_5m_v001.bin").write_bytes(b"other")
    assert governed.status()["active_changed"] == ["rf_reject_5m_v001.bin"]


def test_a_version_that_was_never_active_needs_a_reason_to_be_rolled_back_to(
    sqlite_gov: Governance, governed: GovernedFolder, models: Path
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    train(models, "v002", feature_version="v4")
    assert governed.evaluate(LIMITS, by="cron").action == "rejected"
    with pytest.raises(ReasonRequiredError, match="never active"):
        governed.rollback(to_version="v002", by="eve")
    done = governed.rollback(to_version="v002", by="ann", reason="the feed of v001 is gone")
    assert (done.active_version, done.forced) == ("v002", True)
    [entry] = [e for e in sqlite_gov.audit.entries() if e.action == "manifest.rollback"]
    assert entry.details["forced"] is True


@pytest.mark.parametrize("damage", ["both lost", "both unreadable"])
def test_a_folder_that_lost_its_files_is_not_taken_for_a_new_one(
    governed: GovernedFolder, models: Path, damage: str
) -> None:
    train(models, "v001")
    governed.evaluate(LIMITS, by="cron")
    for name in ("manifest_active.json", "model_registry.json"):
        if damage == "both lost":
            (models / name).unlink()
        else:
            (models / name).write_text("{")
    train(models, "v002", trained_end_ts=1, stats=stats(0.0, -99.0))
    assert governed.evaluate(LIMITS, by="cron").action == "rejected"


@pytest.mark.parametrize(
    "state",
    [
        '{"known": {"v001": 5}}',
        '{"known": {"v001": {"members": null}}, "history": [1]}',
        json.dumps({"previous_active_version": "v" * 5000}),
    ],
)
def test_a_state_file_full_of_nonsense_stops_no_rollback(
    governed: GovernedFolder, models: Path, state: str
) -> None:
    for version in ("v001", "v002"):
        train(models, version)
        governed.evaluate(LIMITS, by="cron")
    (models / "model_registry.json").write_text(state)
    assert governed.rollback(by="ann").active_version == "v001"


def test_a_state_file_that_is_a_link_or_a_folder_is_put_aside(
    governed: GovernedFolder, models: Path, tmp_path: Path
) -> None:
    for version in ("v001", "v002"):
        train(models, version)
        governed.evaluate(LIMITS, by="cron")
    (models / "model_registry.json").unlink()
    (models / "model_registry.json").mkdir()
    assert governed.rollback(by="ann").active_version == "v001"


@pytest.mark.parametrize(
    "changed",
    [
        {"note": "\ud800"},
        {"models": {"reject": {"5": "x" * 300}}},
        {"models": {"reject": {"5": "\ud800/x"}}},
    ],
)
def test_texts_that_no_disk_and_no_log_can_hold_are_refused(
    governed: GovernedFolder, models: Path, changed: dict[str, Any]
) -> None:
    train(models, "v001")
    (models / "manifest_latest.json").write_text(json.dumps(manifest("v001", **changed)))
    with pytest.raises(InvalidInputError):
        governed.evaluate(LIMITS, by="cron")


def test_a_number_beyond_floats_is_named(governed: GovernedFolder, models: Path) -> None:
    (models / "manifest_latest.json").write_text('{"version": "v1", "trained_end_ts": 1e400}')
    with pytest.raises(InvalidInputError, match="1e400 is no number"):
        governed.evaluate(LIMITS, by="cron")


def test_a_path_that_no_system_takes_is_no_folder(sqlite_gov: Governance) -> None:
    for path in ("a" * 5000, "x\0y"):
        with pytest.raises(NotFoundError):
            sqlite_gov.manifests(path)
