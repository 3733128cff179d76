"""F10 for ways back: what a full disk stops of a rollback, and what it does not.

The disk of the artifacts may be full: nothing but the files that follow is late. Where the
database's own disk is full, the decision cannot be stored, and nothing is changed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import Governance
from governance.errors import StorageFullError
from governance.store.schema import load_verdicts
from tests.decisions.history import corrupt, promoted
from tests.faults.test_full_disk import Ballast, small_disk
from tests.versions import NAME, head

__all__ = ["small_disk"]


def test_a_full_home_stops_neither_rollback_nor_failover(
    database_url: str, small_disk: Path
) -> None:
    (small_disk / "given").mkdir()
    with Governance.open(database=database_url, home=small_disk / "given" / "home") as gov:
        first, second, third = (promoted(gov, seed) for seed in (1, 2, 3))
        gov.files.catch_up()
        with gov.database.begin() as tx:
            tx.execute(load_verdicts.delete())  # so the probe has to run, too
        corrupt(gov, second)
        ballast = Ballast(small_disk)
        ballast.leave(0)
        decision = gov.promotion.rollback_model(NAME, by="max", reason="full")
        assert decision.version_id == first.id
        assert gov.promotion.get_active_model_path(NAME) is not None
        gov.files.catch_up()  # says so in the log, and goes on
        assert (
            gov.promotion.rollback_model(
                NAME, to_version=third, by="max", reason="again"
            ).generation
            == 5
        )
        ballast.drop()
        corrupt(gov, third)
        ballast.leave(0)
        (report,) = gov.health.check()
        assert report.status == "corrupt" and report.decision is not None
        ballast.drop()
        gov.files.reconcile()
        assert gov.files.reconcile(dry_run=True).mended == ()
        assert gov.audit.verify()


def test_a_full_disk_under_the_database_refuses_and_the_same_key_goes_through_later(
    small_disk: Path,
) -> None:
    (small_disk / "given").mkdir()
    with Governance.open(home=small_disk / "given" / "home") as gov:
        first, second = promoted(gov, 1), promoted(gov, 2)
        ballast = Ballast(small_disk)
        refused = False
        for _ in range(400):  # the log keeps some room; fill it until it has none
            ballast.leave(0)
            try:
                gov.validation.log_metric(second, f"m{head(gov)}", 0.5, by="eve")
            except StorageFullError:
                refused = True
                break
        assert refused
        before = head(gov)
        with pytest.raises(StorageFullError, match="nothing was changed"):
            gov.promotion.rollback_model(NAME, by="max", reason="full", idempotency_key="k")
        assert head(gov) == before and gov.registry.get_production_model(NAME) == second
        ballast.drop()
        decision = gov.promotion.rollback_model(NAME, by="max", reason="full", idempotency_key="k")
        assert decision.version_id == first.id
