"""The first value stays: metrics are recorded once per version and split, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from sqlalchemy import func, insert, select

from governance.errors import (
    InvalidEvidenceError,
    InvalidInputError,
    MetricConflictError,
    NaiveDatetimeError,
    NotFoundError,
)
from governance.evidence.metrics_log import MetricType, ValidationMetricsTracker
from governance.history.audit import AuditLog
from governance.store.database import Database
from governance.store.schema import governed_models, model_registry, model_validation_metrics
from governance.values import Kind, ModelVersion, SemanticVersion, Stage, version_id

AT = datetime(2013, 2, 1, tzinfo=UTC)


def version_of(name: str, version: str) -> ModelVersion:
    return ModelVersion(
        id=version_id(name, version, "d" * 64),
        name=name,
        version=version,
        stage=Stage.TRAINED,
        model_type="lightgbm",
        kind=Kind.CLASSIFIER,
        digest="d" * 64,
        artifact_path="p",
        format="lightgbm-text",
        size_bytes=1,
        created_by="tester",
        created_at=AT,
        registered_at=AT,
    )


V1, V2 = version_of("flights", "1.0.0"), version_of("flights", "2.0.0")


def resolve(ref: ModelVersion | str) -> ModelVersion:
    for version in (V1, V2):
        if ref in (version, version.id, version.ref):
            return version
    raise NotFoundError(f"no version {ref}")


@pytest.fixture
def tracker(database: Database) -> ValidationMetricsTracker:
    with database.begin() as tx:
        tx.execute(insert(governed_models).values(name="flights", created_at=AT))
        for version in (V1, V2):
            tx.execute(
                insert(model_registry).values(
                    id=version.id,
                    name=version.name,
                    version=version.version,
                    version_order=SemanticVersion.parse(version.version).sort_key,
                    stage=version.stage,
                    model_type=version.model_type,
                    kind=version.kind,
                    digest=version.digest,
                    provenance_digest="e" * 64,
                    artifact_path=version.artifact_path,
                    format=version.format,
                    size_bytes=1,
                    tags=[],
                    metrics={},
                    metadata={},
                    manifest={},
                    created_by="tester",
                    created_at=AT,
                    registered_at=AT,
                )
            )
    return ValidationMetricsTracker(database, resolve)


def rows(database: Database) -> int:
    with database.read() as connection:
        query = select(func.count()).select_from(model_validation_metrics)
        return connection.scalar(query) or 0


def test_document_002_s_calls_work(tracker: ValidationMetricsTracker) -> None:
    named: Any = {"model_name": "flights", "model_version": "1.0.0"}
    record = tracker.log_metric(
        **named,
        metric_name="accuracy",
        metric_value=0.95,
        metric_type=MetricType.CLASSIFICATION,
        dataset_split="test",
    )
    assert (record.metric_value, record.metric_type) == (0.95, "classification")
    measured = tracker.evaluate_classification(
        **named, y_true=[0, 1, 0, 1, 1, 0], y_pred=[0, 1, 0, 1, 0, 0], dataset_split="validation"
    )
    assert measured["f1"] == pytest.approx(0.8)
    figures = tracker.evaluate_regression(
        **named, y_true=[1.0, 2.0], y_pred=[1.1, 2.1], dataset_split="validation"
    )
    assert figures["mae"] == pytest.approx(0.1)
    assert [r.metric_name for r in tracker.get_metrics(**named, dataset_split="test")] == [
        "accuracy"
    ]
    assert set(tracker.by_split(V1)["validation"]) == {
        "accuracy", "precision", "recall", "f1", "base_rate", "mae", "mse", "rmse", "r2",
    }  # fmt: skip


def test_what_was_logged_is_read_back_with_who_and_when(
    tracker: ValidationMetricsTracker,
) -> None:
    tracker.log_metric(V1, "custom_gain", 0.1 + 0.2, by="quant", at=AT)
    [record] = tracker.get_metrics("flights:1.0.0")
    assert record.metric_value == 0.1 + 0.2, "every bit is kept"
    assert (record.recorded_by, record.at, record.metric_type) == ("quant", AT, MetricType.CUSTOM)
    assert tracker.get_metrics(V2) == ()
    assert tracker.get_metrics(V1, "train") == ()


def test_the_same_value_again_changes_nothing_and_leaves_no_trace(
    database: Database, tracker: ValidationMetricsTracker
) -> None:
    first = tracker.log_metric(V1, "auc", 0.7, by="one", at=AT)
    again = tracker.log_metric(V1, "auc", 0.7, by="two")
    assert again == first
    assert tracker.log_metrics(V1, {"test": {"auc": 0.7}}, by="three") == 0
    assert rows(database) == 1 and len(AuditLog(database).entries()) == 1


def test_another_value_is_a_conflict_and_the_first_stays(
    database: Database, tracker: ValidationMetricsTracker
) -> None:
    tracker.log_metric(V1, "auc", 0.7)
    with pytest.raises(MetricConflictError, match=r"auc on test is 0\.7, not 0\.71"):
        tracker.log_metric(V1, "auc", 0.71)
    with pytest.raises(MetricConflictError):
        tracker.log_metrics(V1, {"test": {"f1": 0.5, "auc": 0.71}, "train": {"auc": 0.9}})
    assert tracker.by_split(V1) == {"test": {"auc": 0.7}}, "a conflict keeps nothing of the batch"
    assert len(AuditLog(database).entries()) == 1
    tracker.log_metric(V1, "auc", 0.71, dataset_split="train")
    tracker.log_metric(V2, "auc", 0.71)


def test_a_batch_has_one_audit_entry_that_names_what_does_not_exist(
    database: Database, tracker: ValidationMetricsTracker
) -> None:
    new = tracker.log_metrics(
        V1, {"test": {"auc": None, "accuracy": 1.0}, "train": {"auc": 0.9}}, by="owner", at=AT
    )
    assert new == 2
    assert tracker.by_split(V1) == {"test": {"accuracy": 1.0}, "train": {"auc": 0.9}}
    [entry] = AuditLog(database).entries()
    assert (entry.actor, entry.action, entry.version_id) == ("owner", "metrics.recorded", V1.id)
    assert entry.details["metrics"] == tracker.by_split(V1)
    assert entry.details["undefined"] == {"test": {"auc": "does not exist"}}


def test_evaluation_records_what_exists_and_gives_the_reasons_for_the_rest(
    tracker: ValidationMetricsTracker,
) -> None:
    measured = tracker.evaluate_classification(V1, [1, 1], [1, 0], [0.9, 0.4])
    assert measured["auc"] is None and measured.reasons["auc"]
    assert "auc" not in tracker.by_split(V1)["test"]
    kept = tracker.evaluate_trading(
        V1, [0.01, -0.02], [1, 0], "backtest", cost_bps=1, metrics=("turnover", "trades")
    )
    assert tracker.by_split(V1)["backtest"] == dict(kept) == {"turnover": 1.0, "trades": 2.0}
    tracker.evaluate_regression(V1, [1.0], [2.0], "dry", log=False)
    assert "dry" not in tracker.by_split(V1)


REFUSED: tuple[tuple[Callable[[ValidationMetricsTracker], Any], type[Exception]], ...] = (
    (lambda t: t.log_metric(V1, "auc", float("nan")), InvalidEvidenceError),
    (lambda t: t.log_metric(V1, "auc", None), InvalidEvidenceError),
    (lambda t: t.log_metric(V1, "auc", cast(Any, "0.7")), InvalidEvidenceError),
    (lambda t: t.log_metric(V1, "auc", True), InvalidEvidenceError),
    (lambda t: t.log_metric(V1, "accuracy", 95), InvalidEvidenceError),
    (lambda t: t.log_metric(V1, "max_drawdown", -0.2), InvalidEvidenceError),
    (lambda t: t.log_metrics(V1, {"test": {"f1": 1, "x": float("inf")}}), InvalidEvidenceError),
    (lambda t: t.log_metric(V1, "", 1.0), InvalidInputError),
    (lambda t: t.log_metric(V1, "a b\n", 1.0), InvalidInputError),
    (lambda t: t.log_metric(V1, "x" * 129, 1.0), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, dataset_split="'; --"), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, "guess"), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, by=""), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, by=cast(Any, None)), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, by="a\0b"), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, by="\ud800"), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, cast(Any, ["custom"])), InvalidInputError),
    (lambda t: t.log_metrics(V1, {"test": {"x": None}}, by=cast(Any, None)), InvalidInputError),
    (lambda t: t.log_metrics(V1, cast(Any, {"test": 0.5})), InvalidInputError),
    (lambda t: t.log_metrics(V1, cast(Any, [("test", {"x": 0.5})])), InvalidInputError),
    (lambda t: t.log_metrics(V1, {"test": {"a b": None, "x": 1.0}}), InvalidInputError),
    (lambda t: t.log_metrics(V1, {"a b": {"x": None}}), InvalidInputError),
    (lambda t: t.get_metrics(V1, cast(Any, ["test"])), InvalidInputError),
    (lambda t: t.get_metrics(V1, cast(Any, 7)), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, at=datetime(2013, 2, 1)), NaiveDatetimeError),
    (lambda t: t.log_metric(None, "x", 1.0), InvalidInputError),
    (lambda t: t.log_metric(V1, "x", 1.0, model_name="flights"), InvalidInputError),
    (lambda t: t.log_metric("flights:9.9.9", "x", 1.0), NotFoundError),
    (lambda t: t.evaluate_regression(V1, [1.0], [1.0, 2.0]), InvalidEvidenceError),
)


def test_what_must_not_be_recorded_is_refused_and_nothing_is_kept(
    database: Database, tracker: ValidationMetricsTracker
) -> None:
    for number, (call, error) in enumerate(REFUSED):
        try:
            call(tracker)
        except error:
            continue
        pytest.fail(f"case {number} of REFUSED was taken")
    assert rows(database) == 0 and len(AuditLog(database).entries()) == 0


def test_many_metrics_go_in_several_statements_and_one_transaction(
    database: Database, tracker: ValidationMetricsTracker
) -> None:
    many = {"test": {f"m{number}": number / 7 for number in range(1201)}}
    assert tracker.log_metrics(V1, many) == 1201
    assert tracker.log_metrics(V1, many) == 0
    assert tracker.by_split(V1) == many
    assert len(AuditLog(database).entries(limit=10)) == 1


def test_of_two_writers_at_once_one_is_recorded_and_the_other_replays_or_conflicts(
    database: Database, tracker: ValidationMetricsTracker
) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(4)

    def write(value: float) -> None:
        start.wait()
        try:
            new = tracker.log_metrics(V1, {"test": {f"m{i}": value for i in range(50)}})
            outcomes.append("new" if new else "replay")
        except MetricConflictError:
            outcomes.append("conflict")

    threads = [threading.Thread(target=write, args=(value,)) for value in (0.1, 0.1, 0.2, 0.2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["conflict", "conflict", "new", "replay"]
    assert rows(database) == 50 and len(set(tracker.by_split(V1)["test"].values())) == 1
    assert len(AuditLog(database).entries()) == 1
