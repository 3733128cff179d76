"""Which columns a version is given, in which order; and whether a request means the same features.

A row comes either as the features themselves or as the columns that the version's feature graph is
computed from (``inputs``); the columns' names decide. Neighbours: ``rows`` and ``columns`` (read
bodies by a plan that is made here), ``loading`` (makes one for each version). Nothing here imports
a logic that a request names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from governance.errors import FeatureGraphMismatchError, InvalidInputError
from governance.registry.feature_definition import COLUMN
from governance.registry.features import FeatureGraph

_MOST_PLANS = 256
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """How the columns of one body are read.

    Attributes:
        names: the columns to take, in order: the model's features, or the graph's inputs.
        computed: are the features computed from them here?
        timed: does the body have the time column?
    """

    names: tuple[str, ...]
    computed: bool
    timed: bool


@dataclass(slots=True)
class FeatureOrder:
    """
    Args:
        ref: the version, for messages.
        features: the columns of the model's matrix.
        graph: as registered; ``None`` for a version without features.
        time_column: event time; a body may have it beside its features.
    """

    ref: str
    features: tuple[str, ...]
    graph: FeatureGraph | None = None
    time_column: str = "time"
    _plans: dict[tuple[str, ...], Plan] = field(default_factory=dict, repr=False)

    @property
    def inputs(self) -> tuple[str, ...]:
        """What features are computed from; empty where the inputs are the features."""
        return self.graph.inputs if self.graph is not None and self.graph.definitions else ()

    def plan(self, names: tuple[str, ...]) -> Plan:
        """How a body with these columns is read.

        Raises:
            InvalidInputError: names what is missing and what is unknown.

        >>> FeatureOrder("momentum:1.0.0", ("close", "volume")).plan(("volume", "close")).names
        ('close', 'volume')
        """
        found = self._plans.get(names)
        if found is None:
            found = self._planned(names)
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[names] = found
        return found

    def require_same(self, given: object) -> None:
        """Refuse a request whose features are not those that the version was trained with.

        Args:
            given: the hash of a feature graph, its spec, or column names.

        Raises:
            FeatureGraphMismatchError: with the difference.
            InvalidInputError: it is none of the three.
        """
        if self.graph is None:
            raise FeatureGraphMismatchError(
                f"feature graph mismatch: {self.ref} was registered without features; leave "
                "feature_graph out, or register a version with features="
            )
        if isinstance(given, str):
            if given != self.graph.hash:
                raise FeatureGraphMismatchError(
                    f"feature graph mismatch: the request's features have the hash {given[:64]!r}, "
                    f"{self.ref} was trained with {self.graph.hash}; compute the features as "
                    "registered (GET .../status shows them)"
                )
            return
        other = FeatureGraph.of(self._with_sources(given))
        if other is None:
            raise InvalidInputError("feature_graph is null; leave it out, or give the graph")
        self.graph.require_same(other)

    def _with_sources(self, given: object) -> object:
        """A client's spec needs no digest of code it shares; nothing of it is ever imported."""
        if not isinstance(given, Mapping) or not isinstance(given.get("definitions"), list):
            return given
        assert self.graph is not None
        known = {one["logic"]: one["source"] for one in self.graph.spec()["definitions"]}
        definitions: list[Any] = []
        for one in given["definitions"]:
            if isinstance(one, dict) and not one.get("source") and one.get("logic") != COLUMN:
                source = known.get(str(one.get("logic"))) or "not given"
                definitions.append({**one, "source": source})
            else:
                definitions.append(one)
        return {**given, "definitions": definitions}

    def _planned(self, names: tuple[str, ...]) -> Plan:
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidInputError(f"columns {_shown(twice)} are given twice; name each once")
        given = set(names)
        for wanted, computed in ((self.features, False), (self.inputs, True)):
            if wanted and given >= set(wanted) and given <= {*wanted, self.time_column}:
                timed = self.time_column in given and (computed or self.time_column not in wanted)
                return Plan(wanted, computed, timed)
        # Against whichever the body is nearer to.
        wanted = max((self.features, self.inputs), key=lambda one: len(given & set(one)))
        missing = [name for name in wanted if name not in given]
        unknown = [name for name in names if name not in {*wanted, self.time_column}]
        told = [f"missing: {_shown(missing)}"] if missing else []
        told += [f"unknown: {_shown(unknown)}"] if unknown else []
        also = f", or the graph's inputs {_shown(self.inputs)}" if self.inputs else ""
        raise InvalidInputError(
            f"the rows have other columns than {self.ref} ({'; '.join(told)}); give "
            f"{_shown(self.features)}{also}"
        )


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:80] for name in names[:_SHOWN]) + more
