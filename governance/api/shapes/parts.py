"""What all shapes are made of: strict input, times with a zone, names, pages."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Header, Path, Query
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from governance.errors import InvalidInputError
from governance.values import parse_time

NAME = r"^[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?$"
# A semantic version; and the same or an id.
_PART = "(0|[1-9][0-9]{0,8})"
_PRE = "(0|[1-9][0-9]{0,17}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_NUMBER = rf"{_PART}\.{_PART}\.{_PART}(-{_PRE}(\.{_PRE})*)?"
NUMBER = rf"^{_NUMBER}$"
VERSION = rf"^({_NUMBER}|[0-9a-f]{{12}})$"
# A text: no control characters but tab and new line; the other one has no new line either. (Nor
# half characters, which no body may hold.)
TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
LINE = r"^[^\x00-\x1f\x7f-\x9f]+$"
LARGEST_PAGE = 1000


def _moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("a time is a text such as 2013-02-01T00:00:00Z")
    try:
        return parse_time(value, what="the time")
    except InvalidInputError as error:
        raise ValueError(error.message) from error


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "ISO 8601 with a zone.",
            "examples": ["2013-02-01T00:00:00Z"],
        }
    ),
]

ModelName = Annotated[
    str, Path(pattern=NAME, max_length=64, description="Model name.", examples=["momentum"])
]
VersionRef = Annotated[
    str,
    Path(
        pattern=VERSION,
        max_length=64,
        description="A version's number, or its id of 12 hex digits.",
        examples=["1.2.0"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Items on a page.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next_cursor` of the page before."),
]
ModelFilter = Annotated[
    str | None, Query(pattern=NAME, max_length=64, description="Only of this model.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="A word of the caller's own for this call: the same key with the same "
        "arguments gives the same answer, with others 409. Other callers' keys are other keys.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^("[0-9]{1,10}"|\*)$',
        description="The model's generation as last seen (its `ETag`); 409 `stale_generation` if "
        "the model was activated since.",
        examples=['"3"'],
    ),
]
Reason = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, pattern=TEXT),
    Field(examples=["canary went well"]),
]


def generation_of(if_match: str | None) -> int | None:
    """
    >>> generation_of('"3"'), generation_of("*"), generation_of(None)
    (3, None, None)
    """
    return None if if_match in (None, "*") else int(if_match.strip('"'))


class Asked(BaseModel):
    """Input: nothing unknown, nothing converted, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Shown(BaseModel):
    """Output; a shape is read from the attributes of what the package gives."""

    model_config = ConfigDict(from_attributes=True)


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """Items in order; the next page is asked for with ``cursor``."""

    items: list[Item]
    next_cursor: str | None = Field(description="None on the last page.")


def examples(*given: dict[str, Any]) -> dict[str, Any]:
    """For ``json_schema_extra``."""
    return {"examples": list(given)}
