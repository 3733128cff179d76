"""`make docs`: pages of docs/reference that follow from the code, so that they cannot fall behind.

Each page is a function of classes that exist: sections of configuration and policy, settings,
errors. The test `tests/docs/test_reference.py` compares the files with what is rendered here.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typer.cli import get_docs_for_click

from governance import errors
from governance.cli.app import app
from governance.config.governance_file import GovernanceConfig
from governance.config.metric_names import METRICS
from governance.config.policy_file import PolicyFile
from governance.config.words import format_duration
from governance.errors import GovernanceError
from governance.settings import Settings

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference"
_NOTE = "<!-- Written by `make docs`; change the docstrings, not this page. -->\n"


def pages() -> dict[str, str]:
    """File name to content."""
    return {
        "configuration.md": configuration(),
        "policy.md": policy(),
        "settings.md": settings(),
        "errors.md": error_codes(),
        "metrics.md": metrics(),
        "cli.md": command_line(),
    }


def configuration() -> str:
    parts = [
        "# Configuration: governance.yaml",
        "Read strictly: unknown and duplicate keys, anchors, wrong types and impossible values are "
        "refused with line and column, all at once. `governance config check` does it and imports "
        "every function. The file in use is `GOVERNANCE_CONFIG`, else "
        "`<home>/config/governance.yaml`.",
    ]
    for section in _sections(GovernanceConfig):
        parts += [f"## {section.__name__}", _summary(section), _table(section)]
    return _page(parts)


def policy() -> str:
    parts = [
        "# Policy: promotion_policy.yaml",
        "How much is good enough, for all models and for single ones. The file in use is "
        "`GOVERNANCE_POLICY`, else `<home>/config/promotion_policy.yaml`; without one the defaults "
        "count. It is read as strictly as `governance.yaml`, and a model's own values replace the "
        "defaults key by key.",
    ]
    for section in _sections(PolicyFile):
        parts += [f"## {section.__name__}", _summary(section), _table(section)]
    return _page(parts)


def settings() -> str:
    parts = [
        "# Settings",
        "Environment variables; they say where and whether, never how much is good enough.",
        _table(Settings, name=lambda key: f"GOVERNANCE_{key.upper()}"),
        "Beside them: `ALLOW_DATASET_MISMATCH=1` and `ALLOW_FEATURE_MISMATCH=1` let `load_model` "
        "pass a mismatch (the audit log says so); `GOVERNANCE_ACTOR` names who runs the command "
        "line.",
    ]
    return _page(parts)


def error_codes() -> str:
    found = [
        one
        for _, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, GovernanceError)
    ]
    rows = [
        "| code | class | HTTP | exit | meaning |",
        "|---|---|---|---|---|",
        *(
            f"| `{one.code}` | `{one.__name__}` | {one.status} | {one.exit_code} | {_about(one)} |"
            for one in sorted(found, key=lambda one: (one.exit_code, one.code))
        ),
    ]
    parts = [
        "# Errors",
        "Every refusal is a `GovernanceError` with a stable code. The message says what is wrong "
        "and what to do; the technical cause stays in `__cause__`.",
        "Exit codes of the command line: 0 ok, 1 error, 2 usage, 3 conflict or gate failed, "
        "4 insufficient evidence, 5 integrity, 6 forbidden, 7 unavailable.",
        "\n".join(rows),
    ]
    return _page(parts)


def metrics() -> str:
    rows = [
        "| metric | measures | better | from | to | meaning |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{one.name}` | {one.type} | {one.better} | {one.lowest:g} | {one.highest:g} "
            f"| {one.meaning} |"
            for one in METRICS.values()
        ),
    ]
    parts = [
        "# Metrics",
        "What a model may declare under `metrics`, and what a limit may ask. A classifier has the "
        "classification metrics, a regressor the regression metrics, a trading model all of them. "
        "A figure that does not exist (the AUC of one class, a Sharpe ratio without variance) is "
        "not recorded, and a gate that asks for it says INSUFFICIENT. Formulas: the docstrings "
        "of `governance.evidence`.",
        "\n".join(rows),
    ]
    return _page(parts)


def command_line() -> str:
    command = typer.main.get_command(app)
    # Typed as Any: Typer names two classes Context that it uses for one.
    context: Any = command.make_context("governance", [], resilient_parsing=True)
    with context:
        text = get_docs_for_click(obj=command, ctx=context, name="governance")
    return f"{_NOTE}{text.rstrip()}\n"


def _about(one: type[GovernanceError]) -> str:
    own = one.__dict__.get("__doc__")
    return " ".join((own or "").split(">>>")[0].split())


def _sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
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


def _summary(model: type[BaseModel]) -> str:
    return inspect.cleandoc(model.__doc__ or "").split("Attributes:")[0].strip()


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """The lines under ``Attributes:`` of a class's docstring, by name."""
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


def _table(model: type[BaseModel], name: Any = lambda key: key) -> str:
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
        return _type(arguments[0])
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
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    return f"`{value}`"


def _page(parts: list[str]) -> str:
    return _NOTE + "\n\n".join(part for part in parts if part) + "\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
