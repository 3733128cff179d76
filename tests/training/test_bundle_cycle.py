"""The bundle model through the retrain cycle, as its DAG and the command line run it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from governance import Governance
from governance.errors import InvalidInputError
from governance.registry.artifact_members import check_member_name
from tests.model_bytes import model_file
from tests.training.conftest import CONFIG

AT = datetime(2017, 12, 29, 22, tzinfo=UTC)
KEYS = {f"{target}:{h}" for target in ("reject", "break") for h in (5, 15, 60)}


@pytest.mark.slow
def test_the_bundle_is_registered_validated_and_loaded(tmp_path: Path, sqlite_url: str) -> None:
    (tmp_path / "config").mkdir()
    text = CONFIG.read_text().replace("{trees: 40,", "{trees: 4,")
    (tmp_path / "config" / "governance.yaml").write_text(text)
    with Governance.open(database=sqlite_url, home=tmp_path) as gov:
        for step in ("check_data", "train"):
            getattr(gov.cycle, step)("pivot", run="a", at=AT)
        registered = gov.cycle.register("pivot", run="a", at=AT, by="ann")
        judged = gov.cycle.validate(registered["ref"], by="ann", at=AT)
        assert (judged["verdict"], judged["stage"]) == ("pass", "validated")
        version = gov.registry.resolve(registered["ref"])
        assert (version.kind, version.format, version.model_type) == (
            "classifier", "skops", "forest",
        )  # fmt: skip
        bundle = version.manifest["bundle"]
        assert (bundle["targets"], bundle["horizons"]) == (["break", "reject"], [5, 15, 60])
        folder = tmp_path / version.artifact_path
        for name in bundle["members"].values():
            assert (folder / check_member_name(name)).is_file()
        for what in ("members", "thresholds", "mfe_bps", "mae_bps"):
            assert set(bundle[what]) == KEYS
        recorded = gov.validation.by_split(version)
        assert recorded["out_of_sample.break_60"]["mfe_bps"] == bundle["mfe_bps"]["break:60"]
        assert 0.5 < recorded["out_of_sample"]["auc"] < 0.9
        model, _ = gov.registry.load_model(version)
        assert set(model) == {key.replace(":", "_") for key in KEYS}
        again = gov.cycle.register("pivot", run="a", at=AT, by="ann")
        assert (again["version_id"], again["created"]) == (version.id, False)


GOOD = {
    "targets": ["reject"],
    "horizons": [5],
    "members": {"reject:5": "model.reject_5.skops"},
    "thresholds": {"reject:5": 0.6},
    "mfe_bps": {"reject:5": 12.0},
    "mae_bps": {"reject:5": None},
}


@pytest.mark.parametrize(
    "bundle",
    [
        [],
        {},
        {**GOOD, "more": 1},
        {**GOOD, "members": {"reject_5": "model.txt"}},
        {**GOOD, "members": {"reject:5": 3}},
        {**GOOD, "thresholds": {"reject:5": float("nan")}},
        {**GOOD, "thresholds": {"reject:5": "0.6"}},
        {**GOOD, "mfe_bps": None, "mae_bps": {5: 1.0}},
    ],
)
def test_a_bundle_of_another_form_is_not_registered(
    sqlite_gov: Governance, tmp_path: Path, bundle: object
) -> None:
    given: dict[str, Any] = {
        "model_path": model_file(tmp_path),
        "model_type": "x",
        "created_by": "ann",
    }
    with pytest.raises(InvalidInputError, match="bundle|members|thresholds|file|metric"):
        sqlite_gov.registry.register_model("pivot", provenance={"bundle": bundle}, **given)
    version = sqlite_gov.registry.register_model("pivot", provenance={"bundle": GOOD}, **given)
    assert version.manifest["bundle"] == GOOD
