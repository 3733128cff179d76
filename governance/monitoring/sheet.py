"""A page of figures: filled by name and labels, written in the form that the scraper asks for.

OpenMetrics 1.0 where the scraper takes it, as Prometheus does by default, else Prometheus' own text
format. Only figures of the catalog, with exactly their labels; a label's value may be any text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics
from prometheus_client.registry import Collector

from governance.monitoring.catalog import CATALOG
from governance.monitoring.metric import Metric, Page

_OPENMETRICS = "application/openmetrics-text"
_FAMILY = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
    "histogram": HistogramMetricFamily,
}


@dataclass(frozen=True, slots=True)
class Buckets:
    """Of a histogram: upper bounds, how many lie in each (one more: all above), their sum."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float


class Sheet(Collector):
    """
    >>> sheet = Sheet("management")
    >>> sheet.put("governance_versions", 3, "staging")
    >>> text, media_type = sheet.written("text/plain")
    >>> 'governance_versions{stage="staging"} 3.0' in text.decode()
    True
    >>> sheet.put("governance_versions", 3)
    Traceback (most recent call last):
        ...
    ValueError: governance_versions takes the labels ('stage',)
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._families = {
            one.name: _family(one) for one in CATALOG.values() if one.page == self._page
        }

    def put(self, name: str, value: float, *labels: str) -> None:
        """One sample of a gauge, a counter, or an info (whose value says nothing)."""
        family, values = self._found(name, labels)
        if isinstance(family, InfoMetricFamily):
            family.add_metric((), dict(zip(CATALOG[name].labels, values, strict=True)))
        else:
            assert isinstance(family, GaugeMetricFamily | CounterMetricFamily)
            family.add_metric(values, value)

    def put_histogram(self, name: str, found: Buckets, *labels: str) -> None:
        family, values = self._found(name, labels)
        assert isinstance(family, HistogramMetricFamily)
        running, buckets = 0, []
        for bound, number in zip([*map(str, found.bounds), "+Inf"], found.counts, strict=True):
            running += number
            buckets.append((bound, float(running)))
        family.add_metric(values, buckets, found.total)

    def collect(self) -> Iterator[Family]:
        """For the writer of ``prometheus_client``. A family without a sample is left out."""
        return (family for family in self._families.values() if family.samples)

    def written(self, accept: str) -> tuple[bytes, str]:
        """The page, and its media type.

        Args:
            accept: the header of the request; empty for none.
        """
        if takes_openmetrics(accept):
            text: bytes = as_openmetrics(self)  # type: ignore[no-untyped-call]
            return text, CONTENT_TYPE_OPENMETRICS
        return as_text(self), CONTENT_TYPE_PLAIN_0_0_4

    def _found(self, name: str, labels: Sequence[str]) -> tuple[Family, Sequence[str]]:
        family = self._families.get(name)
        if family is None:
            raise ValueError(f"{name} does not stand in the catalog of the {self._page} page")
        expected = CATALOG[name].labels
        if len(labels) != len(expected):
            raise ValueError(f"{name} takes the labels {expected}")
        return family, labels


def _family(one: Metric) -> Family:
    if one.kind == "info":
        return InfoMetricFamily(one.name.removesuffix("_info"), one.says)
    family: Family = _FAMILY[one.kind](one.name, one.says, labels=one.labels, unit=one.unit)
    return family


def takes_openmetrics(accept: str) -> bool:
    """Does the scraper name OpenMetrics, in a version that is written here, without refusing it?

    >>> takes_openmetrics("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3")
    True
    >>> takes_openmetrics("application/openmetrics-text;version=0.0.1, text/plain")
    False
    >>> takes_openmetrics("application/openmetrics-text;q=0"), takes_openmetrics("*/*")
    (False, False)
    """
    for choice in accept.split(","):
        kind, *rest = (part.strip().lower() for part in choice.split(";"))
        given = {
            key.strip(): value.strip() for key, _, value in (one.partition("=") for one in rest)
        }
        if (
            kind == _OPENMETRICS
            and given.get("version", "1.0.0") in ("1.0.0", '"1.0.0"')
            and not _is_zero(given.get("q", "1"))
        ):
            return True
    return False


def _is_zero(text: str) -> bool:
    return text.rstrip("0") in ("", "0.", ".")
