"""What may be attached to a version: the limits, and the net for credentials."""

from __future__ import annotations

import math
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from governance import Governance
from governance.canonical import canonical_json
from governance.errors import (
    GovernanceError,
    InvalidInputError,
    ReasonRequiredError,
    SecretInMetadataError,
)
from governance.registry.attachments import (
    MAX_CONFIG_BYTES,
    check_config,
    check_metadata,
    check_metrics,
    check_person,
    check_reason,
    check_tags,
    check_text,
)
from governance.registry.credentials import check_no_secret_inside
from tests.model_bytes import model_file
from tests.versions import registered

# Shapes only; none of these was ever valid.
SECRETS = [
    "AKIA" + "A1" * 8,
    "ghp_" + "a" * 36,
    "github_pat_" + "b" * 30,
    "glpat-" + "c" * 20,
    "xoxb-1234567890-abc",
    "sk_live_" + "d" * 20,
    "AIza" + "e" * 35,
    "eyJhbGciOiJ9abc.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "-----BEGIN RSA PRIVATE KEY-----",
    "postgresql://user:hunter2@db.example/x",
]


@pytest.mark.parametrize("secret", SECRETS, ids=lambda text: text[:8])
def test_a_credential_is_refused_everywhere_and_never_repeated(secret: str) -> None:
    for attach in (
        lambda: check_metadata({"key": secret}),
        lambda: check_metadata({"key": {"deep": [secret]}}),
        lambda: check_metadata({secret: 1}),
        lambda: check_config({"params": {"url": f"see {secret} here"}}),
        lambda: check_text(f"note {secret}", what="description", limit=4096),
        lambda: check_person(secret, what="by"),
    ):
        with pytest.raises(SecretInMetadataError) as refusal:
            attach()
        assert secret not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/path",
        "https://example.org/runs/7",
        "sha256:" + "ab" * 32,
        "task-sk-short",
        "ann@example.org: looked at it",
    ],
)
def test_what_looks_harmless_is_taken(text: str) -> None:
    assert check_metadata({"key": text}) == {"key": text}


def test_metadata_has_at_most_64_keys_of_4_kib() -> None:
    full = {f"k{i}": "x" * 4000 for i in range(64)}
    assert check_metadata(full) == full
    with pytest.raises(InvalidInputError, match="65 keys"):
        check_metadata({**full, "one": "more"})
    assert check_metadata({"k": "x" * 4094})  # with its two quotes exactly 4 KiB
    with pytest.raises(InvalidInputError, match="4096"):
        check_metadata({"k": "x" * 4095})
    with pytest.raises(InvalidInputError, match="4096"):
        check_metadata({"k": "é" * 2048})  # bytes count, not characters


def test_a_config_has_at_most_1_mib() -> None:
    with pytest.raises(InvalidInputError, match="1 MiB"):
        check_config({"k": "x" * (1 << 20)})


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@drawn(value=st.dictionaries(st.text(), _json, max_size=4))
def test_anything_attached_is_stored_as_it_is_or_refused(value: dict[str, Any]) -> None:
    for check in (check_metadata, check_config, check_metrics):
        try:
            taken = check(value)
        except GovernanceError:
            continue
        assert canonical_json(taken).encode()  # it can be written
        assert taken == value


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        np.float32("nan"),
        np.array([1.0, 2.0]),
        np.array([1.0]),
        10**400,
        True,
        np.bool_(True),
        "0.7",
        Decimal("0.7"),
        [0.7],
        1j,
    ],
    ids=repr,
)
def test_a_metric_that_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError, match="'auc' is no finite number"):
        check_metrics({"test": {"auc": value}})


def test_a_metric_keeps_its_value_and_none_stays_none() -> None:
    given = {"auc": np.float64(0.75), "n": np.int64(3), "sharpe": None, "test": {"mae": 2}}
    assert check_metrics(given) == {"auc": 0.75, "n": 3, "sharpe": None, "test": {"mae": 2}}
    assert check_metrics(None) == {}


def test_metrics_are_nested_once_at_most() -> None:
    with pytest.raises(InvalidInputError, match="nested too deeply"):
        check_metrics({"test": {"fold": {"auc": 0.7}}})


@pytest.mark.parametrize("tag", ["", " ", "a b", "-a", "x" * 65, "ä", "a\n", "a\x00", 7, None])
def test_a_tag_outside_its_alphabet_is_refused(tag: object) -> None:
    with pytest.raises(InvalidInputError, match="is not allowed"):
        check_tags(["fine", tag])  # type: ignore[list-item]  # that is the point


def test_tags_are_sorted_without_doubles_and_at_most_32() -> None:
    assert check_tags(iter(["b", "a", "b"])) == ("a", "b")
    assert len(check_tags([f"t{i % 32}" for i in range(100)])) == 32
    with pytest.raises(InvalidInputError, match="at most 32"):
        check_tags(f"t{i}" for i in range(33))
    with pytest.raises(InvalidInputError, match="a list"):
        check_tags("abc")


@pytest.mark.parametrize(
    "name",
    ["", "  ", "a\nb", "a\tb", "a\x7f", "a\u2028b", "\ud800", "x" * 256, None]
    + ["\u200b", "\u3164", "\ufe0f\u2800", "a\u200bb", "a\x85b", "a\x9bb"]
    + [f"a{chr(code)}b" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))],
    ids=ascii,
)
def test_a_person_is_one_printable_line(name: object) -> None:
    with pytest.raises(InvalidInputError):
        check_person(name, what="by")


@pytest.mark.parametrize(
    "reason", [None, "", " ", "\u200b" * 20, "\u3164\ufe0f", "a  b"], ids=ascii
)
def test_a_reason_is_as_long_as_what_a_reader_sees_of_it(reason: str | None) -> None:
    with pytest.raises(ReasonRequiredError, match="at least 10 visible"):
        check_reason(reason, shortest=10)
    with pytest.raises(ReasonRequiredError, match="at least 10 visible"):
        check_reason("it" + " \u200b" * 30 + "is", shortest=10)
    assert check_reason("it is down", shortest=10) == "it is down"


@drawn(name=st.text(max_size=300))
def test_whoever_is_taken_can_stand_in_the_audit_log(name: str) -> None:
    from governance.history.audit import _check_text

    try:
        check_person(name, what="by")
    except InvalidInputError:
        return
    _check_text("actor", name)


@pytest.mark.parametrize(
    "given",
    [
        {
            "features": {
                "inputs": ["x"],
                "definitions": [
                    {
                        "name": "y",
                        "version": "1",
                        "dependencies": ["x"],
                        "logic": "governance.training.feature_logic:log_return",
                        "params": {"dsn": SECRETS[-1]},
                    }
                ],
            }
        },
        {"provenance": {"split_windows": {"dsn": SECRETS[-1]}}},
        {"config": {"deep": [{"dsn": SECRETS[-1]}]}},
        {"metadata": {"note": ["fine", {"dsn": SECRETS[-1]}]}},
    ],
    ids=["features", "provenance", "config", "metadata"],
)
def test_a_credential_is_refused_wherever_it_is_nested(
    sqlite_gov: Governance, given: dict[str, Any]
) -> None:
    with pytest.raises(SecretInMetadataError) as caught:
        registered(sqlite_gov, **given)
    assert "hunter2" not in str(caught.value)
    assert not list(sqlite_gov.registry.list_models())


def test_a_url_and_an_address_in_different_texts_are_no_credential() -> None:
    check_no_secret_inside(
        {"docs": "https://example.org/a", "note": "see: b", "mail": "ann@example.org"}, where="x"
    )


@pytest.mark.parametrize(
    "given",
    [
        {"metadata": "x"},
        {"metrics": [1]},
        {"config": [1]},
        {"tags": None},
        {"dataset_paths": None},
        {"dataset_paths": [1]},
        {"provenance": "x"},
        {"provenance": {"git": "abc"}},
    ],
    ids=str,
)
def test_a_wrong_type_is_refused_by_name(sqlite_gov: Governance, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        registered(sqlite_gov, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"provenance": {"split_windows": "a" * MAX_CONFIG_BYTES}},
        {"provenance": {"packages": {"a": "\u20ac" * (MAX_CONFIG_BYTES // 3)}}},
        {"provenance": {"git": ("a" * MAX_CONFIG_BYTES, False)}},
        {"provenance": {"split_windows": "a" * 600_000, "git": ("b" * 600_000, False)}},
        {"features": ["a" * 1000 + str(number) for number in range(1100)]},
        {"provenance": {"split_windows": "\ud800"}},
        {"provenance": {"packages": {"\ud800": "1"}}},
        {"provenance": {"git": ("\ud800", None)}},
        {"provenance": {"seed": "\ud800"}},
        {"features": ["close", "\ud800"]},
        {"metrics": {"\ud800": 1.0}},
    ],
    ids=lambda given: f"{given}"[:40],
)
def test_a_manifest_that_no_database_takes_is_refused_before_anything_is_published(
    sqlite_gov: Governance, given: dict[str, Any]
) -> None:
    model_file(sqlite_gov.settings.home.parent)
    with pytest.raises(InvalidInputError):
        registered(sqlite_gov, **given)
    assert list(sqlite_gov.artifacts.iter_folders()) == []
    assert not (sqlite_gov.settings.home / "staging" / "artifacts").exists()


def test_a_manifest_of_ordinary_size_is_taken(sqlite_gov: Governance) -> None:
    packages = {f"package-{number}": "1.0.0" for number in range(1000)}
    features = [f"feature_{number}" for number in range(2000)]
    assert registered(sqlite_gov, features=features, provenance={"packages": packages}).created


def test_a_file_whose_name_is_no_text_is_refused(sqlite_gov: Governance, tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/rows\xff.csv"))
    odd.write_text("x,y\n1,2\n")
    with pytest.raises(InvalidInputError, match="rename"):
        registered(sqlite_gov, dataset_paths=[odd])
    assert list(sqlite_gov.artifacts.iter_folders()) == []


@pytest.mark.parametrize("path", [5, b"given-0.txt", ["given-0.txt"]], ids=str)
def test_a_model_path_that_is_no_path_is_refused(sqlite_gov: Governance, path: Any) -> None:
    with pytest.raises(InvalidInputError, match="model_path"):
        sqlite_gov.registry.register_model(
            "momentum", model_path=path, model_type="x", created_by="ann"
        )


@pytest.mark.parametrize("text", ["a", "eyJ", "eyJaaaaaaaa.b", "a://", "a://b:", "-----BEGIN "])
def test_the_net_takes_a_long_text_in_linear_time(text: str) -> None:
    """Quadratic, each of these would take minutes."""
    check_no_secret_inside({"long": text * (MAX_CONFIG_BYTES // len(text))}, where="x")
