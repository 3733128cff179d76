"""Makes the product known to Airflow by name: the one file here that the plugin loader takes.

Operators need no registration; DAGs import them from the package `governance_airflow`. The package
has no plugin entry point on purpose: beside this file Airflow would load the plugin twice and show
an import error. Who only installs the package loses nothing but the name in the list of plugins.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class GovernancePlugin(AirflowPlugin):
    name = "governance"
