"""Providers of further evidence that fail."""

from __future__ import annotations

from typing import Any

import pytest

from governance import Governance
from governance.errors import GateFailedError
from governance.values import Verdict
from tests.decisions.eligible import policy, staged


@pytest.mark.parametrize(
    "broken",
    ["asks a table that is not there", "lone \ud800 surrogate"],
    ids=["table", "surrogate"],
)
def test_a_provider_that_fails_is_missing_evidence_and_stops_no_force(
    gov: Governance, broken: str
) -> None:
    policy(gov, "required_evidence: [fairness]")

    def fairness(connection: Any, *_: Any) -> Any:
        if "table" in broken:
            connection.exec_driver_sql("SELECT * FROM nowhere")
        raise ValueError(broken)

    gov.evidence_providers["fairness"] = fairness
    version = staged(gov)
    with pytest.raises(GateFailedError, match="its provider failed: ") as refused:
        gov.promotion.promote_to_production(version, by="eve")
    (check,) = (one for one in refused.value.decision.checks if one.gate == "evidence.fairness")  # type: ignore[attr-defined]
    assert check.result is Verdict.INSUFFICIENT and "Traceback" not in check.reason
    done = gov.promotion.promote_to_production(version, by="eve", force=True, reason="urgent")
    assert done.forced and gov.promotion.replay(done.id or "").same
