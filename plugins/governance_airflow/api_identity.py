"""Who asks inside Airflow's API server, and which of our roles Airflow's rights amount to.

People come with the session of Airflow's pages (its cookie) or with Airflow's token; both are
looked at by Airflow's own code, at each request. Programs may come with an API token of ours.
Without either nobody is known; nobody is ever redirected.

The role is derived from what the auth manager lets somebody do, not from the names of roles, and on
all DAGs, not on some: custom roles work, and who has rights on a few DAGs alone has none here. A
step counts only with all steps below it. `governance.yaml` stands above all this.

Not promised: that a change in Airflow counts at once. A token of the simple auth manager carries
its role until it expires; the FAB auth manager remembers users and their rights for `[fab]
cache_ttl` (30 s).
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from anyio import from_thread
from fastapi import HTTPException
from fastapi.security import HTTPAuthorizationCredentials
from starlette.requests import Request

from governance.access.roles import Identity, Role
from governance.api.guard import Desk
from governance.errors import UnauthenticatedError

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager"
# No DAG has this name, so only a right on all DAGs fits.
_EVERY_DAG = DagDetails(id="*")
_OURS = "gov_"


def identify(request: Request) -> Identity:
    """For `create_app`; runs in a worker thread of the app's event loop.

    Raises:
        UnauthenticatedError: nobody, or nobody with a name.
        UnavailableError: governance.yaml is broken, so that nobody knows who may do what.
    """
    desk: Desk = request.app.state.desk
    access = desk.gov().access
    credentials = _bearer(request)
    if credentials is not None and credentials.credentials.startswith(_OURS):
        return access.tokens.authenticate(credentials.credentials)
    try:
        # On the loop, as for Airflow's own routes: its caches of users take no second thread.
        user: Any = from_thread.run(get_user, request, None, credentials)
    except HTTPException as error:
        raise UnauthenticatedError(
            "Airflow does not know who asks, or not any more: log in to Airflow, or send its token "
            "(POST /auth/token), or an API token (`governance token create`)"
        ) from error
    manager = get_auth_manager()
    if getattr(user, "is_anonymous", False) or _everybody_is_admin(manager):
        raise UnauthenticatedError(
            "Airflow lets everybody in without a name, and every record here needs one: log in, "
            "or send an API token (`governance token create`)"
        )
    return access.identity_of_person(user.get_name(), role_of(manager, user))


def role_of(manager: BaseAuthManager[Any], user: Any) -> Role | None:
    """What Airflow's rights amount to; None for nothing.

    viewer: sees all DAGs. operator: starts runs of all DAGs, and with them those that promote.
    approver: changes connections and variables. admin: decides on the rights of others.
    """
    if not manager.is_authorized_dag(method="GET", details=_EVERY_DAG, user=user):
        return None
    run = DagAccessEntity.RUN
    if not manager.is_authorized_dag(
        method="POST", access_entity=run, details=_EVERY_DAG, user=user
    ):
        return Role.VIEWER
    if not (
        manager.is_authorized_connection(method="PUT", user=user)
        and manager.is_authorized_variable(method="PUT", user=user)
    ):
        return Role.OPERATOR
    return Role.ADMIN if _rules_others(manager, user) else Role.APPROVER


def _rules_others(manager: BaseAuthManager[Any], user: Any) -> bool:
    """The interface of auth managers has no question for this, so only known ones are asked; of any
    other an admin is named in governance.yaml.
    """
    if isinstance(manager, SimpleAuthManager):
        return str(user.role).lower() == "admin"
    if any(kind.__module__ == FAB for kind in type(manager).__mro__):
        return bool(
            manager.is_authorized_custom_view(method="PUT", resource_name="Roles", user=user)
        )
    return False


def _everybody_is_admin(manager: BaseAuthManager[Any]) -> bool:
    return isinstance(manager, SimpleAuthManager) and conf.getboolean(
        "core", "simple_auth_manager_all_admins"
    )


def _bearer(request: Request) -> HTTPAuthorizationCredentials | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        return None
    return HTTPAuthorizationCredentials(scheme=scheme, credentials=secret.strip())
