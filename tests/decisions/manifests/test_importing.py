"""A foreign manifest as a version: its bundle, its label, its features; once."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import Governance
from governance.decisions.manifests.importing import import_manifest
from governance.decisions.manifests.judging import limits_of
from governance.errors import ArtifactMissingError, InvalidInputError, NotFoundError
from tests.decisions.manifests.trainer import train


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def test_what_is_active_becomes_a_version_with_its_bundle_once(
    gov: Governance, models: Path
) -> None:
    train(models, "v001")
    gov.manifests(models).evaluate(limits_of({}), by="cron")
    train(models, "v002")
    version = import_manifest(gov.registry, "pivot_rf", models, by="ann")
    assert version.metadata["foreign_version"] == "v001"
    assert version.manifest["bundle"]["members"]["reject:5"] == "model.reject_5.bin"
    assert version.manifest["bundle"]["thresholds"]["break:60"] == 0.55
    assert version.manifest["feature_version"] == "v3"
    assert version.manifest["trained_end"].startswith("2026-01-31")
    again = import_manifest(gov.registry, "pivot_rf", models, by="ann")
    assert (again.id, again.created) == (version.id, False)
    waiting = import_manifest(gov.registry, "pivot_rf", models, by="ann", candidate=True)
    assert waiting.metadata["foreign_version"] == "v002"


def test_the_gates_know_the_imported_bundle(gov: Governance, models: Path) -> None:
    train(models, "v001")
    version = import_manifest(gov.registry, "pivot_rf", models, by="ann", candidate=True)
    asked = {"required_targets": ["reject", "break"], "required_horizons": [5, 15, 60]}
    _, decision = gov.promotion.check_promotion_eligibility(version, overrides=asked)
    results = {check.gate: check.result.value for check in decision.checks}
    assert [results[f"bundle.{part}"] for part in ("targets", "horizons", "members", "thresholds")]
    assert {results[f"bundle.{part}"] for part in ("targets", "members", "thresholds")} == {"pass"}


def test_what_is_not_there_is_not_imported(gov: Governance, models: Path) -> None:
    with pytest.raises(NotFoundError):
        import_manifest(gov.registry, "pivot_rf", models, by="ann")
    train(models, "v001")
    (models / "rf_break_60m_v001.bin").unlink()
    with pytest.raises(ArtifactMissingError, match="rf_break_60m"):
        import_manifest(gov.registry, "pivot_rf", models, by="ann", candidate=True)
    train(models, "v002", models={})
    with pytest.raises(InvalidInputError, match="no model file"):
        import_manifest(gov.registry, "pivot_rf", models, by="ann", candidate=True)
    assert len(gov.registry.list_models("pivot_rf")) == 0
