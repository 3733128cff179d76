"""YAML that means one thing only: the subset and the scalars of YAML 1.2's core schema.

PyYAML tokenises; building the value is ours, because its own construction reads YAML 1.1 (``on``
is a boolean key, ``1e-3`` a text, ``0777`` is 511, the last of two equal keys wins). Refused, each
with line and column and all of them at once: duplicate keys, keys that are not text, anchors,
aliases, merge keys, tags, directives, a second document, NaN and infinity, numbers that two YAML
versions read differently, control characters, more than 64 KiB (or what the caller allows), more
than 20 levels, bytes that are not UTF-8.

Not promised: comments are not kept, and nothing is ever written back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import yaml

from governance.errors import ConfigError

MAX_BYTES = 64 * 1024
MAX_DEPTH = 20

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_RADIX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_AMBIGUOUS = re.compile(r"[-+]?0[0-9]+|[-+]0[ox][0-9a-fA-F]+|[-+]?[0-9][0-9_]*_[0-9_]*|0b[01]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_LINE_SEPARATOR = re.compile("[\x85\u2028\u2029]")

Path = tuple[str | int, ...]


class Place(NamedTuple):
    """Where in the file, both counted from 1."""

    line: int
    column: int


class _Mark(Protocol):
    """What PyYAML's two mark classes have in common; counted from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


def _place(mark: _Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its plain value, and where every key and value stands.

    Attributes:
        source: the file as it is named in messages.
        value: ``dict``, ``list``, ``str``, ``int``, ``float``, ``bool`` or ``None``, nested.
        values, keys: place of the value and of the key at a path, say ``("models", "m", "kind")``.
    """

    source: str
    value: Any
    values: Mapping[Path, Place]
    keys: Mapping[Path, Place]

    def place(self, path: Path, *, of_key: bool = False) -> Place:
        """The place of ``path``, or of the nearest thing around it that is in the file."""
        if of_key and path in self.keys:
            return self.keys[path]
        while path not in self.values and path:
            path = path[:-1]
        return self.values.get(path, Place(1, 1))


def refuse(source: str, problems: list[tuple[Place, str]]) -> ConfigError:
    """One error for all problems, in the order of the file."""
    lines = [f"{source}:{place.line}:{place.column}: {text}" for place, text in sorted(problems)]
    return ConfigError("\n".join(dict.fromkeys(lines)))


def parse_yaml(data: bytes, *, source: str = "<text>", most: int = MAX_BYTES) -> Document:
    """The document in ``data``, or a :class:`ConfigError` naming every place that is wrong.

    Args:
        most: bytes that the file may have.

    >>> parse_yaml(b"rate: 1e-3\\nswitch: on\\n").value
    {'rate': 0.001, 'switch': 'on'}
    >>> parse_yaml(b"a: 1\\na: 2\\n", source="policy.yaml")
    Traceback (most recent call last):
        ...
    governance.errors.ConfigError: policy.yaml:2:1: key 'a' is already given at line 1; keep one
    """
    if len(data) > most:
        raise refuse(
            source,
            [(Place(1, 1), f"the file has more than {most} bytes; split or shorten it")],
        )
    text = _decode(data, source)
    builder = _Builder()
    # YAML 1.1 ends a line at these, YAML 1.2 does not.
    builder.problems += [
        (_place_at(text, found.start()), "a Unicode line separator stands here; remove it")
        for found in _LINE_SEPARATOR.finditer(text)
    ]
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        while loader.check_event():
            event: yaml.Event = loader.get_event()  # type: ignore[no-untyped-call]  # stubs
            if isinstance(event, yaml.StreamEndEvent) or not builder.take(event):
                break
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(filter(None, (error.context, error.problem)))
        builder.problem(mark, f"this is no YAML: {what}")
    except yaml.reader.ReaderError as error:
        place = _place_at(text, error.position)
        builder.problems.append((place, "a control character stands here; remove it"))
    except (ValueError, OverflowError):  # PyYAML lets chr() raise for "\U00110000"
        mark = loader.get_mark() if loader is not None else None
        builder.problem(mark, "this escape names no character; correct it")
    finally:
        if loader is not None:
            loader.dispose()
    if builder.problems:
        raise refuse(source, builder.problems)
    return Document(source, builder.root, builder.values, builder.keys)


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_at(data[: error.start].decode(), None)
        raise refuse(source, [(place, "the bytes are not UTF-8; save the file as UTF-8")]) from None


def _place_at(text: str, position: int | None) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


@dataclass(slots=True)
class _Open:
    """A collection that is still being filled; ``key`` is the mapping key that awaits its value."""

    container: Any
    path: Path
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Turns the event stream into a value without recursion, so that depth cannot hurt."""

    root: Any = None
    problems: list[tuple[Place, str]] = field(default_factory=list)
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    documents: int = 0

    def problem(self, mark: _Mark | None, text: str) -> None:
        self.problems.append((_place(mark), text))

    def take(self, event: yaml.Event) -> bool:
        """Takes one event; false when going on would not help."""
        if isinstance(event, yaml.DocumentStartEvent):
            return self._document(event)
        if isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self.stack.pop()
            return True
        if not isinstance(event, yaml.NodeEvent):
            return True
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            self.problem(mark, f"alias *{event.anchor} is not allowed; write the value out")
            return self._node(None, mark, is_text=True)
        if event.anchor is not None:
            self.problem(mark, f"anchor &{event.anchor} is not allowed; write the value out")
        if isinstance(event, yaml.ScalarEvent):
            if event.tag is not None:
                self.problem(mark, f"tag {event.tag!r} is not allowed; leave it out")
            value = self._scalar(event)
            return self._node(value, mark, is_text=isinstance(value, str))
        assert isinstance(event, yaml.CollectionStartEvent)  # the last kind of node
        if event.tag is not None:
            self.problem(mark, f"tag {event.tag!r} is not allowed; leave it out")
        if len(self.stack) >= MAX_DEPTH:
            self.problem(mark, f"more than {MAX_DEPTH} levels of nesting; flatten it")
            return False
        empty: Callable[[], Any] = dict if isinstance(event, yaml.MappingStartEvent) else list
        container = empty()
        if self.stack and isinstance(self.stack[-1].container, dict) and self.stack[-1].key is None:
            self.problem(mark, "a key must be text, not a list or a mapping")
            return False
        path = self._path()
        self._node(container, mark, is_text=False)
        self.stack.append(_Open(container, path))
        return True

    def _document(self, event: yaml.DocumentStartEvent) -> bool:
        self.documents += 1
        if event.version or event.tags:
            self.problem(event.start_mark, "directives (%YAML, %TAG) are not allowed; remove them")
        if self.documents > 1:
            self.problem(event.start_mark, "a second document begins here; keep one per file")
            return False
        return True

    def _path(self) -> Path:
        if not self.stack:
            return ()
        top = self.stack[-1]
        return (*top.path, len(top.container) if top.key is None else top.key)

    def _node(self, value: Any, mark: _Mark | None, *, is_text: bool) -> bool:
        place = _place(mark)
        if not self.stack:
            self.root = value
            self.values[()] = place
            return True
        top = self.stack[-1]
        if isinstance(top.container, list):
            self.values[self._path()] = place
            top.container.append(value)
        elif top.key is None:
            top.key = self._key(value, place, top, is_text=is_text)
        else:
            self.values[self._path()] = place
            top.container[top.key] = value
            top.key = None
        return True

    def _key(self, value: Any, place: Place, top: _Open, *, is_text: bool) -> str:
        if value == "<<":
            self.problems.append((place, "merge key << is not allowed; write the keys out"))
        elif not is_text:
            self.problems.append((place, "a key must be text; put it in quotes"))
        key = str(value)
        path = (*top.path, key)
        if path in self.keys:
            first = self.keys[path].line
            self.problems.append((place, f"key {key!r} is already given at line {first}; keep one"))
        else:
            self.keys[path] = place
        return key

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text, mark = event.value, event.start_mark
        if _CONTROL.search(text):
            self.problem(mark, "the text contains a control character; remove it")
        if not event.implicit[0] or event.tag is not None:
            return text
        if text in _NULL:
            return None
        if text in _BOOL:
            return _BOOL[text]
        if _AMBIGUOUS.fullmatch(text):
            self.problem(
                mark, f"{text[:40]} is read differently by YAML versions; write it out or quote it"
            )
        elif _NOT_FINITE.fullmatch(text):
            self.problem(
                mark, f"{text} is no number here; write a finite one, or leave the key out"
            )
        elif _INT.fullmatch(text) or _RADIX.fullmatch(text):
            return self._integer(text, mark)
        elif _FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                self.problem(mark, f"{text[:40]} is too large for a number")
            return number
        return text

    def _integer(self, text: str, mark: _Mark | None) -> int:
        number = (
            int(text, 0 if _RADIX.fullmatch(text) else 10) if len(text) <= MAX_DEPTH * 2 else None
        )
        if number is None or abs(number) >= 2**63:
            self.problem(mark, "this whole number does not fit 64 bits; quote it if it is text")
            return 0
        return number
