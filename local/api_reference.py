"""`docs/reference/api.md`: the management API's routes, from its OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from governance.api import create_app

_JSON = "application/json"


def document() -> dict[str, Any]:
    """The OpenAPI document; making it opens nothing."""
    found: dict[str, Any] = create_app().openapi()
    return found


def parts() -> list[str]:
    """The page's parts: one table of routes for each noun, then the shapes."""
    found = document()
    nouns: dict[str, list[str]] = {}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            nouns.setdefault(operation["tags"][0], []).append(_route(path, method, operation))
    said = [
        "# Management API",
        "All that governance does, over HTTP: `governance api serve`, or the same app inside "
        "Airflow's API server. A token goes into `Authorization: Bearer ...` "
        "([give access](../how-to/give-access.md)); what each right takes is in "
        "[Rights](rights.md). `GET /api/v1/openapi.json` is this page for programs.",
        "Every refusal is `application/problem+json` with a stable `code` ([errors](errors.md)). "
        "Lists give `items` and `next_cursor`, which goes back in as `cursor`. `Idempotency-Key` "
        "makes a call with the same arguments give the same answer; where a route has none, the "
        "call repeated is harmless by itself. `If-Match` takes the model's `ETag`, its generation: "
        "409 `stale_generation` if somebody activated a version since. Who does something is who "
        "sends the request, never a field of it. JSON bodies have at most 1 MiB and 32 levels; "
        "names that a route does not know are refused, in queries and in bodies. How many requests "
        "a second one caller may make, how large an upload is and from which folders references "
        "are taken: [settings](settings.md), `GOVERNANCE_API_*`. Jobs (`/api/v1/jobs`) live in the "
        "server's memory: a restart forgets them, and nothing is half-done, so ask again.",
    ]
    for noun, rows in nouns.items():
        said += [
            f"## {noun.capitalize()}",
            "\n".join(["| route | right | takes | gives | what |", "|---|---|---|---|---|", *rows]),
        ]
    return [*said, "## Shapes", *_shapes(found["components"]["schemas"])]


def _route(path: str, method: str, operation: Mapping[str, Any]) -> str:
    about = operation["description"].split("\n\nRight `")[0]
    good = next(answer for code, answer in operation["responses"].items() if code < "300")
    cells = (
        f"`{method.upper()} {path}`",
        "-" if operation["x-right"] == "public" else f"`{operation['x-right']}`",
        ", ".join(_taken(operation)) or "-",
        _named(good.get("content", {}).get(_JSON, {}).get("schema", {})),
        " ".join(about.split()),
    )
    return f"| {' | '.join(cells)} |"


def _taken(operation: Mapping[str, Any]) -> list[str]:
    found = [f"`{one['name']}`" for one in operation.get("parameters", ()) if one["in"] != "path"]
    for kind, one in operation.get("requestBody", {}).get("content", {}).items():
        found.append("a form" if kind != _JSON else _named(one["schema"]))
    return found


def _named(schema: Mapping[str, Any]) -> str:
    for one in schema.get("anyOf", [schema]):
        if "$ref" in one:
            name = one["$ref"].rpartition("/")[2]
            if name.startswith("Page_"):
                return f"a page of [{_item(name)}](#{_item(name).lower()})"
            return f"[{name}](#{name.lower()})"
        if one.get("type") == "array":
            return f"a list of {_named(one['items'])}"
    return "-"


def _item(page: str) -> str:
    return page.removeprefix("Page_").removesuffix("_")


def _shapes(schemas: Mapping[str, Any]) -> list[str]:
    said = []
    for name, schema in sorted(schemas.items()):
        if name.startswith(("Page_", "Body_")) or "properties" not in schema:
            continue
        required = set(schema.get("required", ()))
        rows = [
            f"| `{key}` | {_type(one)} | {'yes' if key in required else '-'} "
            f"| {' '.join(one.get('description', '').split())} |"
            for key, one in schema["properties"].items()
        ]
        said += [
            f"### {name}",
            " ".join(schema.get("description", "").split()),
            "\n".join(["| field | type | always | meaning |", "|---|---|---|---|", *rows]),
        ]
    return said


def _type(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"`{name}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    kind = {"null": "null", "integer": "whole number", "boolean": "true or false", "string": "text"}
    found = schema.get("type", "anything")
    return "time" if schema.get("format") == "date-time" else kind.get(found, found)
