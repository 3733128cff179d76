"""Templates: every value that one prints is escaped and cleaned, and a missing one is an error.

Neighbours: ``templates/`` (layout), ``words`` (what is said), ``charts`` (SVG that has escaped its
texts itself).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup, escape

from governance.canonical import canonical_json
from governance.dashboard import static, words


@functools.cache
def templates() -> Environment:
    made = Environment(
        loader=PackageLoader("governance.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {
        "brief": words.brief,
        "dash": words.DASH,
        "file": static.current_name,
        "severity": _tagged(words.SEVERITIES),
        "verdict": _tagged(words.VERDICTS),
        "stage": _tagged(words.STAGES),
        "compared": _tagged(words.COMPARED),
        "counted": words.counted,
        "gate_unit": words.gate_unit,
        "percent": words.percent,
        "size": words.size,
    }
    made.filters |= {"time": time_of, "figure": words.figure, "shown": shown}
    return made


def time_of(value: Any) -> Any:
    """A moment in UTC, which the script turns into the reader's own zone."""
    found = words.moment(value) if value is not None else None
    if found is None:
        return words.DASH if value is None else words.clean(value)
    stamp = found.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{}</time>').format(stamp, words.when(found))


def shown(value: Any) -> str:
    """A value of a record: a text as it is, anything else as JSON.

    >>> shown({"b": 1, "a": [None]}), shown("x")
    ('{"a": [null], "b": 1}', 'x')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(json.loads(canonical_json(value)), ensure_ascii=False, sort_keys=True)
    return words.figure(value)


def _tagged(tags: Mapping[str, words.Tag]) -> Any:
    def tagged(value: object) -> Markup:
        found = words.tag_of(tags, value)
        return Markup('<span class="tag {}"><i aria-hidden="true">{}</i> {}</span>').format(
            found.css, found.mark, found.word
        )

    return tagged


def _finalize(value: Any) -> Any:
    if hasattr(value, "__html__") or isinstance(value, Undefined):
        return value
    return escape(words.clean(value))
