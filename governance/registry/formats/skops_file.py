"""skops: how fitted scikit-learn models are written and read back, without pickle.

Written, a model is the library's schema in our canonical form, so that the same fit gives the same
bytes. Read, a file is unpacked within limits (``skops_archive``), checked against our own list of
types (``skops_schema``, never the artifact's word), and what is handed to the library is the copy
that was checked, not the bytes that came. As for every format: digest first, first parse in a
child (``registry.probe``). Not promised: that another release of scikit-learn predicts the same;
the library warns when it builds a model of another release.
"""

from __future__ import annotations

from typing import Any

from governance.errors import ArtifactUnloadableError, InvalidInputError
from governance.registry.formats.skops_archive import pack, unpack
from governance.registry.formats.skops_schema import TRUSTED, trusted_content


def dump(model: object) -> bytes | None:
    """A fitted scikit-learn model as a skops file; ``None`` for an object of another library.

    Raises:
        UnsafeFormatError: it is made of types that are not trusted here; they are named.
        InvalidInputError: it is not fitted, or the library cannot write it.
    """
    if not type(model).__module__.startswith("sklearn."):
        return None
    import skops.io
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    name = type(model).__name__
    try:
        check_is_fitted(model)
        data = skops.io.dumps(model)
    except NotFittedError as error:
        raise InvalidInputError(
            f"this {name} is not fitted; call fit() before you register it"
        ) from error
    except Exception as error:  # the library raises many kinds for what it cannot write
        raise InvalidInputError(
            f"{name} cannot be written as a skops file ({str(error)[:200]}); "
            "keep functions and foreign objects out of it"
        ) from error
    return pack(trusted_content(unpack(data)))


def load(data: bytes) -> Any:
    """The model of a skops file.

    Raises:
        UnsafeFormatError: a type that is not in our list.
        ArtifactUnloadableError: damaged, over the limits, or refused by the library.
    """
    checked = pack(trusted_content(unpack(data)))
    import skops.io

    try:
        return skops.io.loads(checked, trusted=sorted(frozenset().union(*TRUSTED.values())))
    except MemoryError:
        raise
    except Exception as error:
        raise ArtifactUnloadableError(
            f"skops cannot build this model ({type(error).__name__}: {str(error)[:200]}); "
            "export the model again with the installed releases of skops and scikit-learn"
        ) from error
