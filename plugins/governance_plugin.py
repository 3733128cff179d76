"""Registers the product with Airflow: the one file here that its plugin loader takes.

What it registers lives in the package `governance_airflow`, which DAGs import as well.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class GovernancePlugin(AirflowPlugin):
    name = "governance"
