"""One feature: its name, what it is made from, and by which logic; checked as it is made.

Neighbour: ``features`` (the graph they form). Nothing is imported here: a definition can be read
and compared where its code is not installed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from governance.canonical import canonical_json, sha256_of
from governance.errors import FeatureGraphError, InvalidInputError

COLUMN = "column"  # the logic of a feature that is its one dependency, unchanged


@dataclass(frozen=True, slots=True)
class FeatureDefinition:
    """One feature.

    Attributes:
        name: the column it makes.
        version: free text that its owner changes when its meaning changes.
        dependencies: columns or features that the logic is given, in this order.
        logic: ``"module:function"``, called as ``function(frame, **params)`` and returning one
            value a row (a Series or an array); or ``"column"``, the one dependency unchanged.
        params: keyword arguments; plain JSON.
        output: is it given to the model, or only to other features?
    """

    name: str
    version: str
    dependencies: tuple[str, ...]
    logic: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    output: bool = True

    def __post_init__(self) -> None:
        for what, value in (("name", self.name), ("version", self.version), ("logic", self.logic)):
            if not isinstance(value, str) or not value.strip():
                raise FeatureGraphError(
                    f"feature {self.name!r}: {what} must be text, not {value!r}; write it in quotes"
                )
        given: object = self.dependencies  # from a file it may be anything
        if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
            raise FeatureGraphError(
                f"feature {self.name!r}: dependencies must be a list of column or feature names"
            )
        object.__setattr__(self, "dependencies", tuple(self.dependencies))
        if not self.dependencies or len(set(self.dependencies)) != len(self.dependencies):
            raise FeatureGraphError(
                f"feature {self.name!r} needs at least one dependency, each named once"
            )
        if self.logic == COLUMN and (len(self.dependencies) != 1 or self.params):
            raise FeatureGraphError(
                f"feature {self.name!r}: logic {COLUMN!r} takes one dependency and no params"
            )
        if not isinstance(self.output, bool):
            raise FeatureGraphError(f"feature {self.name!r}: output must be true or false")
        try:  # kept as JSON gives them back, so that training and serving call with the same
            params = json.loads(canonical_json(dict(self.params)))
        except (InvalidInputError, TypeError, ValueError) as error:
            raise FeatureGraphError(f"feature {self.name!r}: params: {error}") from error
        object.__setattr__(self, "params", params)

    @property
    def is_column(self) -> bool:
        return self.logic == COLUMN

    @property
    def passes_itself(self) -> bool:
        """Is it an input given to the model under its own name?"""
        return self.is_column and self.dependencies == (self.name,)

    def spec(self) -> dict[str, Any]:
        """The definition as plain JSON, without the digest of its code."""
        return {
            "name": self.name,
            "version": self.version,
            "dependencies": list(self.dependencies),
            "logic": self.logic,
            "params": dict(self.params),
            "output": self.output,
        }


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What two specs of one feature have differently, one line each."""
    name = old["name"]
    lines = [
        f"feature {name}: {key} {_shown(old[key])} → {_shown(new[key])}"
        for key in ("version", "dependencies", "logic", "output")
        if old[key] != new[key]
    ]
    before, after = old["params"], new["params"]
    lines += [
        f"feature {name}: params {key} {_shown(before.get(key))} → {_shown(after.get(key))}"
        for key in sorted({*before, *after})
        if sha256_of([before.get(key), key in before]) != sha256_of([after.get(key), key in after])
    ]
    if old["source"] != new["source"] and old["logic"] == new["logic"]:
        lines.append(f"feature {name}: the code of {old['logic']} changed")
    return lines


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)
