"""Who is the same person, and what of a text can be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy.gates.approval import check_approval
from governance.policy.people import same_person, visible
from governance.policy.promotion.facts import ApprovalFacts, PromotionFacts, VersionFacts
from governance.policy.promotion.limits import PromotionLimits
from governance.values import Kind, Stage, Verdict

SPELLINGS = {
    "case": "aNN",
    "blanks": "  Ann\t",
    "full width": "\uff21nn",
    "mathematical": "\U0001d400nn",
    "zero width": "A\u200bn\u200dn",
    "soft hyphen": "An\u00adn",
    "joiner": "An\u034fn",
    "variation selector": "Ann\ufe0f",
    "tag characters": "Ann\U000e0061",
    "Hangul filler": "Ann\u3164",
    "braille blank": "\u2800Ann",
    "direction": "\u202eAnn\u202c",
}
INVISIBLE = ["", " ", "\n\t", "\u200b", "\u3164\u115f", "\ufe0f", "\u2800", "\u00a0\u2028", "\x00"]


@pytest.mark.parametrize("other", SPELLINGS.values(), ids=SPELLINGS)
def test_a_reader_takes_it_for_the_same_name(other: str) -> None:
    assert same_person("Ann", other) and same_person(other, "Ann")


def test_marks_are_compared_composed_or_not() -> None:
    assert same_person("Zo\u00eb", "zoe\u0308")
    assert same_person("a\u0323\u0307", "a\u0307\u200b\u0323")
    assert not same_person("Zo\u00eb", "Zoe")


@pytest.mark.parametrize("other", ["Anna", "An", "Ann1", "\u0410nn", ""])
def test_another_name_is_another_person(other: str) -> None:
    assert not same_person("Ann", other)


@given(st.text(max_size=12), st.sampled_from("\u200b\ufe0f\u3164\u034f \u00ad"), st.integers(0, 12))
def test_what_cannot_be_seen_makes_no_other_person(name: str, unseen: str, where: int) -> None:
    assert same_person(name, name[:where] + unseen + name[where:])
    assert same_person(name, name) and same_person(visible(name), name)


@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_nothing_is_seen_of_it(text: str) -> None:
    assert visible(text) == ""


@given(st.text(max_size=20))
def test_seen_once_is_seen_for_good(text: str) -> None:
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize("approver", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("whose", ["created_by", "owner"])
def test_the_creator_approves_under_no_other_spelling(approver: str, whose: str) -> None:
    names = {"created_by": "eve", "owner": "eve", whose: "Ann"}
    facts = PromotionFacts(
        at="2013-02-01T00:00:00Z",
        kind=Kind.TRADING,
        stage=Stage.STAGING,
        candidate=VersionFacts(
            version_id="a" * 12, version="1.0.0", digest="0" * 64, created_by=names["created_by"]
        ),
        owner=names["owner"],
        approval=ApprovalFacts(approved_by=approver, bound=True),
    )
    (said,) = check_approval(facts, PromotionLimits(require_approval=True))
    assert said.result is Verdict.FAIL


def test_a_permitted_name_counts_as_it_is_written() -> None:
    """An account that looks like an approver's is not the approver."""
    version = VersionFacts(version_id="a" * 12, version="1.0.0", digest="0" * 64, created_by="eve")
    for name, result in (("max", Verdict.PASS), ("\uff4dax", Verdict.FAIL), ("Max", Verdict.FAIL)):
        facts = PromotionFacts(
            at="2013-02-01T00:00:00Z",
            kind=Kind.TRADING,
            stage=Stage.STAGING,
            candidate=version,
            approval=ApprovalFacts(approved_by=name, bound=True),
        )
        (said,) = check_approval(facts, PromotionLimits(approvers=("max",)))
        assert said.result is result
