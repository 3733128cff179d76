"""From a parsed document to a typed object, with the file's line and column for every mistake.

The one way in which a pydantic model takes a configuration file: strictly (no text becomes a
number), unknown keys refused with the nearest known one, everything that is wrong said at once.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from governance.config.strict_yaml import Document, Place, refuse
from governance.policy.promotion.limits import spellings


class Section(BaseModel):
    """A part of a file: frozen, and nothing undeclared in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


M = TypeVar("M", bound=BaseModel)


def take(document: Document, model: type[M]) -> M:
    """``document`` as ``model``, or a :class:`ConfigError` with every mistake and its place.

    >>> from governance.config.strict_yaml import parse_yaml
    >>> class Limits(Section):
    ...     rows: int
    >>> take(parse_yaml(b"rows: 5"), Limits)
    Limits(rows=5)
    >>> take(parse_yaml(b"row: 5", source="limits.yaml"), Limits)
    Traceback (most recent call last):
        ...
    governance.errors.ConfigError: limits.yaml:1:1: rows is missing; add it
    limits.yaml:1:1: unknown key 'row'; did you mean 'rows'?
    """
    if document.value is None:
        raise refuse(document.source, [(Place(1, 1), "the file is empty; write its first key")])
    try:
        # Through JSON: pydantic is strict about types there and still takes lists as tuples.
        return model.model_validate_json(json.dumps(document.value), strict=True)
    except ValidationError as error:
        items = error.errors(include_input=False, include_url=False)
        problems = [_problem(document, model, dict(item)) for item in _own_mistakes(items)]
    raise refuse(document.source, problems)


def _own_mistakes(items: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without the "too few items" of a list whose items are already complained about."""
    places = [item["loc"] for item in items]
    return [
        item
        for item in items
        if item["type"] != "too_short"
        or not any(
            len(p) > len(item["loc"]) and p[: len(item["loc"])] == item["loc"] for p in places
        )
    ]


def _problem(document: Document, model: type[BaseModel], item: dict[str, Any]) -> tuple[Place, str]:
    location: tuple[str | int, ...] = item["loc"]
    kind: str = item["type"]
    path = tuple(_in_file(document.value, location))
    name = ".".join(map(str, path))
    if kind == "extra_forbidden":
        key = str(location[-1])
        place = document.place(path, of_key=True)
        for section in _sections(model, path[:-1]):
            for other in spellings(section, key):
                if (first := document.keys.get((*path[:-1], other))) is not None:
                    where = f"line {first.line}, column {first.column}"
                    return place, f"{key!r} and {other!r} ({where}) mean the same; keep one"
        return place, f"unknown key {key!r}; {_nearest(model, path)}"
    if kind == "missing":
        return document.place(
            path
        ), f"{'.'.join([name, str(location[-1])]).lstrip('.')} is missing; add it"
    message = str(item["msg"]).removeprefix("Value error, ").replace("Tuple should", "list should")
    if location and location[-1] == "[key]":
        return document.place(path, of_key=True), message
    return document.place(path), f"{name}: {message}" if name else message


def _in_file(value: Any, location: tuple[str | int, ...]) -> Iterator[str | int]:
    """The parts of pydantic's location that stand in the file; it adds union tags and the like."""
    for part in location:
        in_list = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if in_list or (isinstance(value, dict) and part in value):
            value = value[part]
            yield part


def _nearest(model: type[BaseModel], path: tuple[str | int, ...]) -> str:
    known = sorted({key for part in _sections(model, path[:-1]) for key in part.model_fields})
    close = difflib.get_close_matches(str(path[-1]), known, n=1) if path else []
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known here: {', '.join(known)}" if known else "remove it"


def _sections(annotation: Any, path: tuple[str | int, ...]) -> Iterator[type[BaseModel]]:
    """The models that may stand at ``path``."""
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _sections(part, path)
        return
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not path:
            yield annotation
        elif (field := annotation.model_fields.get(str(path[0]))) is not None:
            yield from _sections(field.annotation, path[1:])
        return
    arguments = [part for part in get_args(annotation) if part is not Ellipsis]
    if get_origin(annotation) is not None and hasattr(annotation, "__metadata__"):
        yield from _sections(arguments[0], path)
    elif arguments and path:
        yield from _sections(arguments[-1], path[1:])
