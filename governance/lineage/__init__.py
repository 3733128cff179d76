"""Where a version came from and what became of it, as one graph with several ways to show it.

``tracing.lineage_of`` reads it, ``showing.shown`` writes it down.
"""
