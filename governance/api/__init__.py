"""The management API: all that governance does, over HTTP, for programs.

``application`` puts it together, ``guard`` decides who gets in, ``routes`` has one module for each
noun and ``shapes`` what goes in and out. It imports the wiring and what lies below it, never
Airflow, the command line or the serving API.
"""

from governance.api.application import Identify, create_app

__all__ = ["Identify", "create_app"]
