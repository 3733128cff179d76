"""Files that people write, tokens, keys, and a mail server that is greeted and left."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.doctor import CHECKS, Installation, Status
from governance.history.checkpoints import save_private_key, save_public_key
from governance.wiring import Governance
from tests.doctor.conftest import Fit, only, said

TOLD = "alerts: {email: [ann@example.com]}\nmodels: {}\n"
PASSWORD = "a-password-nobody-may-see"


def configured(fit: Fit, tmp_path: Path, text: str, **environment: str) -> Installation:
    file = tmp_path / "governance.yaml"
    file.write_text(text)
    return fit(environment, config=file)


def test_governance_yaml(fit: Fit, tmp_path: Path) -> None:
    assert only("governance.yaml", fit()).status is Status.WARNING
    assert only("governance.yaml", configured(fit, tmp_path, "")).status is Status.PROBLEM
    for broken in ("models: [", "model: {}", "access: {others: everybody}"):
        installation = configured(fit, tmp_path, broken)
        assert only("governance.yaml", installation).status is Status.PROBLEM
        assert only("mail", installation).status is Status.UNKNOWN
        assert only("rights", installation).status is Status.UNKNOWN
    (tmp_path / "governance.yaml").write_bytes(b"\xff\xfe\x00")
    assert only("governance.yaml", fit(config=tmp_path / "governance.yaml")).status is (
        Status.PROBLEM
    )


def test_policy(fit: Fit, tmp_path: Path) -> None:
    assert only("policy", fit()).status is Status.WARNING
    file = tmp_path / "policy.yaml"
    assert only("policy", fit(policy=file)).status is Status.PROBLEM
    file.write_text("mode: enforce\n")
    assert only("policy", fit(policy=file)).status is Status.OK
    file.write_text("mode: whatever\n")
    assert only("policy", fit(policy=file)).status is Status.PROBLEM


def test_rights_and_tokens(sqlite_gov: Governance, fit: Fit, tmp_path: Path) -> None:
    file = tmp_path / "governance.yaml"
    url = sqlite_gov.database.engine.url.render_as_string(hide_password=False)

    def looked(text: str) -> dict[str, Status]:
        file.write_text(text)
        return said(CHECKS["rights"](fit(config=file, database_url=url)))

    nobody = "access: {others: nothing}\nmodels: {}\n"
    ann = "access: {others: nothing, grants: [{user: ann, role: admin}]}\nmodels: {}\n"
    assert looked("models: {}\n") == {"rights": Status.OK, "tokens": Status.OK}
    assert looked(nobody)["rights"] is Status.WARNING
    assert looked(ann)["rights"] is Status.OK
    create = sqlite_gov.access.tokens.create
    create("robot", role="admin", expires_in=timedelta(days=90), by="ann")
    assert looked(nobody)["rights"] is Status.WARNING  # a program is no person
    assert looked(ann) == {"rights": Status.OK, "tokens": Status.OK}
    secret, soon = create("nightly", role="viewer", expires_in=timedelta(days=3), by="ann")
    found = {one.check: one for one in CHECKS["rights"](fit(config=file, database_url=url))}
    assert found["tokens"].status is Status.WARNING and soon.id in found["tokens"].found
    assert secret not in repr(found)
    sqlite_gov.access.tokens.revoke(soon.id, by="ann")
    assert looked(ann)["tokens"] is Status.OK


def test_keys(fit: Fit, tmp_path: Path) -> None:
    def looked(**given: Path) -> Status:
        return only("keys", fit(**given)).status

    assert looked() is Status.WARNING
    own, other = tmp_path / "own.pem", tmp_path / "other.pem"
    public, others = tmp_path / "own.pub", tmp_path / "other.pub"
    for private, its_public in ((own, public), (other, others)):
        key = Ed25519PrivateKey.generate()
        save_private_key(key, private)
        save_public_key(key.public_key(), its_public)
    assert looked(checkpoint_public_key_file=public) is Status.OK
    assert looked(checkpoint_key_file=own, checkpoint_public_key_file=public) is Status.OK
    assert looked(checkpoint_key_file=own, checkpoint_public_key_file=others) is Status.PROBLEM
    assert looked(checkpoint_key_file=tmp_path / "gone.pem") is Status.PROBLEM
    assert looked(checkpoint_key_file=own, home=tmp_path) is Status.WARNING
    own.chmod(0o644)
    assert looked(checkpoint_key_file=own) is Status.PROBLEM
    public.write_text("no key")
    assert looked(checkpoint_public_key_file=public) is Status.PROBLEM


@contextmanager
def mail_server(*answers: bytes) -> Iterator[int]:
    """Says one answer for the greeting and for each line that it is told."""

    def serve() -> None:
        taken, _ = listening.accept()
        with taken, taken.makefile("rwb", buffering=0) as file:
            for answer in answers:
                file.write(answer)
                if not file.readline():
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(10)


PLAIN = (b"220 hello\r\n", b"250-here\r\n250 SIZE 1000\r\n", b"221 bye\r\n")
STARTTLS = (b"220 hello\r\n", b"250-here\r\n250 STARTTLS\r\n", b"221 bye\r\n")
REFUSING = (b"554 not you\r\n",)


@pytest.mark.parametrize(
    ("answers", "query", "status"),
    [
        (PLAIN, "&starttls=false", Status.OK),
        (PLAIN, "", Status.PROBLEM),
        (STARTTLS, "", Status.OK),
        (REFUSING, "", Status.PROBLEM),
    ],
    ids=["plain", "no-starttls", "starttls", "refusing"],
)
def test_the_mail_server_is_greeted(
    fit: Fit, tmp_path: Path, answers: tuple[bytes, ...], query: str, status: Status
) -> None:
    (tmp_path / "governance.yaml").write_text(TOLD)
    with mail_server(*answers) as port:
        url = f"smtp://ann:{PASSWORD}@127.0.0.1:{port}?from=g@example.com{query}"
        found = only("mail", fit(config=tmp_path / "governance.yaml", smtp_url=url))
    assert found.status is status and PASSWORD not in repr(found)


def test_mail_as_airflow_has_it(fit: Fit, tmp_path: Path) -> None:
    extra = {"disable_ssl": True, "disable_tls": True, "from_email": "g@example.com"}
    with mail_server(*PLAIN) as port:
        told = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        given = {"AIRFLOW_CONN_SMTP_GOVERNANCE": json.dumps(told | {"password": PASSWORD})}
        found = only("mail", configured(fit, tmp_path, TOLD, **given))
    assert found.status is Status.OK and PASSWORD not in repr(found)
    for wrong in ("{", "[]", "http://x", json.dumps({"conn_type": "smtp"}), f"{{{PASSWORD}"):
        given = {"AIRFLOW_CONN_SMTP_GOVERNANCE": wrong}
        found = only("mail", configured(fit, tmp_path, TOLD, **given))
        assert found.status is Status.PROBLEM and PASSWORD not in found.found


def test_mail_that_goes_nowhere(fit: Fit, tmp_path: Path) -> None:
    assert only("mail", configured(fit, tmp_path, "models: {}\n")).status is Status.WARNING
    assert only("mail", configured(fit, tmp_path, TOLD)).status is Status.UNKNOWN  # Airflow's own?
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = tmp_path / "governance.yaml"
    for url in (f"smtp://{PASSWORD}@127.0.0.1:{port}", f"smtp://x:{PASSWORD}", f"ftp://{PASSWORD}"):
        found = only("mail", fit(config=config, smtp_url=url))
        assert found.status is Status.PROBLEM and PASSWORD not in repr(found)
