"""What no client of ours sends: names, methods and headers at the edge of HTTP, for both APIs."""

from __future__ import annotations

import re
import socket
from typing import Any

from fastapi.testclient import TestClient

# As they stand in an address.
ODD_NAMES = {
    "up": "%2e%2e",
    "up and out": "..%2f..%2fetc%2fpasswd",
    "up in capitals": "%2E%2E%2F%2E%2E%2Fgovernance.db",
    "up with a backslash": "..%5c..%5cgovernance.db",
    "up twice encoded": "%252e%252e%252fetc",
    "absolute": "%2fetc%2fpasswd",
    "a file": "file:%2f%2f%2fetc%2fpasswd",
    "a NUL": "momentum%00.txt",
    "no UTF-8": "%ff%fe",
    "half a character": "%ed%a0%80",
    "overlong": "%c0%ae%c0%ae%c0%af",
    "very long": "m" * 5000,
    "right to left": "%e2%80%aemutnemom",
    "look-alike": "m%d0%bementum",
    "decomposed": "mome%cc%81ntum",
    "full width": "%ef%bd%8d%ef%bd%8f%ef%bd%8dentum",
    "blank": "%20",
    "new line": "momentum%0d%0aX-Injected:%20yes",
    "wild": "%25",
    "quote": "momentum'%20OR%20'1'='1",
    "markup": "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "template": "%7b%7b7*7%7d%7d",
    "number": "1e%2b309",
    "negative": "-1",
}
OTHER_METHODS = ("HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "CONNECT", "BREW")
STATUSES = {200, 201, 401, 403, 404, 405, 409, 413, 415, 422}


def check_refusal(answer: Any, where: str) -> None:
    """A refusal has its shape, and repeats nothing as markup or header."""
    assert answer.status_code in STATUSES, (where, answer.status_code, answer.text)
    assert "x-injected" not in answer.headers, where
    assert "root:" not in answer.text and "SQLite format" not in answer.text, where
    assert answer.headers["x-content-type-options"] == "nosniff", where
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json", (where, answer.text)
        said = answer.json()
        assert said["status"] == answer.status_code and said["code"] and said["detail"], where


def addresses(path: str, odd: str, known: dict[str, str]) -> list[str]:
    """``path`` with each of its parameters odd in turn, the others as they are known."""
    return [path.format_map({**known, name: odd}) for name in re.findall(r"\{(\w+)\}", path)]


def methods(client: TestClient, path: str, known: set[str], headers: dict[str, str]) -> None:
    """Every other method is refused, and the refusal names those that there are."""
    for method in OTHER_METHODS:
        if method in known:
            continue
        answer = client.request(method, path, headers=headers)
        assert answer.status_code == 405, (method, path, answer.text)
        assert set(answer.headers["allow"].split(", ")) == known, (method, path)
        check_refusal(answer, f"{method} {path}")


SMUGGLED = b"GET /api/v1/health/live HTTP/1.1\r\nHost: x\r\n\r\n"
_END = b"0\r\n\r\n"


def ambiguous(target: str, token: str) -> dict[str, bytes]:
    """Requests of which two readers may think that they end at different places."""
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n".encode()
    kind = b"Content-Type: application/json\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    length = b"Content-Length: %d\r\n"
    body = _END + SMUGGLED
    return {
        "both lengths": head + kind + length % len(body) + chunked + b"\r\n" + body,
        "two lengths": head + kind + length % 0 + length % len(SMUGGLED) + b"\r\n" + SMUGGLED,
        "a length with a sign": head
        + kind
        + b"Content-Length: +%d\r\n\r\n" % len(SMUGGLED)
        + SMUGGLED,
        "a negative length": head + kind + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
        "a hidden encoding": head
        + kind
        + length % len(body)
        + b"Transfer-Encoding : chunked\r\n\r\n"
        + body,
        "an unknown encoding": head + kind + b"Transfer-Encoding: xchunked\r\n\r\n" + body,
        "a folded header": head + kind + b"X-A: 1\r\n Content-Length: 0\r\n\r\n" + SMUGGLED,
        "no end of a size": head + kind + chunked + b"\r\nzz\r\n" + SMUGGLED,
    }


def answers_to(port: int, sent: bytes) -> tuple[list[int], bytes]:
    """The statuses of all answers on one connection, and what came as text."""
    told = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        try:
            while more := connection.recv(65536):
                told += more
                connection.settimeout(0.2)  # for one more answer, which should not come
        except (ConnectionResetError, TimeoutError):
            pass
    return [int(one) for one in re.findall(rb"HTTP/1\.[01] (\d{3}) ", told)], told
