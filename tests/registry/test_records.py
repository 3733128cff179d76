"""Questions to the version table: references, pages, filters."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance import Governance
from governance.errors import InvalidInputError, InvalidVersionError, NotFoundError
from governance.values import SemanticVersion
from tests.versions import NAME, champion, registered


@pytest.mark.parametrize(
    "ref",
    [
        "",
        NAME,
        f"{NAME}@",
        f"{NAME}@live",
        f"{NAME}:",
        "../etc:1.0.0",
        "Momentum:1.0.0",
        "0123456789AB",
        "0123456789abc",
        f"{NAME}:1.0.0 ",
        f"{NAME}@production\n",
        None,
        7,
    ],
)
def test_what_is_no_reference_is_refused_before_any_question(
    sqlite_gov: Governance, ref: object
) -> None:
    with pytest.raises(InvalidInputError):
        sqlite_gov.registry.resolve(ref)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("ref", [f"{NAME}:9.9.9", "unknown:1.0.0", "0" * 12, f"{NAME}@staging"])
def test_a_reference_to_nothing_says_where_to_look(gov: Governance, ref: str) -> None:
    registered(gov)
    with pytest.raises(NotFoundError, match="governance registry list"):
        gov.registry.resolve(ref)


def test_every_form_of_reference_means_the_same_version(gov: Governance) -> None:
    live = champion(gov)
    for ref in (live, live.id, f"{NAME}:1.0.0", f"{NAME}@production"):
        assert gov.registry.resolve(ref) == live


def test_a_version_object_means_its_record_as_it_stands_now(gov: Governance) -> None:
    before = registered(gov)
    gov.registry.transition(before, "validated", "eve", "fine")
    assert gov.registry.resolve(before).stage.value == "validated"


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0+build", "1.0.0-", ""])
def test_what_is_no_semantic_version_is_refused(sqlite_gov: Governance, version: str) -> None:
    with pytest.raises(InvalidVersionError, match="major.minor.patch"):
        sqlite_gov.registry.get_model(NAME, version)
    with pytest.raises(InvalidVersionError):
        registered(sqlite_gov, version=version)


NUMBERS = ["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.2", "2.0.0-rc.10", "2.0.0"]


def _filled(gov: Governance) -> list[str]:
    for place, (name, number) in enumerate([(n, v) for n in ("b", "a-b", "a_b") for v in NUMBERS]):
        registered(gov, place, name=name, version=number, tags=[f"t{place % 2}"])
    # By name in byte order, which PostgreSQL's own collations do not keep.
    return [f"{name}:{number}" for name in ("a-b", "a_b", "b") for number in reversed(NUMBERS)]


def test_pages_of_any_size_give_each_version_once_in_order(gov: Governance) -> None:
    expected = _filled(gov)
    for limit in (1, 4, 5, 17, 18, 100):
        found, cursor = [], None
        while True:
            page = gov.registry.list_models(limit=limit, cursor=cursor)
            assert len(page) <= limit
            found += [version.ref for version in page]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == expected


def test_a_page_goes_on_where_it_ended_while_others_register(gov: Governance) -> None:
    _filled(gov)
    page = gov.registry.list_models("b", limit=2)
    registered(gov, 50, name="b", version="9.0.0")  # before the cursor: not seen
    registered(gov, 51, name="b", version="1.5.0")  # behind it: seen
    rest = gov.registry.list_models("b", cursor=page.next_cursor)
    assert [v.version for v in rest] == ["2.0.0-rc.2", "1.10.0", "1.5.0", "1.2.0", "1.0.0"]


def test_filters_narrow_and_combine(gov: Governance) -> None:
    expected = _filled(gov)
    gov.registry.deactivate_model("b:1.0.0", "ann", "old")
    gov.registry.transition("b:1.2.0", "failed", "ann", "bad")
    everything = gov.registry.list_models()

    def refs(**asked: object) -> list[str]:
        return [v.ref for v in gov.registry.list_models(**asked)]  # type: ignore[arg-type]  # by name

    assert refs() == expected
    assert refs(name="a-b") == [ref for ref in expected if ref.startswith("a-b:")]
    assert refs(tag="t1") == [v.ref for v in everything if "t1" in v.tags]
    assert refs(stage="retired") == ["b:1.0.0"]
    assert refs(active_only=True) == [r for r in expected if r not in ("b:1.0.0", "b:1.2.0")]
    assert refs(name="b", active_only=True, tag="t0") == ["b:2.0.0-rc.10", "b:1.10.0"]
    assert refs(model_type="lightgbm", name="b", stage="failed") == ["b:1.2.0"]
    assert refs(model_type="xgboost") == []


def test_a_page_is_a_sequence(sqlite_gov: Governance) -> None:
    registered(sqlite_gov)
    page = sqlite_gov.registry.list_models()
    assert (len(page), page[0].ref, [v.ref for v in page[:1]]) == (
        1,
        "momentum:1.0.0",
        [page[0].ref],
    )
    assert page[0] in page
    assert page.next_cursor is None


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": True},
        {"limit": "10"},
        {"stage": "live"},
        {"name": "../etc"},
        {"tag": "\x00"},
        {"tag": "\ud800"},
        {"model_type": "a\x00b"},
        {"cursor": ""},
        {"cursor": "x"},
        {"cursor": "é"},
        {"cursor": _encoded(7)},
        {"cursor": _encoded(["a"])},
        {"cursor": _encoded(["a", 1])},
        {"cursor": _encoded(["a\x00", "b"])},
        {"cursor": _encoded(["\ud800", "b"])},
    ],
    ids=repr,
)
def test_a_question_that_cannot_be_meant_is_refused(
    gov: Governance, asked: dict[str, object]
) -> None:
    with pytest.raises(InvalidInputError):
        gov.registry.list_models(**asked)  # type: ignore[arg-type]  # that is the point


@settings(max_examples=200)
@given(cursor=st.text(max_size=40))
def test_no_cursor_makes_anything_but_a_page_or_a_refusal(cursor: str) -> None:
    from governance.registry.records import _decode

    try:
        name, order = _decode(cursor)
    except InvalidInputError:
        return
    assert isinstance(name, str) and isinstance(order, str)


_number = st.integers(0, 10**8)
_identifier = st.one_of(
    st.integers(0, 999).map(str), st.from_regex(r"[a-zA-Z-][a-zA-Z0-9-]{0,4}", fullmatch=True)
)
_versions = st.builds(
    lambda a, b, c, pre: SemanticVersion(a, b, c, ".".join(pre)),
    _number,
    _number,
    _number,
    st.lists(_identifier, max_size=3),
)


def _precedence(version: SemanticVersion) -> tuple[object, ...]:
    """Clause 11 of semver.org, told in another way: as nested tuples."""
    parts = tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in version.prerelease.split(".")
        if version.prerelease
    )
    return (version.major, version.minor, version.patch, not version.prerelease, parts)


@settings(max_examples=300)
@given(one=_versions, other=_versions, same_core=st.booleans())
def test_versions_sort_as_semver_says(
    one: SemanticVersion, other: SemanticVersion, same_core: bool
) -> None:
    if same_core:
        other = SemanticVersion(one.major, one.minor, one.patch, other.prerelease)
    key: Callable[[SemanticVersion], tuple[object, ...]] = _precedence
    assert (one < other) == (key(one) < key(other))
    assert SemanticVersion.parse(str(one)) == one
