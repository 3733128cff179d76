"""Functions that a declaration names as ``module:function``: found, or refused with a remedy.

Sources, labels, trainers and live data are found here, and their code gets its digest. Importing a
module runs it: whoever may edit ``governance.yaml`` may run code here, as a DAG author may. Not
promised: any sandbox.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

from governance.errors import ConfigError, GovernanceError
from governance.registry.feature_source import logic_digest

_REFERENCE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)


def load_function(reference: str, *, what: str = "function") -> Callable[..., Any]:
    """The function that ``reference`` names.

    Args:
        reference: ``package.module:function``, importable from where this process runs.
        what: its part in the declaration, for the message.

    Raises:
        ConfigError: the text is no reference, the module cannot be imported (its own error is the
            cause), or the name is missing or not callable.

    >>> load_function("math:sqrt")(9.0)
    3.0
    >>> load_function("math.sqrt", what="trainer")
    Traceback (most recent call last):
        ...
    governance.errors.ConfigError: trainer 'math.sqrt' is no reference; ...
    """
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        raise ConfigError(
            f"{what} {str(reference)[:120]!r} is no reference; write package.module:function"
        )
    module_name, _, name = reference.partition(":")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a module may raise anything while it is imported
        raise ConfigError(
            f"{what} {reference!r}: module {module_name} cannot be imported "
            f"({type(error).__name__}: {error}); install it, or put its folder on PYTHONPATH"
        ) from error
    found = getattr(module, name, None)
    if not callable(found):
        state = "has no" if found is None else "is not a function:"
        raise ConfigError(
            f"{what} {reference!r}: module {module_name} {state} {name}; "
            "name a function that is defined at the top of the module"
        )
    return found  # type: ignore[no-any-return]  # getattr gives Any; callable() was checked


def code_digest(reference: str) -> str | None:
    """Digest of the code that ``reference`` names, by the rules of a feature's logic.

    ``None`` where there is no source to read (a class, a function written in C): a change there is
    not seen, so it needs a change of the declared params.

    >>> code_digest("math:sqrt") is None
    True
    >>> len(code_digest("governance.registry.functions:load_function"))
    64
    """
    try:
        return logic_digest(reference)
    except GovernanceError:
        return None
