"""Pickle and joblib: formats that can run any code when they are read.

Nothing here asks whether that is allowed; ``formats.loader`` does, and it is the only caller. Not
promised: any safety. Whoever can write such a file, and get it registered, owns the process.
"""

from __future__ import annotations

import io
import pickle  # behind a setting and a registered digest, see formats.loader
from typing import Any

from governance.errors import ArtifactUnloadableError, InvalidInputError

PROTOCOL = 5


def dump(model: object) -> bytes:
    """Pickle with a fixed protocol, so that another Python writes the same layout."""
    try:
        return pickle.dumps(model, protocol=PROTOCOL)
    except Exception as error:
        raise InvalidInputError(
            f"{type(model).__name__} cannot be pickled ({str(error)[:200]}); "
            "keep functions and classes of a model in an importable module"
        ) from error


def load(data: bytes) -> Any:
    """Read plain pickles and joblib files, compressed or not; failures are typed."""
    import joblib

    try:
        return joblib.load(io.BytesIO(data))
    except Exception as error:
        raise ArtifactUnloadableError(
            f"the pickle cannot be read ({type(error).__name__}: {str(error)[:200]}); "
            "install the libraries it was written with, or export the model again"
        ) from error
