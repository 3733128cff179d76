"""The names and keywords that callers outside this repository use, as the design lists them."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

import governance
from governance import Governance, ModelVersion
from governance.decisions.record import Decision
from governance.decisions.validation import VersionValidation
from governance.policy.verdict import GateResult
from governance.registry.records import Page
from governance.values import Kind, Stage, Verdict
from tests.versions import validated

# Attribute of `gov`, call, parameters in order (keyword-only ones behind the star).
CALLS = [
    (
        "registry",
        "register_model",
        "name, model, *, model_path, model_type, version, stage, dataset_paths, features, config, "
        "metrics, metadata, tags, description, created_by",
    ),
    ("registry", "load_model", "ref, *, current_dataset_paths, verify_dataset_hash, features"),
    ("registry", "get_model", "name, version"),
    ("registry", "get_latest_version", "name, stage"),
    ("registry", "get_production_model", "name, at"),
    ("registry", "list_models", "name, model_type, stage, active_only, tag, limit, cursor"),
    ("registry", "generation", "name"),
    ("registry", "get_model_performance_summary", ""),
    ("registry", "deactivate_model", "ref, by, reason"),
    ("registry", "transition", "ref, stage, by, reason"),
    ("validation", "log_metric", "ref, metric_name, metric_value, metric_type, dataset_split"),
    ("validation", "evaluate_classification", "ref, y_true, y_pred"),
    ("validation", "evaluate_regression", "ref, y_true, y_pred"),
    ("validation", "evaluate_trading", "ref"),
    ("validation", "get_metrics", "ref, dataset_split"),
    (
        "promotion",
        "promote_to_production",
        "ref, *, by, approved_by, force, reason, idempotency_key, expected_generation, at",
    ),
    (
        "promotion",
        "rollback_model",
        "name, *, to_version, by, reason, at, idempotency_key, expected_generation",
    ),
    ("health", "check", "model, *, at"),
    ("health", "drill", "model, *, at"),
    (
        "drift",
        "detect_data_drift",
        "ref, reference_data, current_data, *, method, threshold",
    ),
    (
        "drift",
        "detect_prediction_drift",
        "ref, reference_predictions, current_predictions, *, method, threshold",
    ),
    ("drift", "scan", "name, *, at, window, reference"),
    ("drift", "get_reports", "name, *, version, severity, since, until, limit"),
    (
        "drift",
        "get_drift_alerts",
        "model_name, *, model_version, is_alert, acknowledged, limit",
    ),
    ("drift", "acknowledge_alert", "alert_id, acknowledged_by"),
    ("audit", "entries", ""),
    ("audit", "verify", "checkpoint"),
]


@pytest.mark.parametrize(
    ("part", "call", "expected"), CALLS, ids=[f"{part}.{call}" for part, call, _ in CALLS]
)
def test_a_call_has_the_keywords_of_the_contract(
    sqlite_gov: Governance, part: str, call: str, expected: str
) -> None:
    signature = inspect.signature(getattr(getattr(sqlite_gov, part), call))
    positional, _, keyword_only = expected.partition("*")
    names = [name.strip() for name in positional.split(",") if name.strip()]
    found = list(signature.parameters.values())
    assert [parameter.name for parameter in found][: len(names)] == names
    for parameter in found[: len(names)]:
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    for name in (name.strip() for name in keyword_only.split(",") if name.strip()):
        assert signature.parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize(
    ("part", "call"),
    [
        ("registry", "register_model"),
        ("registry", "transition"),
        ("registry", "deactivate_model"),
        ("promotion", "promote_to_production"),
        ("promotion", "rollback_model"),
        ("health", "check"),
        ("validation", "log_metric"),
    ],
)
def test_every_mutating_call_takes_at_none(sqlite_gov: Governance, part: str, call: str) -> None:
    signature = inspect.signature(getattr(getattr(sqlite_gov, part), call))
    assert signature.parameters["at"].default is None


def test_the_defaults_of_registration_are_the_designs(sqlite_gov: Governance) -> None:
    parameters = inspect.signature(sqlite_gov.registry.register_model).parameters
    given = ("model", "version", "stage", "dataset_paths", "features", "tags", "description")
    assert [parameters[name].default for name in given] == [
        *(None, None, "trained", (), None, (), ""),
    ]
    assert parameters["created_by"].default is inspect.Parameter.empty
    assert parameters["model_type"].default is inspect.Parameter.empty
    parameters = inspect.signature(sqlite_gov.registry.list_models).parameters
    assert (parameters["limit"].default, parameters["active_only"].default) == (100, False)


def test_records_have_the_fields_that_callers_rely_on() -> None:
    def names(kind: type) -> set[str]:
        return {field.name for field in fields(kind)}

    assert {
        *("id", "name", "version", "stage", "digest", "created_by", "created_at", "metrics"),
    } <= names(ModelVersion)
    assert {"id", "eligible", "forced", "checks", "policy_digest", "verdict_hash"} <= names(
        Decision
    )
    assert {"gate", "result", "observed", "threshold", "reason"} <= names(GateResult)
    assert Page([], "more").next_cursor == "more"


def test_stages_and_verdicts_are_lower_case_words() -> None:
    assert [*Stage] == [
        *("draft", "trained", "validated", "staging", "production", "retired", "failed"),
    ]
    assert [*Verdict] == ["pass", "fail", "insufficient"]
    assert [*Kind] == ["trading", "classifier", "regressor"]


def test_the_package_exports_its_public_names() -> None:
    for name in governance.__all__:
        assert getattr(governance, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = governance.NoSuchName


def test_a_version_and_its_reference_are_the_same_to_every_call(sqlite_gov: Governance) -> None:
    version = validated(sqlite_gov)
    for ref in (version, version.id, version.ref):
        assert sqlite_gov.registry.resolve(ref).id == version.id
        assert sqlite_gov.validation.get_metrics(ref) == ()
        sqlite_gov.registry.load_model(ref)


def test_validation_takes_what_its_docstring_says(sqlite_gov: Governance) -> None:
    outer = inspect.signature(sqlite_gov.validate).parameters
    inner = inspect.signature(VersionValidation.__call__).parameters
    assert [*outer] == [name for name in inner if name != "self"]
