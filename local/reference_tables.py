"""Sections of configuration, policy and settings as Markdown tables, for `local/reference.py`.

What a row says comes from the class: name, type with its bounds, default, and the line under
``Attributes:`` of its docstring.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from governance.config.words import format_duration


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and every section its fields lead to, each once, from the outside in."""
    queue, seen = [model], {model}
    while queue:
        current = queue.pop(0)
        yield current
        for info in current.model_fields.values():
            for inner in _models_in(info.annotation):
                if inner not in seen:
                    seen.add(inner)
                    queue.append(inner)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def summary(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").split("Attributes:")[0].strip()


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """The lines under ``Attributes:`` of the docstrings of a class and its bases, by name."""
    found: dict[str, str] = {}
    for base in reversed([one for one in model.__mro__ if issubclass(one, BaseModel)]):
        found |= _own_meanings(base)
    return found


def _own_meanings(model: type[BaseModel]) -> dict[str, str]:
    found: dict[str, str] = {}
    names: list[str] = []
    _, _, block = inspect.cleandoc(model.__doc__ or "").partition("Attributes:")
    for line in block.splitlines():
        match = re.match(r" {4}(\w+(?:, \w+)*): (.*)", line)
        if match:
            names = match[1].split(", ")
            found.update(dict.fromkeys(names, match[2]))
        elif line.startswith(" " * 8) and names:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found


def table(model: type[BaseModel], name: Any = lambda key: key) -> str:
    meanings = _meanings(model)
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, info in model.model_fields.items():
        allowed = _type(info.annotation) + _bounds(info)
        cells = (f"`{name(key)}`", allowed, _default(info), meanings.get(key, ""))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows)


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(one) for one in arguments if one is not type(None))
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"mapping to {_type(arguments[1])}"
    if origin is not None and arguments:  # Annotated
        limits = [one for one in arguments[1:] if isinstance(one, FieldInfo)]
        return _type(arguments[0]) + "".join(map(_bounds, limits))
    if inspect.isclass(annotation):
        if issubclass(annotation, BaseModel):
            return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
        if issubclass(annotation, Enum):
            return " or ".join(f"`{one.value}`" for one in annotation)
        plain = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
        names = {"timedelta": "duration (`36h`, `7d`)", "Path": "path", "SecretStr": "secret text"}
        return {**plain, **names}.get(annotation.__name__, annotation.__name__)
    return "any"


def _bounds(info: FieldInfo) -> str:
    """What a number may be, where it is bounded: `` ≥ 1, ≤ 14``."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    said = [
        f"{sign} {bound:,}" if isinstance(bound, int) else f"{sign} {bound:g}"
        for limit in info.metadata
        for name, sign in signs.items()
        if isinstance(bound := getattr(limit, name, None), int | float)
    ]
    return f" {', '.join(said)}" if said else ""


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value in ((), {}) or isinstance(value, BaseModel):
        return "-"
    if hasattr(value, "get_secret_value"):
        return "-"
    if isinstance(value, dict) and all(isinstance(one, BaseModel) for one in value.values()):
        return "see above"
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    return f"`{value}`"
