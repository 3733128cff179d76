"""Which port of this machine to listen on: the one that was wished for, or a free one.

Not promised: that it is still free when somebody listens on it.
"""

from __future__ import annotations

import errno
import socket

from local.processes import ServicesError

HOST = "127.0.0.1"
FIRST_PORT, LAST_PORT = 8080, 65535


def asked_port(text: str | None) -> int | None:
    """What `PORT=` asks for; None if it asks for nothing.

    >>> asked_port("8090"), asked_port(""), asked_port(None)
    (8090, None, None)
    """
    if not (text := (text or "").strip()):
        return None
    port = int(text) if text.isascii() and text.isdecimal() and len(text) <= 5 else 0
    if not 1 <= port <= LAST_PORT:
        raise ServicesError(
            f"PORT={text[:20]} is no port; give a whole number from 1 to {LAST_PORT}, "
            "or none to have one chosen"
        )
    return port


def free_port(wanted: int | None = None, first: int = FIRST_PORT) -> int:
    """`wanted` if it is free, else a refusal; without a wish the first free one from `first` on."""
    for port in [wanted] if wanted else range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return port
            except OSError as error:
                taken = error.errno == errno.EADDRINUSE
                problem = "is taken" if taken else f"cannot be used ({error.strerror})"
    if wanted:
        raise ServicesError(
            f"port {wanted} {problem}; give another PORT=, or none to have one chosen"
        )
    raise ServicesError(
        f"no free port from {first} to {first + 99} on {HOST}; free one, or set PORT="
    )
