"""The plugin for an Airflow that has this folder as its plugins folder: the one file here that the
loader takes.

Where the distribution is installed with its entry point, Airflow finds the same class by that, and
this file names nothing. The class and the reasons are in `governance_airflow.airflow_plugin`.
"""

from __future__ import annotations

from governance_airflow import airflow_plugin

if not airflow_plugin.has_entry_point():
    GovernancePlugin = airflow_plugin.GovernancePlugin
