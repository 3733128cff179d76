"""Pages for people: what decides, which challenger is how far, where data drift, who decided what.

``mount_dashboard`` puts them on the management API's app, alone or inside Airflow; rights, people
and origins are that app's. HTML is made on the server, pictures are SVG, and all works without
scripts. Neighbours: ``governance.api`` (the same for programs). ADR 0021 says why so.
"""

from governance.dashboard.mount import mount_dashboard

__all__ = ["mount_dashboard"]
