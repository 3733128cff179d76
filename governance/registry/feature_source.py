"""The code behind a feature: import ``module:function``, and a digest of what it says.

The digest covers the tokens of the function's source and, through the names it uses, the functions
and plain constants of the same module, and theirs. Comments, docstrings, blank lines and line
breaks do not count; strings count to the letter. Tokens are the same on every Python that the
product supports (an f-string is taken as one token, as before Python 3.12).

Not covered: code imported from other modules, classes, data read at run time, and a file that was
edited after it was imported. A change there is announced by a new ``version`` of the feature.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

from governance.errors import FeatureGraphError

_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)
_SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER, tokenize.ENCODING}
_MARKS = {tokenize.NEWLINE: "\n", tokenize.INDENT: "\t>", tokenize.DEDENT: "\t<"}
_STRING_STARTS = ("FSTRING_START", "TSTRING_START")
_STRING_ENDS = ("FSTRING_END", "TSTRING_END")


def load_logic(logic: str) -> Callable[..., Any]:
    """The function that ``"module:function"`` names.

    >>> load_logic("governance.values:check_digest").__name__
    'check_digest'
    >>> load_logic("os.path")
    Traceback (most recent call last):
        ...
    governance.errors.FeatureGraphError: feature logic 'os.path' is not understood; ...

    Raises:
        FeatureGraphError: the text has another form, or nothing callable is there.
    """
    if not _REFERENCE.fullmatch(logic):
        raise FeatureGraphError(
            f"feature logic {logic!r} is not understood; write 'module:function', or 'column' for "
            "a column as it is"
        )
    module_name, _, name = logic.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), name)
    except Exception as error:  # a module may raise anything while it is imported
        raise FeatureGraphError(
            f"feature logic {logic!r} cannot be imported ({error}); its module must be on the "
            "Python path of every process that computes features"
        ) from error
    if not callable(function):
        raise FeatureGraphError(f"feature logic {logic!r} is no function")
    return function  # type: ignore[no-any-return]  # whatever the module holds, checked callable


def logic_digest(logic: str) -> str:
    """SHA-256 of the code that ``logic`` names, as described above.

    Raises:
        FeatureGraphError: it cannot be imported, or is no Python function with readable source.
    """
    function = inspect.unwrap(load_logic(logic))
    if not isinstance(function, FunctionType) or "<" in function.__qualname__:
        raise FeatureGraphError(
            f"feature logic {logic!r} is no function at the top of a Python module, so what it "
            "does cannot be read; write it as one, with params for what varies"
        )
    return _digest(function)


@lru_cache(maxsize=1024)
def _digest(function: FunctionType) -> str:
    parts: dict[str, str] = {}
    _collect(function.__name__, function, inspect.getmodule(function), parts)
    text = "\0".join(f"{name}\0{code}" for name, code in sorted(parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def _collect(
    name: str, function: FunctionType, module: ModuleType | None, parts: dict[str, str]
) -> None:
    """Add the code of ``function`` and of what it names in its own module, each once."""
    parts[name] = ""
    words = list(normal_tokens(_source(function)))
    parts[name] = "\x1f".join(words)
    for word in sorted(set(words)):
        if word in parts or not word.isidentifier():
            continue
        value = getattr(module, word, None)
        value = inspect.unwrap(value) if callable(value) else value
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            _collect(word, value, module, parts)
        elif (constant := _constant(value)) is not None:
            parts[word] = constant


def _source(function: FunctionType) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise FeatureGraphError(
            f"the source of {function.__module__}:{function.__qualname__} cannot be read "
            f"({error}); feature logic must live in a Python file"
        ) from error


def _constant(value: object) -> str | None:
    """The text of a plain value; ``None`` for anything else. A set is written sorted."""
    if type(value) in (str, bytes, bool, int, float):
        return repr(value)
    if isinstance(value, dict):
        return _constant([*value.keys(), *value.values()])
    if isinstance(value, list | tuple | set | frozenset):
        items = [_constant(item) for item in value]
        texts = [text for text in items if text is not None]
        if len(texts) < len(items):
            return None
        return repr(sorted(texts) if isinstance(value, set | frozenset) else texts)
    return None


def normal_tokens(source: str) -> Iterator[str]:
    """The tokens that decide what ``source`` does, without layout, comments and docstrings.

    >>> list(normal_tokens("x = (1 +\\n     2)  # three\\n")) == list(normal_tokens("x = (1 + 2)"))
    True
    """
    line: list[str] = []
    only_text = True
    for kind, text in _merged(source):
        if kind in _MARKS:
            if line and not only_text:
                yield from line
            if kind != tokenize.NEWLINE or (line and not only_text):
                yield _MARKS[kind]
            line, only_text = [], True
            continue
        line.append(text)
        only_text = only_text and kind == tokenize.STRING and not re.match(r"[rR]?[fFtT]", text)
    yield from line


def _merged(source: str) -> Iterator[tuple[int, str]]:
    """Tokens by kind and text, an f-string as one STRING wherever this Python splits it."""
    lines = source.splitlines(keepends=True)
    start, depth = (0, 0), 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = tokenize.tok_name[token.type]
        if name in _STRING_STARTS:
            start = token.start if depth == 0 else start
            depth += 1
        elif name in _STRING_ENDS:
            depth -= 1
            if depth == 0:
                yield tokenize.STRING, _between(lines, start, token.end)
        elif depth == 0 and token.type not in _SKIPPED:
            yield token.type, token.string


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    """The text from one (line, column) to another; lines count from 1."""
    (first, left), (last, right) = start, end
    if first == last:
        return lines[first - 1][left:right]
    return "".join([lines[first - 1][left:], *lines[first : last - 1], lines[last - 1][:right]])
