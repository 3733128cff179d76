"""One governed model as ``governance.yaml`` declares it: where its data comes from, how it is
trained, when, and what it must show.

A declaration says what; ``governance.training`` does it. Functions are named here
(``module:function``) and imported only where they run.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from governance.config.data_limits import DataQualityLimits
from governance.config.document import Section
from governance.config.drift import DriftDeclaration
from governance.config.metric_names import METRICS, metrics_of
from governance.config.splits import NAMES, NAMES_OF_METHOD, TimeSplit, WalkForwardSplit
from governance.config.words import Column, FunctionName, Owner, Params, Schedule, Text, TimeZone
from governance.policy.facts import MetricLimit
from governance.policy.validation import ValidationPolicy
from governance.values import Kind


class FunctionCall(Section):
    """An importable function and the parameters it is given.

    Attributes:
        function: ``module:function``, importable wherever the tasks run.
        params: its keyword arguments (a source gets them as one mapping).
    """

    function: FunctionName
    params: Params = Field(default_factory=dict)


class Trainer(FunctionCall):
    """``(TrainingData, TrainerConfig) -> TrainedModel``.

    Attributes:
        function: ``module:function``, importable wherever the tasks run.
        params: given as ``config.params``; the trainer decides what they mean.
        seed: the only source of chance, so that a repeated run gives the same bytes.
    """

    seed: int = Field(default=0, ge=0, lt=2**31)


class Feature(Section):
    """One node of the feature graph.

    Attributes:
        name: the column it makes.
        version: text that its owner changes when its meaning changes.
        dependencies: columns or other features that the logic is given, in this order.
        logic: ``module:function`` ``(frame, **params) -> Series``, or ``column`` for the one
            dependency unchanged.
        params: keyword arguments of the logic.
        output: is it given to the model, or only to other features?
    """

    name: Column
    version: Text
    dependencies: tuple[Column, ...] = ()
    logic: FunctionName | Literal["column"] = "column"
    params: Params = Field(default_factory=dict)
    output: bool = True


class Features(Section):
    """What a model sees, as a graph with one hash.

    Attributes:
        inputs: columns that the data source gives.
        definitions: what is made of them.
    """

    inputs: tuple[Column, ...] = Field(min_length=1)
    definitions: tuple[Feature, ...] = Field(min_length=1)


class Trading(Section):
    """
    Attributes:
        cost_bps: cost of trading the whole capital once, one side, in 1/10,000.
        periods_per_year: rows in a year, which annualises the Sharpe ratio.
    """

    cost_bps: float = Field(ge=0, le=1000)
    periods_per_year: float = Field(gt=0, le=600_000)


class Limit(Section):
    """A limit on one metric of one split.

    Attributes:
        metric: a name from the model's ``metrics``.
        split: train, validation, and test (method ``time``) or out_of_sample (``walk_forward``);
            or the name of a split that only your trainer makes.
        min, max: smallest and largest allowed value, both included.
        mode: ``observe`` records the outcome without deciding.
    """

    metric: Column
    split: Column
    min: float | None = None
    max: float | None = None
    mode: Literal["enforce", "observe"] = "enforce"

    @model_validator(mode="after")
    def _can_pass_and_fail(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max, so nothing can pass; exchange them")
        known = METRICS.get(self.metric)
        if known is not None and self.min is not None and self.min > known.highest:
            raise ValueError(f"{self.metric} is never above {known.highest:g}, so nothing can pass")
        if known is not None and self.max is not None and self.max < known.lowest:
            raise ValueError(f"{self.metric} is never below {known.lowest:g}, so nothing can pass")
        return self

    def as_fact(self) -> MetricLimit:
        return MetricLimit(
            metric=self.metric, split=self.split, min=self.min, max=self.max, mode=self.mode
        )


class Policy(Section):
    """What a version must show to become ``validated``. Promotion has its own file.

    Attributes:
        validation: limits, all of which must hold.
    """

    validation: tuple[Limit, ...] = ()


class Bundle(Section):
    """A version that holds several models, one for each target and horizon.

    Attributes:
        targets: what is predicted, for example reject and break.
        horizons: how far ahead, in rows (bars) of the source.
    """

    targets: tuple[Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,29}$")], ...] = Field(
        min_length=1, max_length=32
    )
    horizons: tuple[Annotated[int, Field(ge=1, le=1_000_000)], ...] = Field(
        min_length=1, max_length=32
    )

    @field_validator("targets", "horizons")
    @classmethod
    def _once(cls, given: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(given)) < len(given):
            raise ValueError("one of them is named twice; name it once")
        return given

    @property
    def members(self) -> dict[str, tuple[str, int]]:
        """Member name to target and horizon, in the order in which they are declared."""
        return {f"{t}_{h}": (t, h) for t in self.targets for h in self.horizons}


class ModelDeclaration(Section):
    """One entry of ``models``; its key is the model's name.

    Attributes:
        kind: what it is for; chooses the metrics and the default criteria of a promotion.
        owner: who answers for scheduled runs; the approver of a promotion must be somebody else.
        description: for people; shown in Airflow and in the record.
        source: ``(at, params) -> DataFrame`` of the rows that were known before ``at``.
        time_column: the column that says when a row was known.
        label: ``(frame, **params) -> Series``, the label of each row, missing while unknown.
        features: the feature graph.
        trainer: ``(TrainingData, TrainerConfig) -> TrainedModel``.
        splits: which rows are trained on, stopped on and measured on.
        data_quality: what the data must satisfy before anything is trained.
        metrics: what is measured on every split; see [metrics](metrics.md).
        trading: costs and calendar of a trading model.
        bundle: the models that a version holds, where it holds several.
        schedule: a cron line in ``timezone``; none for runs on request only.
        timezone: IANA name; the schedule's, and the day boundaries' of this model.
        policy: what a version must show.
        drift: how the version in production is watched; not at all if not given.
    """

    kind: Kind
    owner: Owner
    description: str = Field(default="", max_length=2000)
    source: FunctionCall
    time_column: Column = "time"
    label: FunctionCall
    features: Features
    trainer: Trainer
    splits: WalkForwardSplit | TimeSplit = Field(discriminator="method")
    data_quality: DataQualityLimits = Field(default_factory=DataQualityLimits)
    metrics: tuple[Column, ...] = Field(min_length=1)
    trading: Trading | None = None
    bundle: Bundle | None = None
    schedule: Schedule | None = None
    timezone: TimeZone = "UTC"
    policy: Policy = Field(default_factory=Policy)
    drift: DriftDeclaration | None = None

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in METRICS:
                close = difflib.get_close_matches(name, METRICS, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(METRICS)}"
                raise ValueError(f"unknown metric {name[:60]!r}; {hint}")
        if len(set(names)) < len(names):
            raise ValueError("a metric is named twice; name it once")
        return names

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.kind is Kind.TRADING) != (self.trading is not None):
            need = "needs" if self.trading is None else "has no use for"
            raise ValueError(f"a {self.kind} model {need} the section trading")
        allowed = metrics_of(self.kind)
        if foreign := [name for name in self.metrics if name not in allowed]:
            raise ValueError(
                f"a {self.kind} model has no metric {', '.join(foreign)}; "
                f"choose from {', '.join(allowed)}"
            )
        if unmeasured := [
            limit.metric for limit in self.policy.validation if limit.metric not in self.metrics
        ]:
            raise ValueError(
                f"policy.validation asks for {', '.join(unmeasured)}, which is never measured; "
                "add it to metrics"
            )
        made = NAMES_OF_METHOD[self.splits.method]
        if never := sorted(
            {limit.split for limit in self.policy.validation if limit.split in NAMES} - set(made)
        ):
            raise ValueError(
                f"policy.validation asks for the split {', '.join(never)}, which method "
                f"{self.splits.method} never makes; it makes {', '.join(made)}"
            )
        return self

    def training_config(self) -> dict[str, Any]:
        """What decides the trained bytes, beside data and feature graph; hashed as provenance.

        Who owns the model, when it runs and what it must show are left out: they change no model.
        """
        keep = {"kind", "source", "time_column", "label", "trainer", "splits", "trading"}
        return self.model_dump(mode="json", include=keep)

    def validation_policy(self) -> ValidationPolicy:
        return ValidationPolicy(tuple(limit.as_fact() for limit in self.policy.validation))
