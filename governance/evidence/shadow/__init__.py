"""What challengers did beside the champion: trials, their sessions, and what those say together.

``session_stats`` and ``summary`` are pure; ``runs`` and ``records`` hold the two tables;
``gathering`` makes facts for the gates; ``testing`` is what callers see (``gov.shadow``). Not here:
what a version must show (``governance.policy``), and running models on data
(``governance.training``).
"""
