"""Where a model's live data come from: Parquet by hour, SQL, a function, a frame in memory.

``live`` says what every source promises, ``open`` makes the declared one. ``hours`` and
``event_times`` are the rules that all share: whole hours of UTC, times that have a zone. What the
rows mean is not decided here.
"""
