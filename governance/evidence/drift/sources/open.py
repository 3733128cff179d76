"""The source that a model declares (``drift.live`` in ``governance.yaml``), opened."""

from __future__ import annotations

from collections.abc import Mapping

from governance.config.drift import FunctionData, ParquetData, SqlData
from governance.evidence.drift.sources.function import FunctionSource
from governance.evidence.drift.sources.live import LiveSource
from governance.evidence.drift.sources.parquet import ParquetSource
from governance.evidence.drift.sources.sql import SqlSource


def open_source(
    declared: ParquetData | SqlData | FunctionData,
    *,
    time_column: str,
    environment: Mapping[str, str],
) -> LiveSource:
    """Opening reads nothing yet; the first reading does. There is nothing to close.

    Args:
        declared: where the data are.
        time_column: event time in them.
        environment: where ``url_from`` is looked up.

    Raises:
        ConfigError: a layout or function that cannot be used.
        LiveDataError: a database URL or storage protocol that cannot be used here.

    >>> declared = FunctionData(kind="function", function="governance.training.flights:departures")
    >>> type(open_source(declared, time_column="time", environment={})).__name__
    'FunctionSource'
    """
    if isinstance(declared, ParquetData):
        return ParquetSource(declared.path, layout=declared.layout, time_column=time_column)
    if isinstance(declared, FunctionData):
        return FunctionSource(declared.function, declared.params, time_column=time_column)
    return SqlSource(
        environment.get(declared.url_from, ""),
        url_from=declared.url_from,
        table=declared.table,
        query=declared.query,
        time_column=time_column,
    )
