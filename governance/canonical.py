"""One JSON text for one value: what is hashed, signed or compared is rendered here and nowhere
else.

Sorted keys, no white space, UTF-8, shortest round-trip floats, no NaN or infinity. The same value
gives the same bytes on every machine and every Python that the product supports. Not promised:
reading foreign JSON canonicalisation schemes (RFC 8785 renders floats differently).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeGuard

from governance.errors import InvalidInputError
from governance.values import iso

_AS_IT_IS = frozenset({str, bool, int, float, type(None)})


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_IT_IS:  # most of what is stored; looking further costs ten times as much
        return value
    if kind is dict and all(type(key) is str for key in value):
        return {
            key: item if type(item) in _AS_IT_IS else _plain(item) for key, item in value.items()
        }
    if isinstance(value, Enum):
        return _plain(value.value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise InvalidInputError("keys of a JSON object must be text")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted(
            (_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
        )
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "as_posix"):  # a path, the same on every system
        return value.as_posix()
    scalar = getattr(value, "item", None)  # a numpy scalar
    if callable(scalar) and getattr(value, "ndim", None) == 0:
        return _plain(scalar())
    raise InvalidInputError(f"a {type(value).__name__} has no JSON form here")


def canonical_json(value: Any) -> str:
    """The one JSON text of ``value``.

    >>> canonical_json({"b": 1.0, "a": (True, None)})
    '{"a":[true,null],"b":1.0}'
    >>> canonical_json(float("nan"))
    Traceback (most recent call last):
        ...
    governance.errors.InvalidInputError: NaN and infinity have no JSON form; ...
    """
    try:
        return json.dumps(
            _plain(value),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )
    except InvalidInputError:
        raise
    except ValueError as error:
        raise InvalidInputError(
            "NaN and infinity have no JSON form; leave the value out or give None"
        ) from error
    except RecursionError as error:
        raise InvalidInputError("the value is nested too deeply to be stored") from error


def sha256_of(value: Any) -> str:
    """Hex SHA-256 of the canonical JSON of ``value``.

    >>> sha256_of({"a": 1}) == sha256_of({"a": 1}.copy())
    True
    """
    try:
        return hashlib.sha256(canonical_json(value).encode()).hexdigest()
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"the value holds text that is not UTF-8 ({error.reason}); give Unicode text"
        ) from error


def storable(value: object) -> TypeGuard[str]:
    """Is it text that a database can be asked for?

    >>> storable("ab12"), storable("\\ud800"), storable("a\\0"), storable(7)
    (True, False, False, False)
    """
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
