"""Document 000: from the registry through a shadow test into production, and back.

    python examples/trading_shadow.py

Each step says what the document calls it. Their `strategy` is our model name, their
`metadata['version']` our `version`; `(success, …)` returns are exceptions and records here, so that
nothing fails unseen. A model that `governance.yaml` does not declare is judged by exactly the
document's criteria. Everything happens in a temporary home.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd

from governance import Governance, ModelVersion, PromotionCriteria
from governance.errors import DatasetMismatchError, GateFailedError, MetricConflictError

CHANCE = np.random.default_rng(7)
MONDAY = datetime(2026, 3, 2, 21, tzinfo=UTC)  # after the close


def trained(folder: Path, rounds: int) -> tuple[lgb.Booster, Path]:
    """A model and the file it was trained on; any pipeline of yours."""
    data = pd.DataFrame(CHANCE.normal(size=(800, 2)), columns=["momentum_5", "volatility_20"])
    data["up"] = (data["momentum_5"] + CHANCE.normal(size=800) > 0).astype(int)
    path = folder / f"train_{rounds}.parquet"
    data.to_parquet(path)
    params = {"objective": "binary", "seed": 7, "deterministic": True, "verbosity": -1}
    columns = lgb.Dataset(data[["momentum_5", "volatility_20"]], data["up"])
    return lgb.train(params, columns, num_boost_round=rounds), path


def session(day: int, **changed: float) -> dict[str, float]:
    """What the live system reports after a session."""
    stats = {
        "trade_count": 15,
        "turnover_ratio": 1.2,
        "sharpe_ratio": 0.8 + day / 100,
        "max_drawdown": 0.02,
        "drift_psi": 0.15,
        "avg_latency_ms": 45.0,
        "error_rate": 0.001,
    }
    return stats | changed


def main(folder: Path) -> list[str]:
    said: list[str] = []
    with Governance.open(home=folder / "home") as gov:
        first, second = (register(gov, folder, rounds) for rounds in (5, 40))
        for version in (first, second):
            gov.validate(version, by="ci")

        # load_model(model_id, verify_dataset_hash=True, current_dataset_paths=[...])
        try:
            gov.registry.load_model(first, current_dataset_paths=[folder / "train_40.parquet"])
        except DatasetMismatchError as error:
            said.append(f"refused [{error.code}]: {'Dataset hash mismatch' in str(error)}")

        # promote_to_production(model_id, force=True): the first one has nobody to be compared with
        gov.promotion.promote_to_production(first, by="ann", force=True, reason="first version")

        # start_shadow_testing(model_id, benchmark_model_id): by default the champion
        shadow = gov.shadow.start_shadow_testing(second, by="ann", at=MONDAY)
        again = gov.shadow.start_shadow_testing(second, by="ann")
        said.append(f"shadow of {second.ref}, started once: {again.id == shadow.id}")

        # update_shadow_metrics(model_id, session_stats), check_promotion_eligibility(model_id)
        for day in range(4):
            at = MONDAY + timedelta(days=day)
            gov.shadow.update_shadow_metrics(second, session(day), session_id=f"s{day}", at=at)
        eligible, details = gov.promotion.check_promotion_eligibility(second)
        said.append(f"after 4 sessions eligible {eligible}: {details.reasons[0]}")
        try:
            gov.promotion.promote_to_production(second, by="ann")
        except GateFailedError as error:
            said.append(f"refused [{error.code}]: the refusal is on record")

        # The same session again changes nothing; another story about it is refused.
        gov.shadow.update_shadow_metrics(second, session(0), session_id="s0", at=MONDAY)
        try:
            other = session(0, sharpe_ratio=9.0)
            gov.shadow.update_shadow_metrics(second, other, session_id="s0", at=MONDAY)
        except MetricConflictError as error:
            said.append(f"refused [{error.code}]: the first report stays")

        friday = MONDAY + timedelta(days=4)
        gov.shadow.update_shadow_metrics(second, session(4), session_id="s4", at=friday)

        # PromotionCriteria(min_shadow_sessions=10, ...)
        strict = PromotionCriteria(min_shadow_sessions=10, min_shadow_days=7, min_live_sharpe=0.6)
        eligible, _ = gov.promotion.check_promotion_eligibility(second, criteria=strict)
        said.append(f"by stricter criteria eligible {eligible}")

        # list_shadow_models()
        for model in gov.shadow.list_shadow_models():
            said.append(
                f"{model.name} {model.version}: {model.metrics.sessions_completed} sessions"
            )

        # promote_to_production(model_id); get_active_model_path(strategy)
        decision = gov.promotion.promote_to_production(second, by="ann")
        active = gov.promotion.get_active_model_path("momentum")
        said.append(f"promoted {decision.version}, generation {decision.generation}")
        assert active is not None
        said.append(f"{active.name} -> {os.readlink(active).rpartition('/')[2] == second.id}")

        # and back: a rollback needs a reason, no metrics
        # (a forced version is no automatic target, so it is named)
        why = "losses since the open"
        gov.promotion.rollback_model("momentum", to_version="1.0.0", by="ann", reason=why)
        live = gov.registry.get_production_model("momentum")
        said.append(f"rolled back to {live.version if live else None}")
        replayed = gov.promotion.replay(str(decision.id))
        said.append(f"replayed: same verdict {replayed.same}; audit {bool(gov.audit.verify())}")
    return said


def register(gov: Governance, folder: Path, rounds: int) -> ModelVersion:
    """`register_model(model, strategy, model_type, metadata, dataset_paths)`."""
    model, data = trained(folder, rounds)
    return gov.registry.register_model(
        "momentum",
        model,
        model_type="lightgbm",
        dataset_paths=[data],
        features=["momentum_5", "volatility_20"],
        config={"num_boost_round": rounds},
        created_by="quant",
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print("\n".join(main(Path(scratch))))
