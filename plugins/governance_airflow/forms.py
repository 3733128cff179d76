"""The fields of a run triggered by hand. Airflow refuses what does not fit, in its form and over
REST; `run_facts` and the operators read the answers and trust none of them with a right.
"""

from __future__ import annotations

from collections.abc import Sequence

from airflow.sdk import Param

from governance.decisions.force_right import MIN_REASON

# Airflow checks no `format` where the validator's extra packages are missing; a pattern always.
TIME_WITH_ZONE = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)$"

VERSION = r"^\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z.-]{1,40})?$"


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


def model_param(models: Sequence[str]) -> Param:
    """One of the declared models, from a list; nothing is chosen beforehand."""
    return Param(
        None,
        type="string",
        enum=sorted(models) or ["no model is declared"],
        title="Model",
        description="A model that governance.yaml declares.",
    )


def version_param(description: str, *, required: bool = True) -> Param:
    """A version by its number."""
    return Param(
        None,
        type="string" if required else ["null", "string"],
        pattern=VERSION,
        title="Version",
        description=description,
    )


def reason_param(description: str) -> Param:
    """Why; ten characters at least, and not ten spaces. How many can be seen is counted where a
    force is carried out (``gov.force_right``)."""
    return Param(
        None,
        type="string",
        minLength=MIN_REASON,
        maxLength=2000,
        pattern=r"\S.*\S",
        title="Reason",
        description=description,
    )


def confirmation_param(title: str) -> Param:
    """A switch that is off; the operator refuses a run in which it stayed off.

    Airflow does not: its form hides a field of which ``const`` allows one value, and never enables
    its button where ``enum`` does.
    """
    return Param(False, type="boolean", title=title)
