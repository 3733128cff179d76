"""A model with a past: versions that passed their gates or were forced, and damage to them."""

from __future__ import annotations

import shutil
from typing import Any

from governance import Governance
from governance.history.notices import list_notices
from governance.values import ModelVersion
from tests.decisions import eligible
from tests.model_bytes import model_bytes
from tests.versions import NAME, validated


def promoted(gov: Governance, seed: int, *, name: str = NAME, forced: bool = False) -> ModelVersion:
    """The champion that ``seed`` makes, whose bytes have a verdict."""
    if not gov.settings.policy_path.exists():
        eligible.policy(gov)
    if not forced:
        return eligible.promoted(gov, seed, name=name)
    version = eligible.probed(gov, validated(gov, seed, name=name))
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="urgent")
    return gov.registry.resolve(version.id)


def corrupt(gov: Governance, version: ModelVersion) -> None:
    """Other bytes than the registered ones."""
    (gov.settings.home / version.artifact_path / "model.txt").write_bytes(model_bytes(999))


def lose(gov: Governance, version: ModelVersion) -> None:
    """Its folder is gone."""
    shutil.rmtree(gov.settings.home / version.artifact_path)


def told(gov: Governance) -> list[dict[str, Any]]:
    """Notices of anything but promotions, the newest first."""
    with gov.database.read() as connection:
        found = list_notices(connection, limit=1000)
    return [notice for notice in found if notice["kind"] not in ("promotion", "force")]
