"""What people may attach to a version, write or be called: the limits.

Pure. Neighbours: ``credentials`` is asked of every text, ``governance.policy.people`` says what of
a text can be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from governance.canonical import canonical_json
from governance.errors import InvalidInputError, ReasonRequiredError
from governance.policy.facts import finite
from governance.policy.people import visible
from governance.registry.credentials import check_no_secret, check_no_secret_inside

MAX_KEYS = 64
MAX_VALUE_BYTES = 4096
MAX_CONFIG_BYTES = 1 << 20
MAX_TAGS = 32
MAX_PERSON = 255
MAX_REASON = 2000

_PROVENANCE = frozenset(
    {
        "seed",
        "split_windows",
        "trained_end",
        "git",
        "packages",
        "drift_baseline",
        "bundle",
        "feature_version",
    }
)
_BUNDLE = frozenset({"targets", "horizons", "members", "thresholds", "mfe_bps", "mae_bps"})
_MEMBER = re.compile(r"[A-Za-z0-9_-]{1,64}:[0-9]{1,7}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=-]{0,63}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def check_text(value: object, *, what: str, limit: int, required: bool = False) -> str:
    """Free text by people: bounded, without control characters or credentials.

    Args:
        required: something of it must be visible, beyond blanks.
    """
    if not isinstance(value, str) or (required and not visible(value)):
        raise InvalidInputError(f"{what} must be {'non-empty ' if required else ''}text")
    if len(value) > limit or _CONTROL.search(value):
        raise InvalidInputError(
            f"{what} must have at most {limit} characters and no control characters"
        )
    _encoded(value, what=what)
    return check_no_secret(value, where=what)


def check_reason(value: object, *, what: str = "reason", shortest: int = 1) -> str:
    """Why somebody did it, as records keep it for ever: up to 2,000 characters.

    Args:
        shortest: how many characters a reader must see at least; a run of blanks counts as one.

    Raises:
        ReasonRequiredError: fewer can be seen.

    >>> check_reason("the old one is down", shortest=10)
    'the old one is down'
    >>> check_reason("now\u200b\u200b\u200b\u200b\u200b\u200b\u200b", shortest=10)
    Traceback (most recent call last):
        ...
    governance.errors.ReasonRequiredError: a reason of at least 10 visible characters is needed; ...
    """
    text = check_text("" if value is None else value, what=what, limit=MAX_REASON)
    if len(visible(text)) < shortest:
        least = f" of at least {shortest} visible characters" if shortest > 1 else ""
        raise ReasonRequiredError(f"a {what}{least} is needed; say why, since it stays on record")
    return text


def check_person(value: object, *, what: str) -> str:
    """Who did it, as the audit log takes it: one line of at most 255 printable characters, some of
    which can be seen, and none of which steers the text around it.

    >>> check_person("ann@example.org", what="by")
    'ann@example.org'
    >>> check_person("ann\u202egro.elpmaxe@", what="by")
    Traceback (most recent call last):
        ...
    governance.errors.InvalidInputError: by must be one line of printable characters
    """
    name = check_text(value, what=what, limit=MAX_PERSON, required=True)
    if not name.isprintable():
        raise InvalidInputError(f"{what} must be one line of printable characters")
    return name


def _encoded(text: str, *, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(f"{what} contains half a character (a lone surrogate)") from None


def _object(value: object, *, what: str) -> dict[str, Any]:
    """A mapping as a dict; nothing as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{what} must be a mapping of names to values, not {value!r:.60}")
    return dict(value)


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """At most 64 keys of at most 4 KiB each, JSON, finite, without credentials."""
    given = _object(metadata, what="metadata")
    if len(given) > MAX_KEYS:
        raise InvalidInputError(f"metadata has {len(given)} keys; at most {MAX_KEYS} are kept")
    for key, value in given.items():
        check_text(key, what="a metadata key", limit=128, required=True)
        text = canonical_json(value)
        if len(_encoded(text, what=f"metadata {key!r}")) > MAX_VALUE_BYTES:
            raise InvalidInputError(
                f"metadata {key!r} is larger than {MAX_VALUE_BYTES} bytes; keep a path or digest"
            )
        check_no_secret_inside(value, where=f"metadata {key!r}")
    return given


def check_config(config: Mapping[str, Any] | None) -> dict[str, Any]:
    """A training configuration: any JSON of at most 1 MiB without credentials."""
    given = _object(config, what="config")
    text = canonical_json(given)
    if len(_encoded(text, what="the training config")) > MAX_CONFIG_BYTES:
        raise InvalidInputError("the training config is larger than 1 MiB")
    check_no_secret_inside(given, where="the training config")
    return given


def check_metrics(metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    """Finite numbers or `None`, flat (`{"auc": .7}`) or per split (`{"test": {"auc": .7}}`).

    >>> check_metrics({"test": {"auc": 0.7}})
    {'test': {'auc': 0.7}}
    """
    checked: dict[str, Any] = {}
    for key, value in _object(metrics, what="metrics").items():
        check_text(key, what="a metric name", limit=128, required=True)
        if not isinstance(value, Mapping):
            checked[key] = _figure(key, value)
        elif any(isinstance(item, Mapping) for item in value.values()):
            raise InvalidInputError(
                f"metrics {key!r} are nested too deeply; give name to value, or split to name to "
                "value"
            )
        else:
            checked[key] = check_metrics(value)
    return checked


def _figure(name: str, value: object) -> int | float | None:
    scalar = getattr(value, "item", None)  # a numpy scalar
    if callable(scalar) and getattr(value, "ndim", None) == 0:
        value = scalar()
    if value is None or (type(value) in (int, float) and finite(value) is not None):
        return value  # type: ignore[return-value]  # one of the three, by the line above
    raise InvalidInputError(
        f"metric {name!r} is no finite number; give None for a figure that does not exist"
    )


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Sorted, without doubles, 1-64 of letters, digits and ``. _ : / = -``."""
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise InvalidInputError(f"tags is a list of texts, not {tags!r:.60}")
    given = list(tags)
    for tag in given:
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            raise InvalidInputError(
                f"tag {str(tag)[:64]!r} is not allowed; 1-64 letters, digits and . _ : / = -"
            )
        check_no_secret(tag, where="a tag")
    found = sorted(set(given))
    if len(found) > MAX_TAGS:
        raise InvalidInputError(f"{len(found)} tags; at most {MAX_TAGS} are kept")
    return tuple(found)


def check_provenance(provenance: object) -> dict[str, Any]:
    """What only the trainer knows: the keys that ``build_manifest`` takes, without credentials."""
    given = _object(provenance, what="provenance")
    if unknown := sorted(set(map(str, given)) - _PROVENANCE):
        raise InvalidInputError(
            f"provenance has unknown keys: {', '.join(unknown)}; "
            f"use {', '.join(sorted(_PROVENANCE))}"
        )
    git = given.get("git", (None, None))
    if not isinstance(git, tuple | list) or len(git) != 2:
        raise InvalidInputError('provenance "git" is a commit and whether files differ from it')
    if "bundle" in given:
        _check_bundle(given["bundle"])
    if "feature_version" in given:
        check_text(given["feature_version"], what="feature_version", limit=128, required=True)
    check_no_secret_inside(given, where="the provenance")
    return given


def _check_bundle(bundle: object) -> None:
    """Its form; whether it is complete and its thresholds make sense is asked by a gate."""
    found = _object(bundle, what='provenance "bundle"')
    if set(found) != _BUNDLE:
        raise InvalidInputError(
            f'provenance "bundle" has the keys {", ".join(map(str, found)) or "none"}; '
            f"it needs {', '.join(sorted(_BUNDLE))}"
        )
    for key in ("members", "thresholds", "mfe_bps", "mae_bps"):
        for member, value in _object(found[key], what=f'"{key}" of the bundle').items():
            if not isinstance(member, str) or not _MEMBER.fullmatch(member):
                raise InvalidInputError(
                    f"{key} of the bundle names {member!r:.60}; write target:horizon, "
                    "for example reject:5"
                )
            if key == "members" and not isinstance(value, str):
                raise InvalidInputError(f"the file of {member} is a name, not {value!r:.60}")
            if key != "members":
                _figure(f"{key} of {member}", value)


def check_size(provenance: Mapping[str, Any], spec: Mapping[str, Any] | None) -> None:
    """Provenance and feature specification: at most 1 MiB of JSON together, and whole characters.

    Config and metrics have limits of their own, and a dataset may have many files.
    """
    text = canonical_json({"provenance": provenance, "features": spec})
    if len(_encoded(text, what="the provenance or a feature")) > MAX_CONFIG_BYTES:
        raise InvalidInputError(
            "provenance and features together are larger than 1 MiB; keep a path or digest"
        )


def check_paths(paths: object, *, what: str = "dataset_paths") -> tuple[Any, ...]:
    """Dataset paths as a tuple; one path counts as a list of one."""
    given = (paths,) if _is_path(paths) else paths
    if not isinstance(given, Iterable):
        raise InvalidInputError(f"{what} is a list of paths, not {paths!r:.60}")
    found = tuple(given)
    if wrong := [path for path in found if not _is_path(path)]:
        raise InvalidInputError(f"{what} holds {wrong[0]!r:.60}, which is no path")
    return found


def _is_path(value: object) -> bool:
    return isinstance(value, str) or hasattr(value, "__fspath__")
