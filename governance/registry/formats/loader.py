"""The one loader: every model that this product writes or reads goes through here.

The rules, in order:

1. The caller gives bytes whose digest was checked (``OpenedArtifact``); nothing is read again.
2. The content decides the format; a name or suffix is not believed.
3. A format that runs code when read needs the setting ``allow_pickle`` AND a digest that was
   registered here; else ``UnsafeFormatError``, before any parsing.
4. Content of no known format is refused in the same way.

A further format touches ``FORMATS`` and ``dump_model`` here, ``formats.sniff`` (how it begins) and
``registry.probe_child`` (how it is exercised); CONTRIBUTING.md has the list.
Not promised: that a parser survives the bytes; the first parse belongs to ``registry.probe``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.errors import InvalidInputError, UnsafeFormatError
from governance.registry.artifact_members import check_member_name, member_part
from governance.registry.artifacts import OpenedArtifact
from governance.registry.formats import lightgbm_text, pickled, skops_file, sniff


@dataclass(frozen=True, slots=True)
class Format:
    """A format we can read: ``safe`` means that reading it runs no code from the file."""

    name: str
    safe: bool
    load: Callable[[bytes], Any]


FORMATS = {
    format_.name: format_
    for format_ in (
        Format(sniff.LIGHTGBM_TEXT, True, lightgbm_text.load),
        Format(sniff.SKOPS, True, skops_file.load),
        Format(sniff.PICKLE, False, pickled.load),
        Format(sniff.JOBLIB, False, pickled.load),
    )
}


def identify(members: Mapping[str, bytes]) -> str:
    """The format of the members by their first bytes; several are joined by ``+``.

    >>> identify({"model.pkl": b"tree\\nversion=v4\\n"})
    'lightgbm-text'
    """
    return "+".join(sorted({_format_of(name, head).name for name, head in members.items()}))


def require_allowed(format: str, *, allow_pickle: bool, digest_is_registered: bool) -> None:
    """Refuse a format (as ``identify`` gives it) that may not be read in this installation.

    >>> require_allowed("pickle", allow_pickle=False, digest_is_registered=True)
    Traceback (most recent call last):
        ...
    governance.errors.UnsafeFormatError: pickle can run any code when it is read; ...
    """
    unsafe = [name for name in format.split("+") if not (name in FORMATS and FORMATS[name].safe)]
    if unsafe and not allow_pickle:
        raise UnsafeFormatError(
            f"{' and '.join(unsafe)} can run any code when it is read; register a LightGBM model "
            "(kept as text) or a scikit-learn model (kept as skops), or set "
            "GOVERNANCE_ALLOW_PICKLE=true where you trust all who register"
        )
    if unsafe and not digest_is_registered:
        raise UnsafeFormatError(
            f"{' and '.join(unsafe)} is read only with a digest that was registered here; "
            "register the file first"
        )


def load_model(opened: OpenedArtifact, *, allow_pickle: bool, digest_is_registered: bool) -> Any:
    """The model of one member called ``model.<suffix>``, else a dict of models by member part."""
    return load_members(
        opened.members, allow_pickle=allow_pickle, digest_is_registered=digest_is_registered
    )


def load_members(
    members: Mapping[str, bytes], *, allow_pickle: bool, digest_is_registered: bool
) -> Any:
    """As ``load_model``, on verified bytes at hand (the probe's child has nothing else)."""
    require_allowed(
        identify(members), allow_pickle=allow_pickle, digest_is_registered=digest_is_registered
    )
    models = {
        member_part(name): _format_of(name, data).load(data) for name, data in members.items()
    }
    if len(models) != len(members):
        raise InvalidInputError(
            "two members stand for the same part; keep one file of each: "
            + ", ".join(sorted(members))
        )
    return models[""] if set(models) == {""} else models


def dump_model(model: object, *, allow_pickle: bool) -> tuple[dict[str, bytes], str]:
    """Members and format of a model, or of a mapping of models (one member for each key).

    LightGBM models become text, scikit-learn models of trusted types skops files. Anything else
    is pickled where ``allow_pickle`` says so, else ``UnsafeFormatError``. ``load(dump(model))`` has
    the same keys as ``model``.
    """
    if isinstance(model, Mapping):
        if not model:
            raise InvalidInputError("the mapping of models is empty; give at least one model")
        parts = {f".{key}": value for key, value in model.items()}
    else:
        parts = {"": model}
    members = {}
    for part, value in parts.items():
        format_name, data = _dumped(value, allow_pickle=allow_pickle)
        members[check_member_name(f"model{part}.{sniff.SUFFIXES[format_name]}")] = data
    return members, identify(members)


def _dumped(model: object, *, allow_pickle: bool) -> tuple[str, bytes]:
    """The first format that can hold ``model``, and its bytes."""
    if (text := lightgbm_text.dump(model)) is not None:
        return sniff.LIGHTGBM_TEXT, text
    try:
        archive = skops_file.dump(model)
    except UnsafeFormatError:
        if not allow_pickle:
            raise
        archive = None
    if archive is not None:
        return sniff.SKOPS, archive
    if not allow_pickle:
        raise UnsafeFormatError(_refusal(model))
    return sniff.PICKLE, pickled.dump(model)


def _format_of(name: str, head: bytes) -> Format:
    found = FORMATS.get(sniff.sniff(head[: sniff.HEAD_BYTES]))
    if found is None:
        raise UnsafeFormatError(
            f"{name} has no content that can be read here; register LightGBM's text "
            "(booster.save_model), a skops file, or a fitted LightGBM or scikit-learn model"
        )
    return found


def _refusal(model: object) -> str:
    name = type(model).__name__
    if name == "LGBMClassifier":
        return (
            "this LGBMClassifier has class labels that LightGBM's text cannot hold; train it on "
            "labels 0..n-1, or set GOVERNANCE_ALLOW_PICKLE=true to keep it as a pickle"
        )
    return (
        f"{name} could only be kept as a pickle, which can run any code when it is read; register "
        "a LightGBM or scikit-learn model, or set GOVERNANCE_ALLOW_PICKLE=true where you trust all "
        "who register"
    )
