"""The forms in which a graph can be had. Apart from ``showing``, so that a command line that only
names them imports nothing.
"""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """
    >>> Format("dot").media_type
    'text/vnd.graphviz'
    """

    TEXT = "text"
    JSON = "json"
    MERMAID = "mermaid"
    DOT = "dot"
    OPENLINEAGE = "openlineage"

    @property
    def media_type(self) -> str:
        match self:
            case Format.TEXT:
                return "text/plain"
            case Format.MERMAID:
                return "text/vnd.mermaid"
            case Format.DOT:
                return "text/vnd.graphviz"
            case _:
                return "application/json"
