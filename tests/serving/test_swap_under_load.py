"""Promotions while requests come: none fails, and each is answered by one version throughout."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import lightgbm
import numpy as np

from governance import Governance
from governance.serving import create_app
from governance.serving.answering import Asked
from governance.serving.bodies import Form
from governance.values import ModelVersion
from tests.serving.conftest import PREDICT, Running, in_production, token, until
from tests.versions import NAME

PROMOTIONS, CALLERS = 10, 3


def constant(gov: Governance, value: int) -> ModelVersion:
    """A champion that answers ``value`` whatever it is asked."""
    data = lightgbm.Dataset(np.arange(20.0).reshape(10, 2), np.full(10, float(value)))
    model = lightgbm.train({"verbose": -1, "num_threads": 1, "min_data": 1}, data, 1)
    version = gov.registry.register_model(
        NAME, model, model_type="test", created_by="ann", version=f"{value}.0.0"
    )
    gov.registry.transition(version, "validated", "ann", "looked at it")
    gov.promotion.promote_to_production(version, by="eve", force=True, reason="a test")
    return gov.registry.resolve(version.id)


def test_no_request_fails_over_promotions_and_none_sees_two_versions(
    sqlite_gov: Governance,
) -> None:
    constant(sqlite_gov, 1)
    headers = token(sqlite_gov)
    answers: list[tuple[int, Any]] = []
    done = threading.Event()

    def ask(url: str) -> None:
        with httpx.Client(base_url=url, headers=headers) as client:
            while not done.is_set():
                answer = client.post(PREDICT, json={"rows": [[1, 2], [3, 4]]})
                answers.append((answer.status_code, answer.json()))

    app = create_app(sqlite_gov)
    with Running(app) as server:
        threads = [threading.Thread(target=ask, args=(server.url,)) for _ in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            for value in range(2, PROMOTIONS + 2):
                version = constant(sqlite_gov, value)
                until(lambda: app.state.desk.champions.of(NAME).version.id == version.id)  # noqa: B023
        finally:
            done.set()
            for thread in threads:
                thread.join()
    assert {status for status, _ in answers} == {200}
    for _, said in answers:
        assert said["predictions"] == [float(said["version"].partition(".")[0])] * 2
        assert said["generation"] == int(said["version"].partition(".")[0])
    assert len({said["version"] for _, said in answers}) > 2


def test_a_request_ends_with_the_version_it_began_with(sqlite_gov: Governance) -> None:
    first = in_production(sqlite_gov, 0)
    app = create_app(sqlite_gov, log_interval=60.0)
    desk = app.state.desk
    desk.champions.refresh(NAME)
    begun = Asked(desk.champions.of(NAME), Form.JSON, b'{"rows": [[20, 0]]}')
    second = in_production(sqlite_gov, 1)
    desk.champions.refresh(NAME)
    assert desk.champions.of(NAME).version.id == second.id
    assert first.id.encode() in desk.answering(begun).content
    desk.stop()
