"""The one table of rights: which role each action takes, and where it has to be held. Pure.

Docs (`docs/reference/rights.md`), the guards of the faces and their tests are made from it. An
action that is not in the table is nobody's. Neighbour: `roles` says who holds what.

Not here: the policy file's own lists. Who may answer an approval or force a promotion must stand
there as well (`approvers`, `force.allowed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from governance.access.roles import Identity, Role
from governance.errors import ForbiddenError

Scope = Literal["model", "any", "everywhere"]


@dataclass(frozen=True, slots=True)
class Right:
    """What one action takes.

    Attributes:
        role: the lowest role that may do it.
        scope: where the role is held. ``model``: on the model concerned, and on ``*`` where the
            action concerns all of them at once. ``any``: on some pattern, and the face shows only
            models that the identity sees. ``everywhere``: on ``*``.
        says: what it is, for people.
    """

    role: Role
    scope: Scope
    says: str


_V, _O, _AP, _AD = Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMIN

RIGHTS: Mapping[str, Right] = MappingProxyType(
    {
        # what exists
        "models.list": Right(_V, "any", "List models and versions, of those one sees."),
        "models.read": Right(_V, "model", "See a model, its versions and their provenance."),
        "models.register": Right(_O, "model", "Register a version."),
        "versions.transition": Right(_O, "model", "Move a version between stages, or retire it."),
        "versions.validate": Right(_O, "model", "Judge a trained version."),
        "versions.backtest": Right(_O, "model", "Evaluate a version on past data."),
        "lineage.read": Right(_V, "model", "Export where a version came from."),
        # what was measured
        "metrics.write": Right(_O, "model", "Record validation metrics."),
        "shadow.list": Right(_V, "any", "List running trials, of models one sees."),
        "shadow.read": Right(_V, "model", "See the trials of a model."),
        "shadow.write": Right(_O, "model", "Start and stop trials, record their sessions."),
        "drift.list": Right(_V, "any", "List drift reports, of models one sees."),
        "drift.read": Right(_V, "model", "See a model's drift reports."),
        "drift.scan": Right(_O, "model", "Look for drift now."),
        "alerts.list": Right(_V, "any", "List incidents, of models one sees."),
        "alerts.read": Right(_V, "model", "See an incident."),
        "alerts.handle": Right(_O, "model", "Acknowledge or snooze an incident."),
        # what is asked
        "policy.read": Right(_V, "model", "See what is asked of a model, and why."),
        "policy.check": Right(_V, "any", "Have a policy file checked."),
        "policy.try": Right(_V, "model", "Try a policy on past decisions."),
        # what is decided
        "promotions.check": Right(_V, "model", "Ask whether a version would be promoted."),
        "promotions.promote": Right(_O, "model", "Promote by the gates."),
        "promotions.rollback": Right(_O, "model", "Put an earlier version back."),
        "promotions.force": Right(
            _AD, "model", "Promote without the gates; `force.allowed` must name one as well."
        ),
        "approvals.list": Right(_V, "any", "List requests for approval, of models one sees."),
        "approvals.read": Right(_V, "model", "See a request for approval."),
        "approvals.request": Right(_O, "model", "Ask for an approval."),
        "approvals.answer": Right(
            _AP, "model", "Approve or reject; `approvers` of the policy hold as well."
        ),
        "decisions.list": Right(_V, "any", "List decisions, of models one sees."),
        "decisions.read": Right(_V, "model", "See a decision, and replay it."),
        # what happened
        "audit.read": Right(_V, "model", "Read the audit log of a model; the whole log on `*`."),
        # predictions
        "predictions.make": Right(_O, "model", "Have rows predicted by the champion."),
        "serving.read": Right(_V, "model", "See what is being served."),
        "serving.reload": Right(_O, "any", "Have the server look for a new champion now."),
        # the installation
        "dashboard.read": Right(_V, "any", "See the dashboard, of models one sees."),
        "docs.read": Right(_V, "any", "Read the API's own documentation."),
        "metrics.read": Right(_V, "everywhere", "Read the figures for Prometheus."),
        "config.read": Right(_AD, "everywhere", "Read the configuration, without its secrets."),
    }
)


def allowed(identity: Identity, action: str, model: str | None) -> bool:
    """May ``identity`` do ``action`` on ``model``?

    Args:
        model: the model concerned; ``None`` where it concerns none, or all of them at once, which
            for an action of scope ``model`` takes the role on ``*``. An action whose model is known
            only after something was looked up is asked for twice: :func:`possible` before,
            ``allowed`` with the model after.

    >>> from governance.access.roles import Grant
    >>> ann = Identity(name="ann", grants=(Grant(Role.OPERATOR, "team-a-*"),), kind="airflow")
    >>> allowed(ann, "models.register", "team-a-x"), allowed(ann, "models.register", "team-b-x")
    (True, False)
    >>> allowed(ann, "models.list", None), allowed(ann, "audit.read", None)
    (True, False)
    >>> allowed(ann, "no.such.action", "team-a-x")
    False
    """
    right = RIGHTS.get(action)
    if right is None:
        return False
    match right.scope:
        case "any":
            held = identity.role_on(model)
        case "model" if model is not None:
            held = identity.role_on(model)
        case _:
            held = identity.everywhere()
    return held is not None and held.includes(right.role)


def possible(identity: Identity, action: str) -> bool:
    """Is there any name of a model for which ``action`` would be allowed?

    The first look of a face that does not know the model yet; never the last one.

    >>> from governance.access.roles import Grant
    >>> ann = Identity(name="ann", grants=(Grant(Role.VIEWER, "team-a-*"),), kind="airflow")
    >>> possible(ann, "decisions.read"), possible(ann, "models.register")
    (True, False)
    """
    right = RIGHTS.get(action)
    if right is None:
        return False
    held = identity.everywhere() if right.scope == "everywhere" else identity.role_on(None)
    return held is not None and held.includes(right.role)


def require(identity: Identity, action: str, model: str | None) -> None:
    """
    Raises:
        ForbiddenError: not :func:`allowed`; says which role it takes. The same text whether the
            model exists or not.
    """
    if not allowed(identity, action, model):
        raise ForbiddenError(refusal(identity, action, model))


def refusal(identity: Identity, action: str, model: str | None) -> str:
    """Why :func:`allowed` says no, and what to do.

    >>> ann = Identity(name="ann", grants=(), kind="airflow")
    >>> refusal(ann, "models.register", "momentum")
    "'ann' may not do models.register on 'momentum'; it takes operator there: ask an admin ..."
    """
    right = RIGHTS.get(action)
    if right is None:
        return f"no right is declared for {action[:80]!r}, so nobody has it"
    if right.scope == "everywhere" or (right.scope == "model" and model is None):
        what, where = action, "on '*'"
    elif model is None:
        what, where = action, "on some model"
    else:
        what, where = f"{action} on {model[:80]!r}", "there"
    return (
        f"{identity.name[:80]!r} may not do {what}; it takes {right.role} {where}: ask an admin "
        "for a token or an `access` grant with it"
    )
