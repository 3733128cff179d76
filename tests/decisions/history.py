"""Versions that came into production by passing, as rollbacks need them: policy and bytes in place.

A promotion that passed is written as the promotion itself writes it, through the switch; what its
gates asked is not this test's subject.
"""

from __future__ import annotations

import shutil

from governance import Governance
from governance.decisions.activation import switch
from governance.decisions.record import judged
from governance.policy.verdict import GateResult, Judgement
from governance.registry import records
from governance.registry.heads import lock_head
from governance.registry.load_verdicts import record_verdict
from governance.registry.probe import ProbeResult, libraries
from governance.store.database import database_time
from governance.values import ModelVersion, Verdict
from tests.model_bytes import model_bytes
from tests.versions import NAME, validated

PASSED = GateResult(
    gate="trial", result=Verdict.PASS, observed=1.0, threshold=1.0, reason="it was better"
)


def loads(gov: Governance, version: ModelVersion) -> ModelVersion:
    """As if a probe had said so, which takes a third of a second."""
    said = ProbeResult(loadable=True, code="ok", reason="", duration_ms=1.0, libraries=libraries())
    with gov.database.begin() as tx:
        record_verdict(tx, version.digest, said)
    return version


def promoted(gov: Governance, seed: int, *, name: str = NAME, forced: bool = False) -> ModelVersion:
    """The champion that `seed` makes; its bytes have a verdict."""
    version = loads(gov, validated(gov, seed, name=name))
    if forced:
        gov.promotion.promote_to_production(version, by="eve", force=True, reason="urgent")
        return gov.registry.resolve(version.id)
    with gov.database.begin() as tx:
        head = lock_head(tx, name)
        now = database_time(tx)
        decision = judged(
            Judgement.of([PASSED], policy={}, facts={}),
            operation="promotion",
            version=version,
            facts={},
            by="eve",
            at=now,
            recorded_at=now,
            generation=head + 1,
        )
        switch(
            tx,
            decision,
            version=version,
            champion=records.in_production(tx, name),
            head=head,
            recorded_at=now,
        )
    return gov.registry.resolve(version.id)


def corrupt(gov: Governance, version: ModelVersion) -> None:
    """Other bytes than the registered ones."""
    (gov.settings.home / version.artifact_path / "model.txt").write_bytes(model_bytes(999))


def lose(gov: Governance, version: ModelVersion) -> None:
    """Its folder is gone."""
    shutil.rmtree(gov.settings.home / version.artifact_path)
