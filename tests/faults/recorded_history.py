"""F6: does what several processes were told fit one serial order? A checker of histories.

A model's head is a compare-and-set register whose value is the generation. A call has a begin and
an end, by a clock that all processes of the machine share; somewhere between them it happened. The
generations give the order of the switches, so that the question has an exact answer in one pass:
switch ``g`` lies after its own begin and after the begin of every call that saw ``g - 1``, and
before its own end and before the end of every call that saw ``g``. There are such moments, in
order, exactly if no switch must be later than a bound of itself or of a later one.

A call of which nobody knows whether it was carried out must be settled first: made again with its
key, it is one call from its first begin to its last end. Not looked at: stages, files, the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from governance import Governance
from governance.history.activations import list_activations


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A promotion, a rollback or a look at a model, and what it was told.

    Attributes:
        begin, end: nanoseconds of the monotonic clock.
        generation: that it made or saw; ``None``: it was refused for another reason.
        decision: that it made; ``None``: it made none.
        version: the id that it put into production or saw there, where it was told.
        expected: the generation that it was to change; ``None``: whichever is there.
    """

    begin: int
    end: int
    generation: int | None
    decision: str | None = None
    version: str | None = None
    expected: int | None = None


class Stored(NamedTuple):
    """An activation as the database has it."""

    generation: int
    version: str | None
    decision: str | None


def stored_switches(gov: Governance, name: str) -> list[Stored]:
    """All activations of a model, oldest first."""
    with gov.database.read() as connection:
        found = list_activations(connection, name)
    return [Stored(one.generation, one.version_id, one.decision_id) for one in found]


def violations(
    calls: Sequence[Call], activations: Sequence[Stored], *, before: int = 0
) -> list[str]:
    """What no serial order explains; empty for a history that one does.

    Args:
        activations: of the model, as ``stored_switches`` gives them afterwards.
        before: the generation at which the recording began.
    """
    stored = {row.generation: row for row in activations}
    found = []
    if [row.generation for row in activations] != [*range(1, len(activations) + 1)]:
        found.append("the generations are not 1, 2, 3, ...")
    made: dict[int, Call] = {}
    for call in calls:
        found += _differs(call, stored)
        if call.decision is not None and call.generation is not None:
            if call.generation in made and made[call.generation].decision != call.decision:
                found.append(f"generation {call.generation} was given to two callers")
            made.setdefault(call.generation, call)
    asked = {call.decision for call in made.values()}
    for generation, row in stored.items():
        if generation > before and row.decision not in asked:
            found.append(f"generation {generation} was made by no call that was acknowledged")
    return [*found, *_unordered(calls)]


def _differs(call: Call, stored: Mapping[int, Stored]) -> Iterable[str]:
    """What the call was told, against what is stored."""
    if call.generation is None:
        return
    row = stored.get(call.generation)
    if call.decision is None:
        if call.generation and row is None:
            yield f"generation {call.generation} was seen and is not there"
        elif row and call.version not in (None, row.version):
            yield f"{call.version} was seen at generation {call.generation}, and was not live then"
        if call.expected == call.generation:
            yield f"refused as stale at generation {call.generation}, which was expected"
        return
    if row is None or row.decision != call.decision:
        yield f"decision {call.decision} was acknowledged and is lost"
    elif call.version not in (None, row.version):
        yield f"decision {call.decision} put another version into production than it said"
    if call.expected not in (None, call.generation - 1):
        yield f"generation {call.generation} was made from another than {call.expected}"


def _unordered(calls: Sequence[Call]) -> Iterable[str]:
    """Switches for which there is no moment."""
    earliest: defaultdict[int, int] = defaultdict(lambda: 0)
    latest: dict[int, int] = {}
    for call in calls:
        generation = call.generation
        if generation is None:
            continue
        changed_from_here = generation if call.decision is not None else generation + 1
        earliest[changed_from_here] = max(earliest[changed_from_here], call.begin)
        latest[generation] = min(latest.get(generation, call.end), call.end)
    moment = 0
    for generation in sorted({*earliest, *latest}):
        moment = max(moment, earliest.get(generation, 0))
        if generation in latest and latest[generation] < moment:
            yield f"generation {generation} was seen after its time, or before it"
