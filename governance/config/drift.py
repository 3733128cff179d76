"""How a model is watched, as it declares it (``drift:`` in ``governance.yaml``).

What counts as drift is not here but in the policy file. ``governance.evidence.drift`` does what is
declared.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from governance.config.document import Section
from governance.config.words import Column, FunctionName, Params, Text


def _url_or_absolute(text: str) -> str:
    if text.startswith("/") or "://" in text:
        return text
    raise ValueError(
        f"path {text[:80]!r} must be absolute or a URL, because tasks run in other folders"
    )


def _day(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"{value[:40]!r} is no day; write 2013-02-18") from None


Day = Annotated[
    date, BeforeValidator(_day), PlainSerializer(date.isoformat, return_type=str, when_used="json")
]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,254}$")]


class ParquetData(Section):
    """Hours as Parquet files.

    Attributes:
        kind: ``parquet``.
        path: folder, absolute or an fsspec URL (``s3://bucket/live``).
        layout: where an hour lies in it, in strftime words (UTC): a folder of files, or one file
            where it ends in ``.parquet``.
    """

    kind: Literal["parquet"]
    path: Annotated[str, Field(min_length=1, max_length=1024), AfterValidator(_url_or_absolute)]
    layout: Text = "date=%Y-%m-%d/hour=%H"


class SqlData(Section):
    """Rows of a table, or of a query with ``:start`` and ``:end``.

    Attributes:
        kind: ``sql``.
        url_from: environment variable that holds the SQLAlchemy URL, so that no password stands
            here.
        table: read where start <= time column < end; ``schema.table`` is understood.
        query: instead of a table; must use ``:start`` and ``:end``.
    """

    kind: Literal["sql"]
    url_from: Name
    table: Annotated[
        str | None, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$")
    ] = None
    query: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        if self.query is not None and not all(word in self.query for word in (":start", ":end")):
            raise ValueError("a query must use :start and :end, so that an hour costs an hour")
        return self


class FunctionData(Section):
    """A function ``(start, end, params) -> DataFrame`` with the rows of start <= time < end.

    Attributes:
        kind: ``function``.
        function: ``module:function``.
        params: given as its third argument.
    """

    kind: Literal["function"]
    function: FunctionName
    params: Params = Field(default_factory=dict)


class Calendar(Section):
    """Which days are alike.

    Attributes:
        days: ``weekday_weekend``; ``trading``: Monday to Friday without the holidays, and closed
            days; ``same``: every day is like every other.
        holidays: days that are like a weekend (or closed), in the model's time zone.
    """

    days: Literal["weekday_weekend", "trading", "same"] = "weekday_weekend"
    holidays: tuple[Day, ...] = ()


class DriftDeclaration(Section):
    """
    Attributes:
        live: where the model's live data are.
        time_column: event time in the live data; the model's own if not given.
        features: columns to watch; the model's feature inputs if not given.
        categorical: watched columns that are categories although they are numbers.
        prediction: the column of the live data that holds the model's predictions.
        calendar: which days are alike.
        retrain_on_drift: ``severe``: severe drift asks for the model's retrain run.
    """

    live: ParquetData | SqlData | FunctionData = Field(discriminator="kind")
    time_column: Column | None = None
    features: tuple[Column, ...] = ()
    categorical: tuple[Column, ...] = ()
    prediction: Column | None = None
    calendar: Calendar = Field(default_factory=Calendar)
    retrain_on_drift: Literal["never", "severe"] = "never"

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if len(set(self.features)) < len(self.features):
            raise ValueError("a feature is named twice; name it once")
        return self
