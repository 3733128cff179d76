"""Running the product on this machine: the environment, a real Airflow, the demo, lint checks.

Nothing here is part of the installed package, and nothing in `governance` imports it.
"""
