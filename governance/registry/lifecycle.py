"""The life of a version as a table: which stage may follow which, and by what.

Pure: no database, no clock. ``ModelRegistry.transition`` asks `check_transition`; promotion,
rollback and failover ask `check_activation`. What evidence a step needs is not asked here
(``governance.policy``).

Rules:

1. draft -> trained -> validated -> staging -> production -> retired.
2. Any stage before production -> failed or retired.
3. staging -> validated: a stopped trial.
4. Into production: by promotion from staging, by force from validated or staging, by rollback or
   failover from retired.
5. production -> retired when another version takes over; production -> failed when its bytes are
   corrupt or do not load, by a failover alone.
6. failed is final. Everything else is refused, and the refusal names what is allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from governance.errors import IllegalTransitionError, InvalidInputError, UsePromotionError
from governance.values import Stage


class Route(StrEnum):
    """How a version comes into production."""

    PROMOTION = "promotion"
    FORCE = "force"
    ROLLBACK = "rollback"
    FAILOVER = "failover"


TRANSITIONS: Mapping[Stage, tuple[Stage, ...]] = MappingProxyType(
    {
        Stage.DRAFT: (Stage.TRAINED, Stage.RETIRED, Stage.FAILED),
        Stage.TRAINED: (Stage.VALIDATED, Stage.RETIRED, Stage.FAILED),
        Stage.VALIDATED: (Stage.STAGING, Stage.PRODUCTION, Stage.RETIRED, Stage.FAILED),
        Stage.STAGING: (Stage.VALIDATED, Stage.PRODUCTION, Stage.RETIRED, Stage.FAILED),
        Stage.PRODUCTION: (Stage.RETIRED, Stage.FAILED),
        Stage.RETIRED: (Stage.PRODUCTION,),
        Stage.FAILED: (),
    }
)

ROUTES: Mapping[Route, tuple[Stage, ...]] = MappingProxyType(
    {
        Route.PROMOTION: (Stage.STAGING,),
        Route.FORCE: (Stage.VALIDATED, Stage.STAGING),
        Route.ROLLBACK: (Stage.RETIRED,),
        Route.FAILOVER: (Stage.RETIRED,),
    }
)


def parse_stage(stage: object) -> Stage:
    """
    >>> parse_stage("validated")
    <Stage.VALIDATED: 'validated'>
    """
    try:
        return Stage(stage)  # type: ignore[arg-type]  # any object may be tried; ValueError follows
    except ValueError:
        raise InvalidInputError(
            f"there is no stage {str(stage)[:40]!r}; the stages are {', '.join(Stage)}"
        ) from None


def check_transition(current: Stage, target: Stage) -> None:
    """Refuse a stage change that `ModelRegistry.transition` must not make.

    Raises:
        UsePromotionError: into or out of production; `gov.promotion` does that.
        IllegalTransitionError: outside the table; names the allowed stages.

    >>> check_transition(Stage.TRAINED, Stage.VALIDATED)
    >>> check_transition(Stage.FAILED, Stage.VALIDATED)
    Traceback (most recent call last):
        ...
    governance.errors.IllegalTransitionError: failed -> validated is not allowed; failed is final
    """
    if Stage.PRODUCTION in (current, target):
        raise UsePromotionError(
            f"{current} -> {target}: production is entered by promote_to_production and left "
            "when another version takes over"
        )
    if (current, target) == (Stage.DRAFT, Stage.TRAINED):
        raise IllegalTransitionError(
            "draft -> trained needs the artifact: call register_model again with the same name and "
            "version and with model= or model_path="
        )
    if target not in TRANSITIONS[current]:
        raise IllegalTransitionError(_refusal(current, target))


def check_activation(current: Stage, route: Route) -> None:
    """Refuse an activation by `route` of a version that stands in `current`.

    >>> check_activation(Stage.VALIDATED, Route.FORCE)
    >>> check_activation(Stage.TRAINED, Route.FORCE)
    Traceback (most recent call last):
        ...
    governance.errors.IllegalTransitionError: trained -> production by force is not allowed; ...
    """
    if current not in ROUTES[route]:
        raise IllegalTransitionError(
            f"{current} -> production by {route} is not allowed; "
            f"{route} may start from {' or '.join(ROUTES[route])}"
        )


def _refusal(current: Stage, target: Stage) -> str:
    allowed = [stage for stage in TRANSITIONS[current] if stage is not Stage.PRODUCTION]
    if current is Stage.RETIRED:
        remedy = "a retired version comes back into production by a rollback alone"
    elif allowed:
        remedy = f"from {current} the allowed stages are {', '.join(allowed)}"
    else:
        remedy = f"{current} is final"
    return f"{current} -> {target} is not allowed; {remedy}"
