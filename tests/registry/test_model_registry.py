"""`gov.registry`, sentence by sentence of its public face, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance import Governance
from governance.errors import (
    IllegalTransitionError,
    InvalidInputError,
    NoProductionVersionError,
    NotFoundError,
    UnsafeFormatError,
    UsePromotionError,
    VersionExistsError,
)
from governance.values import Kind, Stage, version_id
from tests.model_bytes import model_bytes, model_file
from tests.versions import NAME, actions, champion, head, registered, validated

DAY = datetime(2017, 12, 29, 22, tzinfo=UTC)


# -- register_model -------------------------------------------------------------------------------


def test_a_registered_version_has_the_fields_that_callers_rely_on(
    gov: Governance, tmp_path: Path
) -> None:
    version = gov.registry.register_model(
        NAME,
        model_path=model_file(tmp_path),
        model_type="lightgbm",
        metrics={"auc": 0.61},
        metadata={"run": "r1"},
        tags=["b", "a", "b"],
        description="the first",
        created_by="ann",
        at=DAY,
    )
    assert (version.name, version.version, version.stage) == (NAME, "1.0.0", Stage.TRAINED)
    assert version.id == version_id(NAME, "1.0.0", version.digest)
    assert (version.created_by, version.created) == ("ann", True)
    assert (version.metrics, version.metadata) == ({"auc": 0.61}, {"run": "r1"})
    assert (version.tags, version.description) == (("a", "b"), "the first")
    assert (version.format, version.size_bytes) == ("lightgbm-text", len(model_bytes()))
    assert version.registered_at == DAY
    assert version.created_at - DAY > timedelta(days=365), "records carry the database's time"
    assert version.artifact_path == f"models/{NAME}/2017-12-29/{version.id}"


def test_what_is_read_back_is_what_was_returned(gov: Governance) -> None:
    version = registered(gov, metrics={"test": {"auc": 0.5}}, config={"a": 1}, features=["x"])
    for found in (
        gov.registry.get_model(NAME, "1.0.0"),
        gov.registry.resolve(version.id),
        gov.registry.resolve(f"{NAME}:1.0.0"),
        gov.registry.resolve(version),
        gov.registry.list_models()[0],
    ):
        assert found == replace(version, created=False)


def test_the_folder_holds_members_and_the_four_documents(gov: Governance) -> None:
    version = registered(gov)
    found = {path.name for path in (gov.settings.home / version.artifact_path).iterdir()}
    assert found == {
        "model.txt",
        "meta.json",
        "feature_spec.json",
        "metrics.json",
        "manifest.json",
    }


def test_a_fitted_lightgbm_model_may_be_given_as_an_object(sqlite_gov: Governance) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    booster = lightgbm.Booster(model_str=model_bytes().decode())
    version = sqlite_gov.registry.register_model(
        NAME, booster, model_type="lightgbm", created_by="ann"
    )
    model, _ = sqlite_gov.registry.load_model(version)
    assert model.predict([[1.0, 0.0], [30.0, 0.0]]).tolist() == [9.0, 10.0]


def test_an_object_that_could_only_be_pickled_is_refused(sqlite_gov: Governance) -> None:
    with pytest.raises(UnsafeFormatError, match="GOVERNANCE_ALLOW_PICKLE"):
        sqlite_gov.registry.register_model(
            NAME, {"weights": [1, 2]}, model_type="dict", created_by="ann"
        )
    assert len(sqlite_gov.registry.list_models()) == 0
    assert head(sqlite_gov) == 0


def test_several_members_are_one_artifact(sqlite_gov: Governance, tmp_path: Path) -> None:
    folder = tmp_path / "members"
    folder.mkdir()
    for horizon in (1, 5):
        (folder / f"model.h{horizon}.txt").write_bytes(model_bytes(horizon))
    version = sqlite_gov.registry.register_model(
        NAME, model_path=folder, model_type="lightgbm", created_by="ann"
    )
    assert sorted(version.manifest["members"]) == ["model.h1.txt", "model.h5.txt"]
    models, _ = sqlite_gov.registry.load_model(version)
    assert sorted(models) == ["h1", "h5"]


def test_what_was_not_given_is_none_in_the_manifest(gov: Governance) -> None:
    manifest = registered(gov).manifest
    names = ("dataset_hash", "feature_graph_hash", "training_config_hash", "seed", "trained_end")
    assert {name: manifest[name] for name in names} == dict.fromkeys(names)


def test_the_kind_of_an_undeclared_model_is_document_000s(gov: Governance) -> None:
    assert registered(gov).kind is Kind.TRADING


@pytest.mark.parametrize("stage", ["validated", "staging", "production", "retired", "failed"])
def test_nothing_is_registered_past_trained(sqlite_gov: Governance, stage: str) -> None:
    with pytest.raises(InvalidInputError, match="register it as trained"):
        registered(sqlite_gov, stage=stage)
    assert head(sqlite_gov) == 0


def test_a_model_and_a_path_together_or_neither_are_refused(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    given = {"model_type": "lightgbm", "created_by": "ann"}
    with pytest.raises(InvalidInputError, match="not both"):
        sqlite_gov.registry.register_model(NAME, object(), model_path=model_file(tmp_path), **given)  # type: ignore[arg-type]  # keywords by name
    with pytest.raises(InvalidInputError, match="give model or model_path"):
        sqlite_gov.registry.register_model(NAME, **given)  # type: ignore[arg-type]  # keywords by name
    with pytest.raises(InvalidInputError, match="a draft has no artifact"):
        registered(sqlite_gov, stage="draft")


# -- questions ------------------------------------------------------------------------------------


def test_the_latest_version_is_the_highest_number_not_the_newest_record(gov: Governance) -> None:
    for seed, number in enumerate(("1.9.0", "1.10.0", "1.2.0", "1.10.0-rc.1")):
        registered(gov, seed, version=number)
    latest = gov.registry.get_latest_version(NAME)
    assert latest is not None and latest.version == "1.10.0"


def test_the_latest_version_of_a_stage(gov: Governance) -> None:
    registered(gov, 1)
    validated(gov, 2)
    registered(gov, 3)
    found = gov.registry.get_latest_version(NAME, "validated")
    assert found is not None and found.version == "1.0.1"
    assert gov.registry.get_latest_version(NAME, "failed") is None
    assert gov.registry.get_latest_version("unknown") is None


def test_before_the_first_activation_nothing_is_in_production(gov: Governance) -> None:
    registered(gov)
    assert gov.registry.get_production_model(NAME) is None
    assert gov.registry.get_production_model("unknown") is None
    assert gov.registry.generation(NAME) == 0
    with pytest.raises(NoProductionVersionError, match="promote"):
        gov.registry.resolve(f"{NAME}@production")
    with pytest.raises(NotFoundError, match="registry list"):
        gov.registry.generation("unknown")


def test_who_was_live_at_a_time_is_the_highest_generation_effective_by_then(
    gov: Governance,
) -> None:
    first, second, third = (validated(gov, seed) for seed in range(3))
    # The third is dated back before the second.
    for version, days in ((first, 0), (second, 2), (third, 1)):
        at = DAY + timedelta(days=days)
        gov.promotion.promote_to_production(version, by="eve", force=True, reason="x", at=at)

    def live(at: datetime | None) -> str | None:
        found = gov.registry.get_production_model(NAME, at=at)
        return None if found is None else found.id

    assert live(DAY - timedelta(seconds=1)) is None
    assert live(DAY) == first.id
    assert live(DAY + timedelta(hours=23)) == first.id
    assert live(DAY + timedelta(days=1)) == third.id
    assert live(DAY + timedelta(days=3)) == third.id, "generation orders, not the clock"
    assert live(None) == third.id


def test_a_past_champion_is_shown_as_it_stands_today(gov: Governance) -> None:
    first = champion(gov, 1)
    moment = gov.registry.list_models()[0].created_at + timedelta(days=1)
    champion(gov, 2)
    found = gov.registry.get_production_model(NAME, at=moment)
    assert found is not None and found.version == "1.0.1"
    assert gov.registry.resolve(first).stage is Stage.RETIRED


def test_the_summary_counts_versions_and_names_champions(gov: Governance) -> None:
    champion(gov, 1, metrics={"auc": 0.6})
    registered(gov, 2)
    gov.registry.deactivate_model(registered(gov, 3), "ann", "superseded")
    registered(gov, 1, name="other")
    summary = gov.registry.get_model_performance_summary()
    assert (summary["total_models"], summary["active_models"]) == (4, 3)
    assert summary["by_stage"]["production"] == 1
    assert summary["models"][NAME]["production"] == "1.0.0"
    assert summary["models"][NAME]["metrics"] == {"auc": 0.6}
    assert summary["models"]["other"] == {
        "versions": 1,
        "stages": {"trained": 1},
        "production": None,
        "metrics": None,
    }


# -- changes --------------------------------------------------------------------------------------


def test_a_transition_is_recorded_with_who_why_and_when(gov: Governance) -> None:
    version = registered(gov)
    before = head(gov)
    moved = gov.registry.transition(version, "validated", "eve", "checked by hand", at=DAY)
    assert moved.stage is Stage.VALIDATED
    (entry,) = gov.audit.entries(after=before)
    assert (entry.actor, entry.action, entry.version_id) == ("eve", "stage.changed", version.id)
    assert entry.details == {
        "version": "1.0.0",
        "from": "trained",
        "to": "validated",
        "reason": "checked by hand",
        "at": "2017-12-29T22:00:00.000000Z",
    }


def test_production_is_neither_entered_nor_left_by_transition(gov: Governance) -> None:
    live, waiting = champion(gov, 1), validated(gov, 2)
    before = head(gov)
    with pytest.raises(UsePromotionError):
        gov.registry.transition(waiting, "production", "eve", "please")
    for stage in ("retired", "failed", "validated"):
        with pytest.raises(UsePromotionError):
            gov.registry.transition(live, stage, "eve", "please")
    with pytest.raises(UsePromotionError, match="promote another version first"):
        gov.registry.deactivate_model(live, "eve", "please")
    assert head(gov) == before


def test_deactivation_retires_and_is_asked_once(gov: Governance) -> None:
    version = registered(gov)
    assert gov.registry.deactivate_model(version, "ann", "wrong data").stage is Stage.RETIRED
    with pytest.raises(IllegalTransitionError, match="by a rollback alone"):
        gov.registry.deactivate_model(version, "ann", "again")
    assert actions(gov) == ["version.registered", "stage.changed"]


@pytest.mark.parametrize("stage", ["retired", "failed"])
def test_a_draft_may_be_given_up(gov: Governance, stage: str) -> None:
    draft = gov.registry.register_model(NAME, model_type="x", stage="draft", created_by="ann")
    moved = gov.registry.transition(draft, stage, "ann", "never trained")
    assert moved.stage is Stage(stage)
    with pytest.raises(NotFoundError if stage == "retired" else Exception, match="draft|failed"):
        gov.registry.load_model(moved)
    with pytest.raises(VersionExistsError):
        registered(gov, version="1.0.0")


@pytest.mark.parametrize(
    ("by", "reason"), [("", "x"), ("ann", " "), ("ann\n", "x"), ("a" * 300, "x")]
)
def test_a_change_needs_who_and_why(sqlite_gov: Governance, by: str, reason: str) -> None:
    version = registered(sqlite_gov)
    with pytest.raises(InvalidInputError):
        sqlite_gov.registry.transition(version, "validated", by, reason)
    assert sqlite_gov.registry.resolve(version).stage is Stage.TRAINED
