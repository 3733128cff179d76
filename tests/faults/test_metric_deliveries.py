"""F7: metrics that are delivered again and again, by many at once; the first value is the value.

A million deliveries of 50,000 metrics, `make test` takes a sample. Four senders deliver batches of
all sizes in an order of chance, each metric many times over. Once everything is recorded, one batch
in fifty also brings another value, and a metric that nobody else has: nothing of it may be kept.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import NamedTuple

from sqlalchemy import func, select

from governance import Governance
from governance.errors import MetricConflictError
from governance.store.schema import model_validation_metrics
from governance.values import ModelVersion
from tests.versions import registered

FULL = os.environ.get("GOVERNANCE_FAULTS") == "full"
VERSIONS, METRICS = (100, 500) if FULL else (4, 250)
TIMES, EARLY = 20, 5  # how often each metric is delivered, and how often of that before any lie
SENDERS, SIZES = 4, (1, 10, 100, 500)
SPLITS = ("train", "test", "out_of_sample")
SEED = 7

Metric = tuple[str, str]  # split, name
Values = dict[str, dict[str, float]]


class Batch(NamedTuple):
    version: ModelVersion
    values: Values
    lie: bool = False

    @property
    def size(self) -> int:
        return sum(map(len, self.values.values()))


def _truth(number: int) -> dict[Metric, float]:
    """What was measured of a version: eighths, whose sums are exact in any order."""
    return {
        (SPLITS[metric % len(SPLITS)], f"m{metric}"): (number * METRICS + metric) / 8
        for metric in range(METRICS)
    }


def _by_split(values: Mapping[Metric, float]) -> Values:
    splits: Values = {}
    for (split, name), value in values.items():
        splits.setdefault(split, {})[name] = value
    return splits


def _batches(
    version: ModelVersion, truth: dict[Metric, float], times: int, chance: Random
) -> Iterator[Batch]:
    """Each metric `times` over, cut where chance cuts."""
    for _ in range(times):
        left = chance.sample(list(truth), len(truth))
        while left:
            size = chance.choice(SIZES)
            part, left = left[:size], left[size:]
            yield Batch(version, _by_split({metric: truth[metric] for metric in part}))


def _lie(batch: Batch, chance: Random) -> Batch:
    """The same with one value changed a little, and a metric that nobody measured."""
    values = {split: dict(names) for split, names in batch.values.items()}
    split = chance.choice(list(values))
    values[split][chance.choice(list(values[split]))] += 0.125
    values[split]["nobody_measured_it"] = 1.0
    return Batch(batch.version, values, lie=True)


def _send(gov: Governance, batches: list[Batch]) -> Counter[str]:
    """All batches through senders that race; how many metrics were new, how many calls refused."""

    def deliver(batch: Batch) -> tuple[str, int]:
        try:
            return "new", gov.validation.log_metrics(batch.version, batch.values, by="ci")
        except MetricConflictError:
            assert batch.lie, "a true value was refused"
            return "refused", 1

    counts: Counter[str] = Counter()
    with ThreadPoolExecutor(SENDERS) as senders:
        for what, number in senders.map(deliver, batches):
            counts[what] += number
    return counts


def test_each_metric_is_recorded_once_with_its_first_value(gov: Governance) -> None:
    chance = Random(SEED)
    truths = [(registered(gov, number), _truth(number)) for number in range(VERSIONS)]
    unique = VERSIONS * METRICS
    early, late = (
        [batch for version, truth in truths for batch in _batches(version, truth, times, chance)]
        for times in (EARLY, TIMES - EARLY)
    )
    assert sum(batch.size for batch in early + late) == unique * TIMES
    lies = [_lie(batch, chance) for batch in chance.sample(late, len(late) // 50)]
    late += lies
    before = gov.audit.verify().entries
    for batches in (early, late):
        chance.shuffle(batches)

    assert _send(gov, early) == {"new": unique}
    assert _send(gov, late) == {"new": 0, "refused": len(lies)}

    column = model_validation_metrics.c.metric_value
    with gov.database.read() as connection:
        rows, total = connection.execute(select(func.count(), func.sum(column))).one()
    assert rows == unique
    assert total == sum(value for _, truth in truths for value in truth.values())
    for version, truth in truths:
        assert gov.validation.by_split(version) == _by_split(truth)
    assert _told(gov, after=before) == unique
    gov.audit.verify()


def _told(gov: Governance, *, after: int) -> int:
    """How many metrics the audit entries behind `after` name; calls without news have none."""
    told = 0
    while entries := gov.audit.entries(after=after, limit=1000):
        for entry in entries:
            assert entry.action == "metrics.recorded"
            told += sum(map(len, entry.details["metrics"].values()))
        after = entries[-1].seq
    return told
