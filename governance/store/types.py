"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import DateTime, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from governance.canonical import canonical_json
from governance.errors import IntegrityError
from governance.values import as_utc, iso

_Word = TypeVar("_Word", bound=StrEnum)


class UtcDateTime(TypeDecorator[datetime]):
    """Microseconds in UTC: fixed-width text on SQLite (sorts as time), or timestamptz."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return iso(value) if dialect.name == "sqlite" else as_utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.astimezone(UTC)
        try:
            return as_utc(datetime.fromisoformat(value))
        except (ValueError, TypeError) as error:
            raise IntegrityError(
                f"a recorded time is no longer one ({value!r:.60}); restore the database from a "
                "backup"
            ) from error


class CanonicalJson(TypeDecorator[Any]):
    """JSON kept as the canonical text that was hashed: reading it back gives the same bytes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else canonical_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            return json.loads(value)
        except (ValueError, TypeError, RecursionError) as error:
            raise IntegrityError(
                f"a recorded value is no longer JSON ({error}); restore the database from a backup"
            ) from error


class OrProblem(UserDefinedType[Any]):
    """Reads as ``inner`` does; what cannot be read comes as the error itself, so that one bad row
    does not end a whole query.
    """

    cache_ok = True

    def __init__(self, inner: TypeEngine[Any]) -> None:
        self.inner = inner

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        read = self.inner.dialect_impl(dialect).result_processor(dialect, coltype)

        def process(value: Any) -> Any:
            try:
                return value if read is None else read(value)
            except IntegrityError as error:
                return error

        return process


def stored_word(words: type[_Word], said: Any, *, of: str) -> _Word:
    """What a record says, of the words that can stand there.

    Raises:
        IntegrityError: another one does; ``of`` names the record.
    """
    try:
        return words(said)
    except ValueError:
        raise IntegrityError(
            f"{of} says {said!r:.40}, which is no {words.__name__.lower()}; run `governance audit "
            "verify`, and restore the database from a backup"
        ) from None


def ascii_text(length: int) -> String:
    """Text that is compared byte by byte on both databases (PostgreSQL's collation "C")."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")
