"""Templates of the package, and what every text passes on its way into one.

HTML is always escaped; control characters and signs that reverse the direction of text are taken
out of everything, because feature names and reasons come from other people's data. Links are only
ever http(s); a file's path is shown as text.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from governance.effects.drift_report.words import DASH

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_REVERSING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]+")
_HALVES = re.compile("[\ud800-\udfff]")


def clean(text: object) -> str:
    """One line of harmless text.

    >>> clean("wind\\r\\nBcc: all@example.com\\u202e")
    'wind Bcc: all@example.com'
    """
    return _HALVES.sub("?", _NO_TEXT.sub(" ", _REVERSING.sub("", str(text))))


def drawn(svg: str) -> Markup:
    """A picture of ``drawing``, which has escaped its texts: not escaped again."""
    from markupsafe import Markup

    return Markup(svg)  # noqa: S704 - made here, and matplotlib escapes what it writes


def web_link(link: str | None) -> str | None:
    """``link`` if it may become an ``href``.

    >>> web_link("https://reports.example.com/a.html"), web_link("javascript:alert(1)")
    ('https://reports.example.com/a.html', None)
    """
    if link and re.match(r"https?://[^\s\"'<>]+$", link):
        return link
    return None


@functools.cache
def templates() -> Environment:
    """Every value that a template prints is escaped and cleaned; a missing one is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["dash"] = DASH
    return environment


def _finalize(value: Any) -> Any:
    from jinja2 import Undefined

    if hasattr(value, "__html__") or isinstance(value, Undefined):
        return value
    return clean(value)
