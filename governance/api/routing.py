"""A router whose every route is guarded, where it stands, and the version that a path means."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request

from governance.api.guard import GuardedRoute
from governance.errors import NotFoundError
from governance.values import ModelVersion, check_model_name, is_version_id
from governance.wiring import Governance

PREFIX = "/api/v1"


def router(tag: str) -> APIRouter:
    return APIRouter(tags=[tag], route_class=GuardedRoute, redirect_slashes=False)


def mounted_under(request: Request) -> str:
    """What stands before every path, where another app (Airflow's) has this one inside."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def wants_html(request: Request) -> bool:
    """Does a browser ask, and not a program?"""
    return "text/html" in request.headers.get("accept", "")


def version_of(gov: Governance, model: str, version: str) -> ModelVersion:
    """The version of ``model`` with this number or id.

    Raises:
        NotFoundError: none, or an id of another model's version, about which nothing is said.
    """
    if not is_version_id(version):
        return gov.registry.get_model(model, version)
    check_model_name(model)
    nothing = NotFoundError(f"{model} has no version {version}; the list of versions shows them")
    try:
        found = gov.registry.resolve(version)
    except NotFoundError:
        raise nothing from None
    if found.name != model:
        raise nothing
    return found
