"""`gov.cycle`: the retrain cycle, check data -> train -> register -> validate, one call a step.

A DAG's task and the command line make the same calls. Steps meet only in the run's folder
(``run_folder``): each can be run again, and running one again changes nothing that stands. What a
step decides is decided elsewhere: data quality and validation are the policy's.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from governance.config.governance_file import GovernanceConfig
from governance.config.model import Limit, ModelDeclaration
from governance.decisions.validation import VersionValidation
from governance.errors import (
    GovernanceError,
    InsufficientEvidenceError,
    InvalidInputError,
    TrainingError,
)
from governance.evidence.checked_metrics import check_metrics
from governance.evidence.drift.profiles.baseline import Baseline
from governance.evidence.drift.records.baseline_store import MANIFEST_KEY, BaselineStore, pinned
from governance.evidence.metrics_log import ValidationMetricsTracker
from governance.policy.facts import MetricLimit
from governance.registry.formats.loader import dump_model
from governance.registry.functions import code_digest, load_function
from governance.registry.model_registry import ModelRegistry
from governance.registry.provenance import git_state
from governance.settings import Settings
from governance.training.baseline import check_watched, training_baseline
from governance.training.bundle import bundle_facts, require_declared
from governance.training.data import check_trained
from governance.training.evaluate import evaluate
from governance.training.prepare import feature_graph, prepare, trainer_config
from governance.training.quality import require_quality
from governance.training.run_folder import RunFolder
from governance.training.snapshots import keep
from governance.training.sources import as_parquet, read_source
from governance.values import ModelVersion, SemanticVersion, Verdict, as_utc, iso, parse_time

log = logging.getLogger(__name__)

Step = dict[str, Any]
_BASELINE = "drift_baseline.bin"


class RetrainCycle:
    """The steps. Each gives a small JSON of paths, digests and names."""

    def __init__(
        self,
        settings: Settings,
        *,
        config: Callable[[], GovernanceConfig],
        registry: ModelRegistry,
        tracker: ValidationMetricsTracker,
        validate: VersionValidation,
        catch_up: Callable[[], int],
        baselines: BaselineStore,
    ) -> None:
        self._settings = settings
        self._config = config
        self._registry = registry
        self._tracker = tracker
        self._validate = validate
        self._catch_up = catch_up
        self._baselines = baselines

    def check_data(self, model: str, *, run: str, at: datetime) -> Step:
        """Read what was known before `at`, and refuse data that must not be trained on.

        Raises:
            DataSourceError: no data. DataQualityError: every finding, not only the first.
        """
        declaration, at = self._declared(model), as_utc(at)
        log.info("%s: reading %s before %s", model, declaration.source.function, iso(at))
        frame = read_source(
            declaration.source.function,
            declaration.source.params,
            at=at,
            time_column=declaration.time_column,
        )
        require_quality(declaration, frame, at=at)
        parquet = as_parquet(frame, declaration.source.function)
        folder = self._folder(model, run)
        facts = {"model": model, "run": run, "at": iso(at), "rows": len(frame)}
        log.info("%s: %d rows are fit to be trained on", model, len(frame))
        return _handed_over(folder.finish("data", facts, {"data.parquet": parquet}))

    def train(self, model: str, *, run: str, at: datetime) -> Step:
        """Train on the checked data and measure out of sample.

        Raises:
            TrainingError: the trainer failed, or returned what cannot be measured.
        """
        declaration, at = self._declared(model), as_utc(at)
        folder = self._folder(model, run)
        checked = folder.take("data", "check_data")
        if parse_time(checked["at"]) != at:
            raise TrainingError(
                f"{model}: data was checked for {checked['at']}, not for {iso(at)}; "
                "run check_data again"
            )
        frame = pd.read_parquet(folder.file("data.parquet"))
        check_watched(model, declaration, frame)
        data = prepare(declaration, frame, at=at)
        reference = declaration.trainer.function
        log.info("%s: training with %s on %d rows", model, reference, data.counts["used"])
        trainer = load_function(reference, what="trainer")
        try:
            made = trainer(deepcopy(data), trainer_config(declaration))
        except GovernanceError:
            raise
        except Exception as error:  # a user's trainer may raise anything
            raise TrainingError(
                f"trainer {reference} failed: {type(error).__name__}: {error}"
            ) from error
        trained = check_trained(made, data, trainer=reference)
        require_declared(declaration, trained, data, trainer=reference)
        metrics = evaluate(trained, data, declaration)
        check_metrics(metrics)  # what could not be logged must not be registered
        members, _ = dump_model(trained.model, allow_pickle=self._settings.allow_pickle)
        bundle = bundle_facts(trained, members, metrics)
        graph = feature_graph(declaration)
        baseline = training_baseline(model, declaration, frame, data, trained, graph)
        facts = {
            "model": model,
            "run": run,
            "at": iso(at),
            "data_sha256": checked["files"]["data.parquet"]["sha256"],
            "metrics": metrics,
            "code": {
                "label": code_digest(declaration.label.function),
                "trainer": code_digest(reference),
            },
            "seed": declaration.trainer.seed,
            "splits": data.splits.windows(data.times),
            "trained_end": iso(data.known_at.iloc[data.splits.final.train].max().to_pydatetime()),
            "params": dict(trained.params),
            "best_iteration": trained.best_iteration,
            "importance": dict(trained.feature_importance),
            "counts": dict(data.counts),
            "notes": list(trained.notes),
            "members": sorted(members),
            **({} if baseline is None else {MANIFEST_KEY: pinned(baseline)}),
            **({} if bundle is None else {"bundle": bundle}),
        }
        log.info("%s: trained; %s", model, metrics)
        shutil.rmtree(folder.file("model"), ignore_errors=True)  # members of an earlier try
        files: dict[str, bytes | None] = {f"model/{name}": data for name, data in members.items()}
        if baseline is not None:
            files[_BASELINE] = baseline.encode()
        return _handed_over(folder.finish("training", facts, files))

    def register(self, model: str, *, run: str, at: datetime, by: str) -> Step:
        """Register what was trained, with its provenance, and log its metrics."""
        declaration, at = self._declared(model), as_utc(at)
        folder = self._folder(model, run)
        checked = folder.take("data", "check_data")
        trained = folder.take("training", "train")
        if trained["data_sha256"] != checked["files"]["data.parquet"]["sha256"]:
            raise TrainingError(
                f"{model}: the data was checked again after training; run train again"
            )
        if MANIFEST_KEY in trained:  # stored first: a version never names what is not there
            self._baselines.put(Baseline.decode(folder.file(_BASELINE).read_bytes()))
        register = partial(
            self._registry.register_model,
            model,
            model_path=folder.file("model"),
            model_type=declaration.trainer.function.partition(":")[0].rpartition(".")[2],
            dataset_paths=[keep(self._settings.home, model, folder.file("data.parquet"))],
            features=feature_graph(declaration),
            # The code that ran; the source's shows in its rows, a feature's in the feature graph.
            config={**declaration.training_config(), "code": trained["code"]},
            metrics=trained["metrics"],
            metadata={
                "run": run,
                "best_iteration": trained["best_iteration"],
                "counts": trained["counts"],
                "notes": trained["notes"],
            },
            description=declaration.description,
            created_by=by,
            provenance={
                "seed": trained["seed"],
                "split_windows": trained["splits"],
                "trained_end": parse_time(trained["trained_end"]),
                "git": git_state(self._project()),
                **{key: trained[key] for key in (MANIFEST_KEY, "bundle") if key in trained},
            },
            at=at,
        )
        version = register()
        if self._validate.failed_under_another_policy(version):
            # The same bytes again, and what they failed is no longer asked: a new number is judged.
            latest = self._registry.get_latest_version(model) or version
            version = register(version=str(SemanticVersion.parse(latest.version).next_patch()))
        self._tracker.log_metrics(version, trained["metrics"], by=by, at=at)
        self._catch_up()
        log.info("%s: %s is %s (%s)", model, version.ref, version.stage, version.id)
        return folder.finish("registration", {"run": run, **version.handover()}, {})

    def validate(
        self,
        ref: ModelVersion | str,
        *,
        by: str,
        at: datetime | None = None,
        limits: Iterable[Mapping[str, Any]] = (),
    ) -> Step:
        """Judge the version by its policy; gives the verdict and, where it failed, why.

        Args:
            limits: asked besides the declared ones, written as in ``policy.validation``.

        Raises:
            InvalidInputError: a limit that makes no sense.
            InsufficientEvidenceError: something that the policy asks for was not measured; the
                version stays trained and can be judged again.
        """
        decision = self._validate(ref, by=by, at=at, limits=[_limit(limit) for limit in limits])
        self._catch_up()
        if decision.verdict is Verdict.INSUFFICIENT:
            raise InsufficientEvidenceError(
                f"{decision.model}:{decision.version} cannot be judged yet: "
                f"{'; '.join(decision.reasons)}. Record what is missing, then validate it again"
            )
        version = self._registry.resolve(decision.version_id)
        log.info("%s: %s", version.ref, decision.verdict)
        return {
            "version_id": version.id,
            "ref": version.ref,
            "stage": version.stage,
            "verdict": decision.verdict,
            "decision": decision.id,
            "reasons": list(decision.reasons),
        }

    def _declared(self, model: str) -> ModelDeclaration:
        return self._config().model(model)

    def _folder(self, model: str, run: str) -> RunFolder:
        return RunFolder(self._settings.home, model, run)

    def _project(self) -> Path:
        """Where the sources of this training live, as far as we can know: beside its
        configuration.
        """
        folder = self._settings.config_path.parent
        return folder if folder.is_dir() else Path(__file__).parent


def _handed_over(record: Step) -> Step:
    """What a task tells the next one: names, paths and digests; the record has the rest."""
    return {key: record[key] for key in ("model", "run", "at", "files")}


def _limit(given: Mapping[str, Any]) -> MetricLimit:
    try:
        return Limit.model_validate(dict(given)).as_fact()
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc'])) or 'limit'}: {item['msg']}"
            for item in error.errors()
        )
        raise InvalidInputError(
            f"limit {dict(given)!r:.200} cannot be taken: {wrong}; "
            "write metric, split and min or max"
        ) from None
