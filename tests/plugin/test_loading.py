"""What the plugin does to Airflow's components, in processes of their own.

The one line of JSON that each prints is the answer; Airflow writes other lines beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.conftest import environment

LOADED = """
import json, sys
from airflow import plugins_manager
plugins, errors = plugins_manager._get_plugins()
ours = [one for one in plugins if one.name == "governance"]
early = sorted({name.partition(".")[0] for name in sys.modules} & {
    "governance", "pandas", "lightgbm", "sklearn", "fastapi"})
"""
SERVED = """
from fastapi.testclient import TestClient
from airflow.api_fastapi.app import create_app
def asked(*paths):
    app = create_app(apps="core")
    with TestClient(app, raise_server_exceptions=False) as client:
        return {path: [(got := client.get(path, follow_redirects=False)).status_code, got.text]
                for path in paths}
"""


def run(folder: Path, template: Path, program: str, **variables: str) -> Any:
    (folder / "dags").mkdir()
    (folder / "airflow.db").write_bytes(template.read_bytes())
    told = environment(folder, GOVERNANCE_HOME=str(folder / "governance"), **variables)
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, check=False, env=told, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    (said,) = [line for line in done.stdout.splitlines() if line.startswith("{")]
    return json.loads(said)


def test_without_our_package_the_prefix_is_closed_and_airflow_goes_on(
    tmp_path: Path, airflow_template: Path
) -> None:
    """And a component that serves nothing has imported nothing of ours."""
    program = (
        LOADED
        + SERVED
        + """
sys.modules["governance"] = None
said = asked("/api/v2/version", "/governance/api/v1/models", "/governance/api/v1/health/live",
             "/governance/docs", "/governance/openapi.json")
print(json.dumps({**said, "plugins": len(ours), "errors": errors, "early": early}))
"""
    )
    said = run(tmp_path, airflow_template, program)
    assert (said.pop("plugins"), said.pop("errors"), said.pop("early")) == (1, {}, [])
    assert said.pop("/api/v2/version")[0] == 200
    assert len(said) == 4
    for status, text in said.values():
        assert status == 503
        assert json.loads(text)["code"] == "unavailable" and "No module" not in text


def test_where_everybody_is_admin_nobody_is_known(tmp_path: Path, airflow_template: Path) -> None:
    """And Airflow ends our jobs and closes our database with itself."""
    program = (
        LOADED
        + SERVED
        + """
app = ours[0].fastapi_apps[0]["app"]
closed = []
app.state.jobs.close = lambda: closed.append("jobs")
said = asked("/api/v2/pools", "/governance/api/v1/models", "/governance/api/v1/health/ready")
print(json.dumps({**said, "closed": closed, "open": app.state.desk._gov is not None}))
"""
    )
    said = run(
        tmp_path, airflow_template, program, AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True"
    )
    assert said["/api/v2/pools"][0] == 200
    status, text = said["/governance/api/v1/models"]
    assert status == 401 and "needs one" in json.loads(text)["detail"]
    assert said["/governance/api/v1/health/ready"][0] == 200
    assert said["closed"] == ["jobs"] and said["open"] is False


@pytest.mark.parametrize("wrong", ["no-class", "raises"])
def test_an_auth_manager_that_fails_opens_nothing(wrong: str) -> None:
    from governance_airflow.api_identity import role_of

    class Manager:
        def is_authorized_dag(self, **_: Any) -> bool:
            if wrong == "raises":
                raise ConnectionError("away")
            return True

        def is_authorized_connection(self, **_: Any) -> bool:
            return True

        is_authorized_variable = is_authorized_connection

        def is_authorized_custom_view(self, **_: Any) -> bool:
            return True

    manager: Any = Manager()
    if wrong == "raises":
        with pytest.raises(ConnectionError):
            role_of(manager, object())
    else:  # a manager that is not known makes nobody an admin, whatever it says
        assert role_of(manager, object()) == "approver"


def test_a_secrets_backend_that_does_not_answer_is_no_empty_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import airflow.configuration

    from governance.errors import SettingsError, UnavailableError
    from governance_airflow.api_mount import database_url

    class Backend:
        def __init__(self, says: Any) -> None:
            self.says = says

        def get_connection(self, conn_id: str) -> Any:
            assert conn_id == "governance_db"
            if isinstance(self.says, Exception):
                raise self.says
            return self.says

    def backends(*says: Any) -> None:
        monkeypatch.setattr(
            airflow.configuration, "ensure_secrets_loaded", lambda: [Backend(one) for one in says]
        )

    class Connection:
        conn_type, host, extra = "sqlite", "/srv/governance.db", None
        schema = login = password = port = None

    backends(None, None)
    assert database_url() is None
    backends(None, Connection())
    assert database_url() == "sqlite:////srv/governance.db"
    backends(ConnectionError("away"), None)
    with pytest.raises(UnavailableError, match="AIRFLOW_CONN_GOVERNANCE_DB"):
        database_url()
    Connection.conn_type = "mysql"
    backends(Connection())
    with pytest.raises(SettingsError, match="postgres"):
        database_url()
