"""Names, versions, times and references."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.errors import InvalidInputError, InvalidNameError, InvalidVersionError
from governance.values import (
    Ref,
    SemanticVersion,
    as_utc,
    check_model_name,
    iso,
    parse_time,
    version_id,
)

NUMBERS = st.integers(0, 10**9 - 1)
IDENTIFIERS = st.one_of(
    st.integers(0, 10**18 - 1).map(str),
    st.from_regex(r"[0-9A-Za-z-]*[A-Za-z-][0-9A-Za-z-]*", fullmatch=True).map(lambda s: s[:12]),
).filter(lambda text: not text.isdigit() or text == "0" or text[0] != "0")
VERSIONS = st.builds(
    lambda a, b, c, parts: f"{a}.{b}.{c}" + ("-" + ".".join(parts) if parts else ""),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.lists(IDENTIFIERS, max_size=3),
).filter(lambda text: len(text) <= 64)


def _precedence(version: SemanticVersion) -> tuple[object, ...]:
    """Clause 11 of semver.org, written down a second time."""
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in version.prerelease.split(".")
        if part
    )
    return version.major, version.minor, version.patch, not version.prerelease, parts


@given(VERSIONS, VERSIONS)
def test_text_order_is_version_order(one: str, other: str) -> None:
    a, b = SemanticVersion.parse(one), SemanticVersion.parse(other)
    assert (a.sort_key < b.sort_key) == (_precedence(a) < _precedence(b))
    assert (a.sort_key == b.sort_key) == (one == other)


@given(VERSIONS)
def test_a_version_survives_text_and_its_successor_is_higher(text: str) -> None:
    version = SemanticVersion.parse(text)
    assert str(version) == text
    if version.patch < 999_999_999 or version.prerelease:
        assert version < version.next_patch()
    else:
        with pytest.raises(InvalidVersionError, match="yourself"):
            version.next_patch()


@pytest.mark.parametrize(
    "text",
    ["1.0", "v1.0.0", "1.0.0 ", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0\n", "\u0661.0.0", None, 1],
)
def test_what_is_no_semantic_version_is_refused(text: object) -> None:
    with pytest.raises(InvalidVersionError):
        SemanticVersion.parse(text)


@pytest.mark.parametrize(
    "name", ["", "A", "-a", "a-", "a b", "../a", "a/b", "a\n", "a" * 65, "ä", "a.b", None, 7]
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: object) -> None:
    with pytest.raises(InvalidNameError):
        check_model_name(name)


MOMENTS = st.datetimes(
    datetime(2, 1, 1),
    datetime(9998, 12, 31),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))]),
)


@given(MOMENTS, MOMENTS)
def test_text_order_is_time_order_and_nothing_is_lost(one: datetime, other: datetime) -> None:
    assert parse_time(iso(one)) == one
    assert (iso(one) < iso(other)) == (one < other)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="zone"):
        as_utc(datetime(2013, 2, 1))
    with pytest.raises(InvalidInputError, match="zone"):
        parse_time("2013-02-01T00:00")


def test_an_id_depends_on_each_of_its_three_parts() -> None:
    ids = {version_id(*parts) for parts in [("a", "1", "x"), ("b", "1", "x"), ("a", "2", "x")]}
    assert len({*ids, version_id("a", "1", "y"), version_id("a1", "", "x")}) == 5


@pytest.mark.parametrize(
    "ref", ["", "momentum", "momentum@", "momentum@live", "m:1", "m:", 5, None]
)
def test_what_refers_to_no_version_is_refused(ref: object) -> None:
    with pytest.raises(InvalidInputError):
        Ref.parse(ref)  # type: ignore[arg-type]  # the point of the test
