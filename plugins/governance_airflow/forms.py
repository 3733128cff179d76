"""The form of a run triggered by hand: as of when it works. `run_facts` reads the answer."""

from __future__ import annotations

from airflow.sdk import Param

# Airflow checks no `format` where the validator's extra packages are missing; a pattern always.
TIME_WITH_ZONE = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)$"


def evidence_param(title: str, example: str) -> Param:
    """The evidence time `at` as a field that may stay empty.

    Args:
        example: a time with its zone, as it may be typed.
    """
    return Param(
        None,
        type=["null", "string"],
        format="date-time",
        pattern=TIME_WITH_ZONE,
        title=title,
        description=f"Only what was known before this moment is used, for example {example}. "
        "Empty: the end of the data interval, else now.",
    )
