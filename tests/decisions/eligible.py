"""Versions that pass every gate, policies that let them, and what happens in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance import Governance
from governance.decisions.facts import FactsOf, Outside
from governance.registry.load_verdicts import record_verdict
from governance.registry.probe import ProbeResult, libraries
from governance.values import ModelVersion
from tests.versions import NAME, validated

# Asks nothing of shadow sessions, so that integrity, load and lifecycle remain.
NOTHING = """
  promotion:
    min_shadow_sessions: null
    min_shadow_days: null
    min_trade_count: null
    max_turnover_ratio: null
    min_live_sharpe: null
    max_drawdown_threshold: null
    max_drift_psi: null
"""


def policy(gov: Governance, *lines: str, mode: str = "enforce", further: str = "") -> None:
    """A policy file that asks nothing but ``lines`` (of ``promotion``)."""
    path = gov.settings.policy_path
    path.parent.mkdir(parents=True, exist_ok=True)
    asked = "".join(f"    {line}\n" for line in lines)
    path.write_text(f"mode: {mode}\ndefaults:{NOTHING}{asked}{further}")


def probed(gov: Governance, version: ModelVersion, *, loadable: bool = True) -> ModelVersion:
    """With the verdict of a probe on record, which saves the probe."""
    said = ProbeResult(
        loadable=loadable,
        code="" if loadable else "unloadable",
        reason="",
        duration_ms=1.0,
        libraries=libraries(),
    )
    with gov.database.begin() as tx:
        record_verdict(tx, version.digest, said)
    return version


def staged(gov: Governance, seed: int = 0, *, name: str = NAME, **given: Any) -> ModelVersion:
    """In staging, and known to load."""
    version = probed(gov, validated(gov, seed, name=name, **given))
    return gov.registry.transition(version, "staging", "ann", "trial")


def promoted(gov: Governance, seed: int = 0, *, name: str = NAME, **given: Any) -> ModelVersion:
    """In production by its gates."""
    version = staged(gov, seed, name=name, **given)
    gov.promotion.promote_to_production(version, by="eve")
    return gov.registry.resolve(version.id)


def meanwhile(
    gov: Governance, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]
) -> None:
    """Let something happen, once, while the next call reads the bytes of its version."""
    real = FactsOf.look_outside

    def look(self: FactsOf, version: ModelVersion) -> Outside:
        monkeypatch.setattr(FactsOf, "look_outside", real)
        found = real(self, version)
        happens()
        return found

    monkeypatch.setattr(FactsOf, "look_outside", look)
