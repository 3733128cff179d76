"""Versions in the stages that tests start from, each made through the public face alone."""

from __future__ import annotations

from typing import Any

from governance import Governance
from governance.values import ModelVersion
from tests.model_bytes import model_file

NAME = "momentum"


def registered(gov: Governance, seed: int = 0, *, name: str = NAME, **given: Any) -> ModelVersion:
    """A trained version whose bytes are those of ``model_bytes(seed)``."""
    arguments: dict[str, Any] = {"model_type": "lightgbm", "created_by": "ann", **given}
    path = model_file(gov.settings.home.parent, seed)
    return gov.registry.register_model(name, model_path=path, **arguments)


def validated(gov: Governance, seed: int = 0, *, name: str = NAME, **given: Any) -> ModelVersion:
    """The same, moved to validated by hand, which saves the load probe."""
    version = registered(gov, seed, name=name, **given)
    return gov.registry.transition(version, "validated", "ann", "looked at it")


def champion(gov: Governance, seed: int = 0, *, name: str = NAME, **given: Any) -> ModelVersion:
    """The same, forced into production."""
    version = validated(gov, seed, name=name, **given)
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="initial")
    return gov.registry.resolve(version.id)


def actions(gov: Governance, *, after: int = 0) -> list[str]:
    """What the audit log holds behind an entry, in order."""
    return [entry.action for entry in gov.audit.entries(after=after, limit=1000)]


def head(gov: Governance) -> int:
    """The number of the last audit entry."""
    return gov.audit.verify().entries
