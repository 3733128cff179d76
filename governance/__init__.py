"""Model governance: register, validate and promote models, and prove why each was in
production.

    from governance import Governance
    gov = Governance.open()

The names below are the public face; everything else may move. Importing this package imports no
machine-learning library: `Governance` and what needs pydantic are resolved on first use, so that
DAG files stay quick to parse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.values import Kind, ModelVersion, Stage, Verdict

if TYPE_CHECKING:
    from governance.policy.promotion.criteria import PromotionCriteria
    from governance.wiring import Governance

__all__ = ["Governance", "Kind", "ModelVersion", "PromotionCriteria", "Stage", "Verdict"]


def __getattr__(name: str) -> Any:
    if name == "Governance":
        from governance.wiring import Governance

        return Governance
    if name == "PromotionCriteria":
        from governance.policy.promotion.criteria import PromotionCriteria

        return PromotionCriteria
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
