"""A process of its own: Airflow's real API server app under uvicorn, on a socket that it is given.

    python airflow_server.py FD PEOPLE

PEOPLE is JSON for the FAB auth manager: ``{"user": [role, [[action, resource], ...] or null]}``,
with the permissions of roles that do not exist yet. The socket listens already, so whoever started
this may ask at once and is answered when it is up.
"""

from __future__ import annotations

import json
import socket
import sys
from typing import Any

import uvicorn


def main(listening: int, people: dict[str, tuple[str, list[tuple[str, str]] | None]]) -> None:
    from airflow.api_fastapi.app import create_app, get_auth_manager

    app = create_app(apps="core")
    if people:
        add(get_auth_manager(), people)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="on"))
    server.run(sockets=[socket.socket(fileno=listening)])


def add(manager: Any, people: dict[str, tuple[str, list[tuple[str, str]] | None]]) -> None:
    with manager.flask_app.app_context():
        security = manager.security_manager
        for name, (role, permissions) in people.items():
            if permissions is not None:
                made = security.add_role(role)
                for action, resource in permissions:
                    security.add_permission_to_role(
                        made, security.create_permission(action, resource)
                    )
            email = f"{name}@example.invalid"
            known = security.find_role(role)
            assert security.add_user(name, name, name, email, known, password=f"{name}-password")


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]))
