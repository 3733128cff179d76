"""LightGBM's own text: how fitted LightGBM models are written and read back as a ``Booster``.

The text holds trees and parameters and runs no code, but a changed file can kill the process that
parses it. So: digest before parse (``registry.artifacts``), first parse in a child
(``registry.probe``). Not kept: what only the scikit-learn wrapper knows (class names, its
parameters); a wrapper whose class labels are not 0..n-1 is therefore not written as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from governance.errors import ArtifactUnloadableError, InvalidInputError

if TYPE_CHECKING:
    import lightgbm

_WRAPPERS = frozenset({"LGBMModel", "LGBMClassifier", "LGBMRegressor", "LGBMRanker"})


def dump(model: object) -> bytes | None:
    """The text of a fitted LightGBM model; ``None`` for anything that text cannot hold.

    An unfitted model is an ``InvalidInputError``.
    """
    module, name = type(model).__module__, type(model).__qualname__
    if module == "lightgbm.basic" and name == "Booster":
        return _text(model)
    if module != "lightgbm.sklearn" or name not in _WRAPPERS:
        return None
    if not getattr(model, "fitted_", False):
        raise InvalidInputError(f"this {name} is not fitted; call fit() before you register it")
    classes = getattr(model, "classes_", None)
    if classes is not None and list(classes) != list(range(len(classes))):
        return None
    return _text(model.booster_)  # type: ignore[attr-defined]  # known by name, not by import


def load(data: bytes) -> lightgbm.Booster:
    """Parse the text; whatever the parser refuses is an ``ArtifactUnloadableError``.

    Give it verified bytes only: a crash of the parser cannot be caught here.
    """
    import lightgbm.basic

    if b"\0" in data:  # the parser would silently stop there
        raise ArtifactUnloadableError("the LightGBM text holds a NUL byte; export the model again")
    try:
        return lightgbm.basic.Booster(model_str=data.decode("utf-8"))
    except Exception as error:
        raise ArtifactUnloadableError(
            f"LightGBM cannot read this text ({str(error)[:200]}); export the model again"
        ) from error


def _text(booster: Any) -> bytes:
    return str(booster.model_to_string()).encode("utf-8")
