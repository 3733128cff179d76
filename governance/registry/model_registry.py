"""`gov.registry`: register, find, load, move and withdraw versions.

The calls of the public face, each a check of its input and one call into a neighbour:
`registering` (the protocol), `records` (questions), `loading` (bytes to model), `lifecycle`
(rules). Entering and leaving production is not here: that is a decision
(``governance.decisions``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from governance.errors import InvalidInputError, UsePromotionError
from governance.history.activations import generation, live_version_id
from governance.registry import attachments, lifecycle, loading, records, registering
from governance.registry.artifacts import ArtifactStore
from governance.registry.credentials import check_no_secret_inside
from governance.registry.datasets import dataset_identity
from governance.registry.features import FeatureGraph
from governance.registry.formats.loader import dump_model
from governance.registry.given_files import collect_members
from governance.registry.heads import lock_head
from governance.registry.provenance import build_manifest, provenance_digest
from governance.registry.summary import performance_summary
from governance.registry.transitions import move
from governance.settings import Settings
from governance.store.database import Database
from governance.values import (
    Kind,
    ModelVersion,
    SemanticVersion,
    Stage,
    as_utc,
    check_model_name,
)


class ModelRegistry:
    """What exists. Built by ``Governance.open``; every method may be called from any thread."""

    def __init__(
        self,
        database: Database,
        artifacts: ArtifactStore,
        settings: Settings,
        kind_of: Callable[[str], Kind],
    ) -> None:
        self._database = database
        self._artifacts = artifacts
        self._settings = settings
        self._kind_of = kind_of

    def register_model(
        self,
        name: str,
        model: object = None,
        *,
        model_path: str | Path | None = None,
        model_type: str,
        version: str | None = None,
        stage: str = "trained",
        dataset_paths: Iterable[str | Path] | str | Path = (),
        features: object = None,
        config: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        tags: Iterable[str] = (),
        description: str = "",
        created_by: str,
        provenance: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> ModelVersion:
        """Store a trained model with its provenance; nothing is judged yet.

        Calling it again with the same bytes and provenance gives the version that exists, with
        ``created=False``: that is what makes a retried task harmless. It gives it in whatever stage
        it is by now, also ``failed``: failed is final, so look at ``stage``, and register under
        another number what deserves to be judged again.

        Args:
            name: model name, 1-64 of ``a-z 0-9 _ -``.
            model: a fitted model that has a safe format here (LightGBM), or use `model_path`.
            model_path: a file, or a folder whose ``model.*`` files are the members.
            model_type: free word, for example ``lightgbm``.
            version: semantic version; assigned (next patch) if not given.
            stage: ``trained``, or ``draft`` to declare a version without an artifact.
            dataset_paths: files the model was trained on; their content is hashed. Paths below the
                home are kept from there on, so that the home may move.
            features: a `FeatureGraph`, its spec, or a list of column names.
            config: training configuration; hashed.
            metrics: finite numbers, flat or per split.
            metadata: at most 64 keys of 4 KiB, no secrets.
            provenance: what only the trainer knows: ``seed``, ``split_windows``, ``trained_end``,
                ``git`` as ``(commit, dirty)``, ``packages`` as versions by name (instead of the
                versions installed here), ``drift_baseline``; at most 1 MiB of JSON together with
                `features`.
            at: when it was registered, for backfills; database time if not given.

        Raises:
            InvalidInputError: and its kinds, for what can never be right.
            VersionExistsError: the number belongs to other bytes.
            UnsafeFormatError: the object could only be pickled and that is not allowed here.
            StorageFullError, DatabaseUnavailableError: nothing was changed; repeat the call.
        """
        check_model_name(name)
        target = lifecycle.parse_stage(stage)
        if target not in (Stage.DRAFT, Stage.TRAINED):
            raise InvalidInputError(
                f"a version cannot be registered as {target}; register it as trained, then "
                "validate and promote it"
            )
        if (model is not None) and (model_path is not None):
            raise InvalidInputError("give model or model_path, not both")
        if (model is None and model_path is None) != (target is Stage.DRAFT):
            raise InvalidInputError(
                "a draft has no artifact" if target is Stage.DRAFT else "give model or model_path"
            )
        graph = FeatureGraph.of(features)
        given = attachments.check_provenance(provenance)
        spec = None if graph is None else graph.spec()
        check_no_secret_inside(spec, where="the feature specification")
        attachments.check_size(given, spec)
        checked_metrics = attachments.check_metrics(metrics)
        paths = attachments.check_paths(dataset_paths)
        manifest = build_manifest(
            dataset=dataset_identity(paths).relative_to(self._artifacts.home) if paths else None,
            features=graph,
            config=None if config is None else attachments.check_config(config),
            metrics=checked_metrics,
            **given,
        )
        members: dict[str, bytes | Path] | None = None
        format_name = ""
        if model is not None:
            dumped, format_name = dump_model(model, allow_pickle=self._settings.allow_pickle)
            members = dict(dumped)
        elif model_path is not None:
            members, format_name = collect_members(model_path)
        return registering.register(
            self._database,
            self._artifacts,
            registering.Registration(
                name=name,
                version=None if version is None else SemanticVersion.parse(version),
                model_type=attachments.check_text(
                    model_type, what="model_type", limit=64, required=True
                ),
                kind=self._kind_of(name),
                format=format_name,
                description=attachments.check_text(description, what="description", limit=4096),
                tags=attachments.check_tags(tags),
                metrics=checked_metrics,
                metadata=attachments.check_metadata(metadata),
                manifest=manifest,
                provenance_digest=provenance_digest(manifest),
                feature_spec=spec,
                created_by=attachments.check_person(created_by, what="created_by"),
                at=None if at is None else as_utc(at),
            ),
            members,
        )

    # -- questions ----------------------------------------------------------------------------

    def resolve(self, ref: ModelVersion | str) -> ModelVersion:
        """The version that a reference means, as it stands now."""
        with self._database.read() as connection:
            return records.resolve(connection, ref)

    def get_model(self, name: str, version: str) -> ModelVersion:
        """The version with this number; `NotFoundError` if there is none."""
        return self.resolve(f"{check_model_name(name)}:{SemanticVersion.parse(version)}")

    def get_latest_version(self, name: str, stage: str | None = None) -> ModelVersion | None:
        """The highest semantic version, in a stage if given; `None` if there is none."""
        wanted = None if stage is None else lifecycle.parse_stage(stage)
        with self._database.read() as connection:
            return records.latest(connection, check_model_name(name), wanted)

    def get_production_model(self, name: str, at: datetime | None = None) -> ModelVersion | None:
        """The champion: of the highest generation, or of the highest one effective at `at`."""
        check_model_name(name)
        with self._database.read() as connection:
            if at is None:
                return records.in_production(connection, name)
            live = live_version_id(connection, name, as_utc(at))
            return None if live is None else records.by_id(connection, live)

    def list_models(
        self,
        name: str | None = None,
        model_type: str | None = None,
        stage: str | None = None,
        active_only: bool = False,
        tag: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> records.Page:
        """A page of versions, by name and then newest number first.

        ``active_only`` leaves out what is retired or failed. Go on with ``cursor=page.next_cursor``
        until that is `None`.
        """
        with self._database.read() as connection:
            return records.page(
                connection,
                name=None if name is None else check_model_name(name),
                model_type=model_type,
                stage=None if stage is None else lifecycle.parse_stage(stage),
                active_only=active_only,
                tag=tag,
                limit=limit,
                cursor=cursor,
            )

    def generation(self, name: str) -> int:
        """The value for ``expected_generation``: how often the model was activated so far."""
        with self._database.read() as connection:
            return generation(connection, check_model_name(name))

    def get_model_performance_summary(self) -> dict[str, Any]:
        """Counts and the champions' metrics, as document 000 names them (see `summary`)."""
        with self._database.read() as connection:
            return performance_summary(connection)

    def load_model(
        self,
        ref: ModelVersion | str,
        *,
        current_dataset_paths: Iterable[str | Path] | str | Path | None = None,
        verify_dataset_hash: bool | Literal["schema"] = True,
        features: object = None,
    ) -> tuple[Any, ModelVersion]:
        """The model, after its bytes, its data and its features were found to be the registered
        ones.

        See ``governance.registry.loading`` for the order of the checks and the errors.
        """
        return loading.load(
            self._database,
            self._artifacts,
            self.resolve(ref),
            current_dataset_paths=current_dataset_paths,
            verify_dataset_hash=verify_dataset_hash,
            features=features,
            settings=self._settings,
        )

    # -- changes ------------------------------------------------------------------------------

    def transition(
        self,
        ref: ModelVersion | str,
        stage: str,
        by: str,
        reason: str,
        at: datetime | None = None,
    ) -> ModelVersion:
        """Move a version along the lifecycle by hand; into and out of production is refused.

        Raises:
            UsePromotionError, IllegalTransitionError: see ``governance.registry.lifecycle``.
        """
        target = lifecycle.parse_stage(stage)
        attachments.check_person(by, what="by")
        attachments.check_reason(reason)
        with self._database.begin() as tx:
            lock_head(tx, records.resolve(tx, ref).name)
            version = records.resolve(tx, ref)
            lifecycle.check_transition(version.stage, target)
            move(tx, version, target, by=by, reason=reason, at=None if at is None else as_utc(at))
            return records.resolve(tx, version.id)

    def deactivate_model(
        self, ref: ModelVersion | str, by: str, reason: str, at: datetime | None = None
    ) -> ModelVersion:
        """Withdraw a version for good reason: it becomes retired. The champion is refused."""
        version = self.resolve(ref)
        if version.stage is Stage.PRODUCTION:
            raise UsePromotionError(
                f"{version.ref} is in production; promote another version first"
            )
        return self.transition(version, Stage.RETIRED, by, reason, at)
