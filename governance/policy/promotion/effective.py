"""Which limits count for one model: layers laid one over the other, each value with its origin.

From the ground up: what the product asks of the kind, the policy file's defaults, its kinds, its
models, the environment (document 004's ``MODEL_GOV_*``), the request. A layer says only what it
was given; a later one replaces a value whole, except ``modes``, which are laid over gate by gate. A
file in ``mode: observe`` lays observation over all gates that may be observed; only a request can
enforce one again.

Neighbours: ``limits`` has the values and what a kind asks by default, ``loosening`` compares two.
Pure: who reads the file and the environment is ``governance.decisions.policy_in_force``.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, get_args

from pydantic import ValidationError

from governance.errors import InvalidInputError
from governance.policy.facts import Mode
from governance.policy.promotion.limits import (
    DEFAULTS,
    GateName,
    PromotionLimits,
    spellings,
)
from governance.policy.promotion.loosening import loosened
from governance.values import Kind

__all__ = [
    "ENVIRONMENT",
    "FORCE",
    "Effective",
    "effective_limits",
    "environment_values",
    "loosened",
    "unknown_variables",
]

Layer = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Effective:
    """Equal to itself alone, so that what follows from it can be kept beside it.

    Attributes:
        limits: what counts.
        origins: layer that said it, for every key of the limits and for ``modes.<gate>`` where a
            mode was given; ``default`` where nobody did.
        mode: of the whole policy.
    """

    limits: PromotionLimits
    origins: Mapping[str, str]
    mode: Mode


def effective_limits(kind: Kind, layers: Sequence[Layer], *, mode: Mode = "enforce") -> Effective:
    """Lay ``layers`` over what is asked of the ``kind``, in order.

    Args:
        layers: name and values; the name ``request`` marks what is laid over a global observation.
        mode: of the whole policy file.

    Raises:
        InvalidInputError: a key or value that cannot be taken, named with its layer.

    >>> said = effective_limits(Kind.TRADING, [("model", {"max_drift_psi": 0.1}),
    ...                                        ("request", {"min_sharpe": 0.7})])
    >>> said.limits.min_live_sharpe, said.limits.max_drift_psi, said.limits.min_shadow_days
    (0.7, 0.1, 3)
    >>> [said.origins[key] for key in ("min_live_sharpe", "max_drift_psi", "min_shadow_days")]
    ['request', 'model', 'default']
    """
    values: dict[str, Any] = {}
    modes: dict[GateName, Mode] = {}
    origins = dict.fromkeys(PromotionLimits.model_fields, "default")
    observed = mode == "enforce"
    for name, given in (("default", DEFAULTS[kind]), *layers):
        if name == "request" and not observed:
            _observe_all(modes, origins)
            observed = True
        layer = _checked(name, given)
        for key in PromotionLimits.model_fields:  # in one order, whatever the layer's is
            if key not in layer.model_fields_set:
                continue
            origins[key] = name
            if key == "modes":
                modes.update(layer.modes)
                origins.update({f"modes.{gate}": name for gate in layer.modes})
            else:
                values[key] = getattr(layer, key)
    if not observed:
        _observe_all(modes, origins)
    limits = PromotionLimits.model_validate({**values, "modes": modes})
    return Effective(limits, MappingProxyType(origins), mode)


def _observe_all(modes: dict[GateName, Mode], origins: dict[str, str]) -> None:
    for gate in get_args(GateName):
        modes[gate] = "observe"
        origins[f"modes.{gate}"] = "mode: observe"
    origins["modes"] = "mode: observe"


def _checked(name: str, given: Mapping[str, Any]) -> PromotionLimits:
    """As strict as the file: no text becomes a number, nothing unknown, nothing twice."""
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"{name}: give a mapping of policy keys to values")
    try:
        text = json.dumps(dict(given), default=_plain)
        return PromotionLimits.model_validate_json(text, strict=True)
    except ValidationError as error:
        items = error.errors(include_input=False, include_url=False)
        problems = "; ".join(dict.fromkeys(_problems(dict(item) for item in items)))
        raise InvalidInputError(f"{name}: {problems}") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"{name}: policy values are plain JSON ({error})") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"not {type(value).__name__}")


def _problems(items: Iterator[dict[str, Any]]) -> Iterator[str]:
    for item in items:
        key = ".".join(str(part) for part in item["loc"] if part != "[key]")[:120]
        if item["type"] == "extra_forbidden" and (others := spellings(PromotionLimits, key)):
            yield f"{key!r} and {' and '.join(map(repr, others))} mean the same; keep one"
        elif item["type"] == "extra_forbidden":
            yield f"unknown key {key!r}; {_nearest(key)}"
        else:
            yield f"{key}: {str(item['msg']).removeprefix('Value error, ')}"


def _nearest(key: str) -> str:
    close = difflib.get_close_matches(key, PromotionLimits.model_fields, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return "`governance policy show MODEL --explain` lists the keys"


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _truth(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    return known[text.strip().lower()]


# Document 004's variables: the key each stands for and how its text is read.
ENVIRONMENT: Mapping[str, tuple[str, Any]] = MappingProxyType(
    {
        "MODEL_GOV_REQUIRED_TARGETS": ("required_targets", _words),
        "MODEL_GOV_REQUIRED_HORIZONS": (
            "required_horizons",
            lambda text: [int(word) for word in _words(text)],
        ),
        "MODEL_GOV_MIN_TRAINED_END_DELTA_MS": ("min_trained_end_delta_ms", int),
        "MODEL_GOV_MAX_MFE_REGRESSION_BPS": ("max_mfe_regression_bps", float),
        "MODEL_GOV_MAX_MAE_WORSENING_BPS": ("max_mae_worsening_bps", float),
        "MODEL_GOV_ALLOW_FEATURE_VERSION_CHANGE": ("allow_feature_version_change", _truth),
    }
)

PREFIX = "MODEL_GOV_"
FORCE = "MODEL_GOV_FORCE_PROMOTE"  # no layer of a policy: `manifest evaluate` alone honours it


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """What is wrong with the names that begin as document 004's do; a misspelt one asks nothing.

    >>> unknown_variables({"MODEL_GOV_MAX_MFE_REGRESION_BPS": "1", "MODEL_GOV_FORCE_PROMOTE": "1"})
    ['MODEL_GOV_MAX_MFE_REGRESION_BPS is no variable of document 004; did you mean ...?']
    """
    known = (*ENVIRONMENT, FORCE)
    found = []
    for name in sorted(environ):
        if name in known or not name.upper().startswith(PREFIX) or not environ[name].strip():
            continue
        close = difflib.get_close_matches(name.upper(), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
        found.append(f"{name[:120]} is no variable of document 004; {hint}")
    return found


def environment_values(environ: Mapping[str, str]) -> dict[str, Any]:
    """What document 004's variables ask; an empty variable is one that is not set.

    Raises:
        InvalidInputError: a text that is no such value, or a name that is no such variable; the
            message names it.

    >>> environment_values({"MODEL_GOV_REQUIRED_HORIZONS": "5,15,60"})
    {'required_horizons': [5, 15, 60]}
    """
    if unknown := unknown_variables(environ):
        raise InvalidInputError(f"{'; '.join(unknown)}; correct it or unset it")
    found: dict[str, Any] = {}
    for variable, (key, read) in ENVIRONMENT.items():
        text = environ.get(variable, "").strip()
        if not text:
            continue
        try:
            found[key] = read(text)
        except (ValueError, KeyError):
            raise InvalidInputError(
                f"{variable}={text[:60]!r} cannot be read; correct it or unset it"
            ) from None
        try:
            _checked(variable, {key: found[key]})
        except InvalidInputError as error:
            raise InvalidInputError(f"{error.message}; correct it or unset it") from None
    return found
