"""The page itself: both forms, labels that hold any text, nothing beside the catalog."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as plain

from governance.monitoring.catalog import CATALOG
from governance.monitoring.sheet import Buckets, Sheet

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def openmetrics(text: str) -> list[Family]:
    return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


@given(st.text(max_size=40).filter(lambda text: "\r" not in text))
def test_a_label_holds_any_text(text: str) -> None:
    sheet = Sheet("management")
    sheet.put("governance_outbox_messages", 2, text, "pending")
    for accept, parser in ((PROMETHEUS, openmetrics), ("", plain)):
        page, _ = sheet.written(accept)
        ((sample,),) = (one.samples for one in parser(page.decode()))
        assert sample.labels == {"channel": text, "state": "pending"} and sample.value == 2


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (PROMETHEUS, "application/openmetrics-text"),
        ("application/openmetrics-text", "application/openmetrics-text"),
        ("", "text/plain"),
        ("*/*", "text/plain"),
        ("application/openmetrics-text; version=9.9.9, text/plain", "text/plain"),
        ("application/openmetrics-text; version=x\x00; q=nonsense", "text/plain"),
        ("application/openmetrics-text;q=0.000", "text/plain"),
        (";;;,=,,;q", "text/plain"),
    ],
)
def test_the_form_is_the_one_that_the_scraper_takes(accept: str, form: str) -> None:
    page, media_type = Sheet("serving").written(accept)
    assert media_type.partition(";")[0] == form
    assert page.endswith(b"# EOF\n") == (form != "text/plain")


def test_a_histogram_adds_up() -> None:
    sheet = Sheet("serving")
    found = Buckets((0.1, 1.0), (3, 0, 2), 7.5)
    sheet.put_histogram("governance_serving_request_duration_seconds", found, "momentum")
    (family,) = openmetrics(sheet.written(PROMETHEUS)[0].decode())
    assert [
        (one.name.removeprefix(family.name), one.labels.get("le"), one.value)
        for one in family.samples
    ] == [
        ("_bucket", "0.1", 3),
        ("_bucket", "1.0", 3),
        ("_bucket", "+Inf", 5),
        ("_count", None, 5),
        ("_sum", None, 7.5),
    ]
    assert family.unit == "seconds"


def test_only_what_stands_in_the_catalog() -> None:
    sheet = Sheet("management")
    for name, labels in (("governance_models", ("x",)), ("governance_serving_models", ("x",))):
        with pytest.raises(ValueError, match=name):
            sheet.put(name, 1, *labels)


def test_names_are_as_prometheus_wants_them() -> None:
    for one in CATALOG.values():
        assert one.name.startswith(
            "governance_serving_" if one.page == "serving" else "governance_"
        )
        assert one.name.endswith("_total") == (one.kind == "counter")
        assert one.name.endswith("_info") == (one.kind == "info")
        ends = one.name.removesuffix("_total")
        assert ends.endswith("_seconds") == (one.unit == "seconds")
        assert not ends.endswith(("_ms", "_milliseconds", "_percent", "_minutes"))
        assert one.says.endswith(".") and "\n" not in one.says
        assert not {"le", "job", "instance", "version_id", "id"} & set(one.labels)
