"""This checkout as an installation: which folders and files its Airflow and its commands use."""

from __future__ import annotations

from pathlib import Path

from governance.settings import Settings
from governance.wiring import Governance
from local.airflow_services import AirflowServices
from local.servers import Servers

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "config"
HOME = ROOT / ".governance"


def services(*, scheduled: bool) -> AirflowServices:
    """The Airflow of this checkout.

    Args:
        scheduled: whether it starts runs by their schedules; without, only those asked for.
    """
    return AirflowServices(
        ROOT / ".airflow",
        dags=ROOT / "dags",
        plugins=ROOT / "plugins",
        variables={**variables(), "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": str(scheduled)},
    )


def servers() -> Servers:
    """Its management API and its predictions."""
    return Servers(ROOT / ".airflow", variables())


def variables() -> dict[str, str]:
    """What tells a process of this checkout's home and files."""
    return {
        "GOVERNANCE_HOME": str(HOME),
        "GOVERNANCE_CONFIG": str(CONFIG / "governance.yaml"),
        "GOVERNANCE_POLICY": str(CONFIG / "promotion_policy.yaml"),
    }


def governance() -> Governance:
    """The same database, artifacts and declarations that the tasks use."""
    settings = Settings.load(
        home=HOME,
        database_url=f"sqlite:///{HOME / 'governance.db'}",
        config=CONFIG / "governance.yaml",
        policy=CONFIG / "promotion_policy.yaml",
    )
    return Governance.open(settings=settings)
