"""What validation hears of an artifact: changed bytes fail for ever, missing ones do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import Governance
from governance.errors import ArtifactIntegrityError, ArtifactMissingError
from governance.values import Stage, Verdict
from tests.model_bytes import model_bytes
from tests.versions import head, registered


@pytest.mark.parametrize("lost", ["the folder", "its members", "the whole store"])
def test_a_missing_artifact_is_an_error_and_the_version_stays_trained(
    sqlite_gov: Governance, lost: str
) -> None:
    version = registered(sqlite_gov)
    home = sqlite_gov.settings.home
    away = {
        "the folder": home / version.artifact_path,
        "its members": home / version.artifact_path / "model.txt",
        "the whole store": home / "models",
    }[lost]
    elsewhere = away.rename(home.parent / "elsewhere")
    before = head(sqlite_gov)
    with pytest.raises(ArtifactMissingError, match="restore it from a backup"):
        sqlite_gov.validate(version, by="eve")
    assert head(sqlite_gov) == before
    assert sqlite_gov.registry.resolve(version).stage is Stage.TRAINED
    elsewhere.rename(away)
    assert sqlite_gov.validate(version, by="eve").verdict is not Verdict.FAIL


def test_changed_bytes_fail_the_version(sqlite_gov: Governance) -> None:
    version = registered(sqlite_gov)
    path = sqlite_gov.settings.home / version.artifact_path / "model.txt"
    path.write_bytes(model_bytes(99))
    assert sqlite_gov.validate(version, by="eve").verdict is Verdict.FAIL
    assert sqlite_gov.registry.resolve(version).stage is Stage.FAILED
    with pytest.raises(ArtifactIntegrityError):
        registered(sqlite_gov)
    path.write_bytes(model_bytes(0))
    again = registered(sqlite_gov)
    assert (again.created, again.stage) == (False, Stage.FAILED), "failed is final"


def test_content_of_no_known_format_fails_validation(
    sqlite_gov: Governance, tmp_path: Path
) -> None:
    path = tmp_path / "model.txt"
    path.write_bytes(b"\x00\x01 neither a tree nor a pickle")
    version = sqlite_gov.registry.register_model(
        "momentum", model_path=path, model_type="lightgbm", created_by="ann"
    )
    decision = sqlite_gov.validate(version, by="eve")
    assert (decision.verdict, decision.checks[0].observed) == (Verdict.FAIL, "unknown_format")
    assert sqlite_gov.registry.resolve(version).stage is Stage.FAILED
