"""How much one request, and all of them together, may bring."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingLimits:
    """
    Attributes:
        max_rows: of one request.
        max_hours: that the rows of one request lie in, since the log has a file for each.
        max_json_bytes: of a JSON body; parsing it holds up all other requests (about 4 MiB in a
            tenth of a second), so that more rows come as Arrow or Parquet.
        max_body_bytes: of an Arrow or Parquet body.
        max_bytes_in_flight: of all bodies that are being read or computed.
        body_seconds: in which a body must have arrived.
        log_seconds: that a larger request waits for room in the prediction log; then its rows are
            dropped there, and counted.
        most_waiting: larger requests that are computed or wait for it; more are told to come again.
    """

    max_rows: int = 1_000_000
    max_hours: int = 1000
    max_json_bytes: int = 8 * MIB
    max_body_bytes: int = 256 * MIB
    max_bytes_in_flight: int = 1024 * MIB
    body_seconds: float = 30.0
    log_seconds: float = 5.0
    most_waiting: int = 64
