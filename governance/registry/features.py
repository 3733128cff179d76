"""Feature definitions as a graph: which features a model is given, from what, by which code.

Neighbours: ``feature_definition`` (one feature), ``feature_source`` (import and digest of a logic),
``provenance`` (the graph's hash in a manifest). The order in which definitions stand does not
matter: the graph sorts itself, and ``outputs`` is the one order in which a model gets its columns.

Not promised: that a logic looks only at the past, or keeps rows apart. That is the logic's own
matter; the graph hands it exactly the columns it declared, and checks that the rows come back.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from governance.canonical import sha256_of
from governance.errors import FeatureGraphError, FeatureGraphMismatchError
from governance.registry.feature_definition import FeatureDefinition, changes
from governance.registry.feature_source import load_logic, logic_digest


class FeatureGraph:
    """A checked, acyclic set of definitions over the columns in ``inputs``.

    Without definitions the inputs themselves are the features, in the order given (which then
    counts). With definitions neither the order of inputs nor that of definitions counts.

    >>> graph = FeatureGraph(
    ...     [FeatureDefinition("last_close", "1", ("close",), "column")], inputs=["close", "volume"]
    ... )
    >>> graph.outputs, graph.compute(pd.DataFrame({"close": [1.0], "volume": [7]})).columns.tolist()
    (('last_close',), ['last_close'])

    Raises:
        FeatureGraphError: a duplicate name, an unknown dependency, a cycle (its path is named).
    """

    def __init__(
        self,
        definitions: Iterable[FeatureDefinition],
        inputs: Iterable[str],
        *,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        given = list(definitions)
        self.definitions = {one.name: one for one in given}
        names = [inputs] if isinstance(inputs, str) else list(inputs)
        self.inputs = tuple(sorted(names) if given else names)
        self._recorded = dict(sources or {})
        self._verified: set[str] = set()
        self._check_names(given)
        self.order = self._topological_order()
        self.outputs = tuple(n for n in self.order if self.definitions[n].output) or self.inputs
        if given and not any(one.output for one in given):
            raise FeatureGraphError("no feature is an output; a model needs at least one")

    @classmethod
    def of(cls, given: object) -> Self | None:
        """A graph from whatever a caller has: a graph, a spec, column names, or nothing.

        >>> FeatureGraph.of(["close", "volume"]).outputs
        ('close', 'volume')
        """
        if given is None or isinstance(given, cls):
            return given
        if isinstance(given, Mapping):
            return cls.from_spec(given)
        if isinstance(given, Iterable) and not isinstance(given, str | bytes):
            names = list(given)
            if names and all(isinstance(name, str) for name in names):
                return cls((), names)
        raise FeatureGraphError(
            f"features given as {given!r:.80}; give a FeatureGraph, its spec, or column names"
        )

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Self:
        """The graph of a spec; imports no logic. ``from_spec(g.spec()).hash == g.hash``."""
        if unknown := sorted(set(map(str, spec)) - {"inputs", "definitions"}):
            raise FeatureGraphError(
                f"feature spec: unknown keys {unknown}; use inputs, definitions"
            )
        definitions, sources = [], {}
        for record in spec.get("definitions") or ():
            if not isinstance(record, Mapping):
                raise FeatureGraphError(f"feature spec: {record!r:.120} is no feature definition")
            fields = dict(record)
            source = fields.pop("source", None)
            try:
                definitions.append(FeatureDefinition(**fields))
            except TypeError as error:
                raise FeatureGraphError(f"feature spec: {record!r:.120} ({error})") from error
            if source:
                sources[definitions[-1].name] = str(source)
        return cls(definitions, spec.get("inputs") or (), sources=sources)

    def spec(self) -> dict[str, Any]:
        """The graph as plain JSON, with a digest of each logic's code as ``source``.

        Raises:
            FeatureGraphError: a logic cannot be imported, or its code cannot be read.
        """
        return {
            "inputs": list(self.inputs),
            "definitions": [
                {**self.definitions[name].spec(), "source": self._source(name)}
                for name in sorted(self.definitions)
            ],
        }

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the spec: names, versions, dependencies, logic, params and code."""
        return sha256_of(["feature-graph-1", self.spec()])

    def compute(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The features of each row of ``frame`` (which is left as it is), columns = ``outputs``.

        Raises:
            FeatureGraphError: an input column is missing, or a logic fails or returns other rows.
            FeatureGraphMismatchError: the code of a logic is not the code this graph recorded.
        """
        if absent := [name for name in self.inputs if name not in frame.columns]:
            raise FeatureGraphError(
                f"columns {absent} are missing from the data, which has {list(frame.columns)}; "
                "the feature graph needs them"
            )
        if twice := [name for name in self.inputs if list(frame.columns).count(name) > 1]:
            raise FeatureGraphError(f"columns {twice} are twice in the data; name each column once")
        values: dict[str, Any] = {name: frame[name] for name in self.inputs}
        for name in self.order:
            values[name] = self._evaluate(self.definitions[name], values, frame.index)
        return pd.DataFrame({name: values[name] for name in self.outputs}, index=frame.index)

    def diff(self, other: FeatureGraph) -> tuple[str, ...]:
        """What ``other`` has differently, one line each; empty when the hashes are equal."""
        old = {record["name"]: record for record in self.spec()["definitions"]}
        new = {record["name"]: record for record in other.spec()["definitions"]}
        lines = [f"input {name} is missing" for name in self.inputs if name not in other.inputs]
        lines += [f"input {name} is new" for name in other.inputs if name not in self.inputs]
        if not lines and self.inputs != other.inputs:
            lines.append(f"inputs in another order: {list(self.inputs)} → {list(other.inputs)}")
        lines += [f"feature {name} is missing" for name in old if name not in new]
        lines += [f"feature {name} is new" for name in new if name not in old]
        for name, record in old.items():
            if name in new:
                lines += changes(record, new[name])
        return tuple(lines)

    def require_same(self, other: FeatureGraph) -> None:
        """Refuse ``other`` unless it is this graph.

        Raises:
            FeatureGraphMismatchError: with every change named.
        """
        if self.hash != other.hash:
            raise FeatureGraphMismatchError(
                "feature graph mismatch: " + "; ".join(self.diff(other)) + ". "
                "Compute the features as registered, or register a version with the new ones"
            )

    def _source(self, name: str) -> str | None:
        one = self.definitions[name]
        if one.is_column:
            return None
        if name not in self._recorded:
            self._recorded[name] = logic_digest(one.logic)
            self._verified.add(name)
        return self._recorded[name]

    def _evaluate(
        self, one: FeatureDefinition, values: Mapping[str, Any], index: pd.Index
    ) -> pd.Series:
        if one.is_column:
            return values[one.dependencies[0]]  # type: ignore[no-any-return]  # held as Any above
        function = load_logic(one.logic)
        if one.name not in self._verified:
            if self._source(one.name) != logic_digest(one.logic):
                raise FeatureGraphMismatchError(
                    f"feature {one.name}: the code of {one.logic} is not the code that was "
                    "recorded; run the recorded code, or register a version with the new one"
                )
            self._verified.add(one.name)
        given = pd.DataFrame({name: values[name] for name in one.dependencies}, index=index)
        try:
            made = function(given, **one.params)
        except Exception as error:
            raise FeatureGraphError(
                f"feature {one.name}: {one.logic} failed: {type(error).__name__}: {error}"
            ) from error
        if isinstance(made, np.ndarray) and made.shape == (len(index),):
            made = pd.Series(made, index=index)
        if not isinstance(made, pd.Series) or not made.index.equals(index):
            raise FeatureGraphError(
                f"feature {one.name}: {one.logic} must return one value for each row it was given, "
                "as a Series with the same index or an array"
            )
        return made.rename(one.name)

    def _check_names(self, given: list[FeatureDefinition]) -> None:
        names = [one.name for one in given]
        names += [
            name
            for name in self.inputs
            if not (name in self.definitions and self.definitions[name].passes_itself)
        ]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise FeatureGraphError(
                f"names given twice: {twice}; each feature and input needs its own"
            )
        if not names:
            raise FeatureGraphError("a feature graph needs at least one input")
        known = set(names) | set(self.inputs)
        for one in given:
            if unknown := [name for name in one.dependencies if name not in known]:
                raise FeatureGraphError(
                    f"feature {one.name} depends on {unknown}, which is neither an input nor a "
                    f"feature; declare it, or use one of {sorted(known)[:20]}"
                )

    def _topological_order(self) -> tuple[str, ...]:
        waits = {
            one.name: {n for n in one.dependencies if n in self.definitions and n != one.name}
            | ({one.name} if one.name in one.dependencies and not one.passes_itself else set())
            for one in self.definitions.values()
        }
        waited_by: dict[str, list[str]] = {}
        for name, needed in waits.items():
            for dependency in needed:
                waited_by.setdefault(dependency, []).append(name)
        ready = [name for name, needed in waits.items() if not needed]
        heapq.heapify(ready)
        order: list[str] = []
        while ready:
            order.append(heapq.heappop(ready))
            for name in waited_by.get(order[-1], ()):
                waits[name].discard(order[-1])
                if not waits[name]:
                    heapq.heappush(ready, name)
        if len(order) < len(waits):
            raise FeatureGraphError(
                f"features depend on each other: {_cycle(waits)}; cut one of them"
            )
        return tuple(order)


def _cycle(waits: Mapping[str, set[str]]) -> str:
    """One cycle among names that wait for each other, as ``a → b → a``, from its first name."""
    stuck = {name for name, needed in waits.items() if needed}
    path = [min(stuck)]
    while path[-1] not in path[:-1]:
        path.append(min(waits[path[-1]] & stuck))
    ring = path[path.index(path[-1]) : -1]
    first = ring.index(min(ring))
    ring = ring[first:] + ring[:first]
    return " → ".join([*ring, ring[0]])
