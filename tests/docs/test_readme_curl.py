"""The curl lines of README.md, typed at the two servers as `make up` starts them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from governance import Governance
from governance.settings import Settings
from governance.training.prepare import feature_graph
from local import here
from local.servers import COMMANDS, Servers
from tests.decisions.eligible import probed

NAME = "arrival_delay"
README = (here.ROOT / "README.md").read_text(encoding="utf-8").split("\n## Over HTTP\n")[1]
SECTION = README.split("\n## ")[0]


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", SECTION, re.MULTILINE | re.DOTALL)
    return str(found)


def lines() -> list[str]:
    return block("bash").replace("\\\n", " ").splitlines()


def test_addresses_and_the_tokens_file_are_those_of_make_up() -> None:
    ports = {name: first for name, (_, first) in COMMANDS.items()}
    exported = block("sh")
    assert f"API=http://127.0.0.1:{ports['governance-api']}/api/v1" in exported
    assert f"SERVING=http://127.0.0.1:{ports['governance-serve']}/api/v1" in exported
    file = here.servers().token_file.relative_to(here.ROOT)
    assert f"TOKEN=$(cat {file})" in exported


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    """What the shell says to each line, in order."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed; README's lines are typed with it")
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(here.CONFIG, folder / "config")
    variables = {
        "GOVERNANCE_HOME": str(folder / "home"),
        "GOVERNANCE_CONFIG": str(folder / "config" / "governance.yaml"),
        "GOVERNANCE_POLICY": str(folder / "config" / "promotion_policy.yaml"),
    }
    settings = Settings.load(
        home=folder / "home",
        config=folder / "config" / "governance.yaml",
        policy=folder / "config" / "promotion_policy.yaml",
    )
    servers = Servers(folder / "airflow", variables)
    servers.folder.mkdir()
    with Governance.open(settings=settings) as gov:
        in_production(gov)
        token = servers.token(gov).read_text().strip()
    try:
        servers.start()
        servers.wait()
        given = {
            "API": f"{servers.api}/api/v1",
            "SERVING": f"{servers.serving}/api/v1",
            "TOKEN": token,
        }
        yield [answer(line, given) for line in lines()]
    finally:
        stopped = servers.stop()
    assert sorted(stopped) == sorted(COMMANDS)
    assert servers.processes.alive() == {}


def in_production(gov: Governance) -> None:
    """A small model on the declared features, in production."""
    graph = feature_graph(gov.config.models[NAME])
    assert graph is not None
    random = np.random.default_rng(1)
    matrix = random.random((200, len(graph.outputs)))
    data = lgb.Dataset(matrix, matrix[:, 0] > 0.5, feature_name=list(graph.outputs))
    booster = lgb.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 5)
    version = gov.registry.register_model(
        NAME, booster, model_type="lightgbm", features=graph, created_by="ann"
    )
    version = probed(gov, gov.registry.transition(version, "validated", "ann", "looked at it"))
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="initial")


def answer(line: str, given: dict[str, str]) -> Any:
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, **given, "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_every_line_is_answered_as_the_page_says(typed: list[Any]) -> None:
    models, decisions, status, predicted, refused, rolled_back = typed
    assert [one["name"] for one in models["items"]] == [NAME]
    assert [one["forced"] for one in decisions["items"]] == [True]
    assert (status["state"], status["serving"]["version"]) == ("serving", "1.0.0")
    assert (predicted["version"], len(predicted["predictions"])) == ("1.0.0", 1)
    assert 0.0 < predicted["predictions"][0] < 1.0
    assert (refused["status"], refused["code"]) == (409, "feature_graph_mismatch")
    assert "visib" in refused["detail"]
    assert (rolled_back["status"], rolled_back["code"]) == (409, "nothing_to_roll_back")


def test_the_token_is_its_owners_alone_and_is_kept(tmp_path: Path) -> None:
    servers = Servers(tmp_path, {})
    with Governance.open(home=tmp_path / "home") as gov:
        file = servers.token(gov)
        assert file.stat().st_mode & 0o777 == 0o600
        first = file.read_text()
        assert servers.token(gov).read_text() == first
        identity = gov.access.tokens.authenticate(first.strip())
        assert identity.name == "admin"
        (token,) = gov.access.tokens.list()
        gov.access.tokens.revoke(token.id, by="ann")
        assert servers.token(gov).read_text() != first
