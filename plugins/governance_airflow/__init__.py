"""Airflow's side of model governance: operators for anybody's DAG.

from governance_airflow.operators import RegisterModelOperator, ValidateModelOperator
"""
