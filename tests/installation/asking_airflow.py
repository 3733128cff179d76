"""A process of its own: asks somebody's Airflow what it has of ours. Prints one line of JSON.

    python asking_airflow.py FOLDER USER PASSWORD

It is run by the Python of an environment that has the wheel, so it imports nothing of the tests.
FOLDER holds `governance_plugin.py`. Under the FAB auth manager USER is made first, as an admin.
"""

from __future__ import annotations

import json
import sys
from typing import Any

MODELS = "/governance/api/v1/models"


def main(folder: str, user: str, password: str) -> None:
    import governance

    print(json.dumps({"from": governance.__file__, **ways(folder), **served(user, password)}))


def ways(folder: str) -> dict[str, Any]:
    """By the entry point alone, and with the file in the plugins folder beside it."""
    from airflow import plugins_manager, settings

    found: dict[str, Any] = {}
    loaded = plugins_manager._get_plugins
    for name, plugins in (("both", folder), ("wheel", settings.PLUGINS_FOLDER)):
        settings.PLUGINS_FOLDER = plugins
        loaded.cache_clear()
        ours, errors = loaded()
        sources = [str(one.source) for one in ours if one.name == "governance"]
        found[name] = {"sources": sources, "errors": errors}
    return found


def served(user: str, password: str) -> dict[str, Any]:
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from fastapi.testclient import TestClient

    app = create_app(apps="core")
    manager: Any = get_auth_manager()
    if hasattr(manager, "security_manager"):
        with manager.flask_app.app_context():
            security = manager.security_manager
            role = security.find_role("Admin")
            security.add_user(user, user, user, f"{user}@example.invalid", role, password)
    with TestClient(app, raise_server_exceptions=False) as client:
        anonymous = client.get(MODELS)
        asked = {"username": user, "password": password}
        token = client.post("/auth/token", json=asked).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        models = client.get(MODELS, headers=bearer)
        session = {"Cookie": f"_token={token}"}
        document = client.get("/governance/api/v1/docs", headers=session)
        page = client.get("/governance/dashboard", headers=session)
        closed = client.get("/governance/dashboard")
        config = client.get("/governance/api/v1/config", headers=bearer)
        listed = client.get("/api/v2/plugins", headers=bearer)
    return {
        "anonymous": anonymous.status_code,
        "models": [one["name"] for one in models.json()["items"]],
        "document": document.status_code,
        "page": [page.status_code, "demand" in page.text],
        "closed": [closed.status_code, "demand" in closed.text],
        "config": config.status_code,
        "views": [
            view["name"]
            for one in listed.json()["plugins"]
            if one["name"] == "governance"
            for view in one["external_views"]
        ],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
