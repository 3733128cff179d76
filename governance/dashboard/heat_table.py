"""The heat map as a table whose cells are links: ninety days of a hundred features are 9,000 of
them, so their HTML is made here, short, and not by a template.

A cell has a class for its colour, a mark that needs none, and an address; what it says in words
stands behind the link. Texts are escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

from markupsafe import Markup, escape

from governance.dashboard.reads.heat import Cell, DayLook, Heat
from governance.dashboard.words import SEVERITIES, clean, tag_of
from governance.values import Severity

_SHORT: Mapping[str, tuple[str, str]] = {
    Severity.NORMAL: ("n", "·"),
    Severity.MODERATE: ("m", SEVERITIES[Severity.MODERATE].mark),
    Severity.SEVERE: ("s", SEVERITIES[Severity.SEVERE].mark),
    Severity.INSUFFICIENT: ("i", SEVERITIES[Severity.INSUFFICIENT].mark),
}

_UNKNOWN = ("i", SEVERITIES[Severity.INSUFFICIENT].mark)  # never shown as fine
_FEW, _ROOM = 31, 4  # days that leave room for wide cells; days that a month's name needs


def heat_table(found: Heat) -> Markup:
    """The whole table; addresses are relative to the drift page."""
    return Markup("".join(_parts(found)))  # noqa: S704 - every text in it is escaped below


def _parts(found: Heat) -> Iterator[str]:
    few = " few" if len(found.days) <= _FEW else ""
    yield f'<table class="heat{few}">'
    yield '<caption class="unseen">Features by day, the worst first</caption>'
    yield "<thead><tr><td></td>"
    for month, days in groupby(found.days, key=lambda look: f"{look.day:%B %Y}"):
        wide = len(list(days))
        brief = ' class="brief"' if wide < _ROOM else ""
        yield f'<th scope="colgroup"{brief} colspan="{wide}">'
        yield f'<abbr title="{month}">{month}</abbr></th>'
    yield "</tr><tr><td></td>"
    for look in found.days:
        yield f'<th scope="col"><abbr title="{look.day.isoformat()}">{look.day.day}</abbr></th>'
    yield '</tr><tr class="all"><th scope="row">All features</th>'
    yield from map(_day, found.days)
    yield "</tr></thead><tbody>"
    for name in found.features:
        said = escape(clean(name))
        yield f'<tr><th scope="row" title="{said}">{said}</th>'
        yield from map(_cell, found.rows[name])
        yield "</tr>\n"
    yield "</tbody></table>"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "<td></td>"
    css, mark = _SHORT.get(cell.severity, _UNKNOWN)
    return f"<td><a class={css} href=drift/{cell.report}.{cell.place}>{mark}</a>"


def _day(look: DayLook) -> str:
    if look.severity is None:
        return "<td></td>"
    css, mark = _SHORT.get(look.severity, _UNKNOWN)
    word = tag_of(SEVERITIES, look.severity).word
    kept = "" if look.kept else "; the figures of its features are no longer kept"
    return f'<td><span class={css} title="{look.day}: {escape(word)}{kept}">{mark}</span>'
