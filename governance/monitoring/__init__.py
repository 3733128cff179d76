"""What Prometheus is told: the table of figures, how they are read, and how they are written down.

Reads only. Both APIs show a page of it (`/metrics`); neither the rights nor the routes are here.
"""
