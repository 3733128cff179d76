"""``promotion_policy.yaml``: what is asked of models, for all, for a kind, for single ones.

A file without a key, even without a byte, means the defaults; a broken one is an error. The limits
themselves are ``governance.policy``'s; which of them count for a model, it says, too
(``governance.policy.promotion.effective``). What counts while the file is broken or gone is
``governance.decisions.policy_in_force``'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from governance.config.document import Section, take
from governance.config.metric_names import METRICS
from governance.config.reading import read_document
from governance.config.strict_yaml import Document, parse_yaml, refuse
from governance.config.words import ModelName
from governance.errors import ConfigError
from governance.policy.drift.limits import DriftLimits
from governance.policy.facts import Mode
from governance.policy.promotion.limits import DEFAULTS, MetricMinimum, Person, PromotionLimits
from governance.settings import Settings
from governance.values import Kind


def _possible(asked: MetricMinimum) -> MetricMinimum:
    known = METRICS.get(asked.metric)
    if known is not None and asked.min is not None and asked.min > known.highest:
        raise ValueError(f"{asked.metric} is never above {known.highest:g}, so nothing can pass")
    if known is not None and asked.max is not None and asked.max < known.lowest:
        raise ValueError(f"{asked.metric} is never below {known.lowest:g}, so nothing can pass")
    return asked


class PromotionPolicy(PromotionLimits):
    """What a version must show before it decides. A key that is not given leaves what was asked
    before: by the kind, by the defaults of the file. ``null`` (``[]`` for a list) asks nothing.
    ``min_sharpe`` and ``max_drawdown``, document 001's words, stand for ``min_live_sharpe`` and
    ``max_drawdown_threshold``.
    """

    metrics: tuple[Annotated[MetricMinimum, AfterValidator(_possible)], ...] = ()

    def given(self) -> dict[str, Any]:
        """What was written, under the names of the limits."""
        return self.model_dump(mode="json", exclude_unset=True)


class ModelPolicy(Section):
    """
    Attributes:
        drift: when live data have drifted, and when that is an alarm.
        promotion: what a version must show before it decides.
    """

    drift: DriftLimits = Field(default_factory=DriftLimits)
    promotion: PromotionPolicy = Field(default_factory=PromotionPolicy)


class Force(Section):
    """Who may force a promotion from Airflow's form. The server checks it; nobody if empty.

    Attributes:
        allowed: names of users.
    """

    allowed: tuple[Person, ...] = ()


def _kinds() -> dict[Kind, PromotionPolicy]:
    return {kind: PromotionPolicy.model_validate(dict(DEFAULTS[kind])) for kind in Kind}


class PolicyFile(Section):
    """The file itself.

    Attributes:
        mode: ``observe`` records what every gate says and lets none of them refuse, for teams that
            start; integrity, load, lifecycle and approval count all the same.
        defaults: for every model.
        kinds: for every model of a kind; stands over ``defaults``.
        models: by name; what is given here stands over both, key by key.
        force: who may force a promotion.
    """

    mode: Mode = "enforce"
    defaults: ModelPolicy = Field(default_factory=ModelPolicy)
    kinds: dict[Kind, PromotionPolicy] = Field(default_factory=_kinds)
    models: dict[ModelName, ModelPolicy] = Field(default_factory=dict)
    force: Force = Field(default_factory=Force)

    def drift(self, model: str) -> DriftLimits:
        """The limits that count for ``model``.

        >>> text = b"defaults: {drift: {min_rows: 50}}\\nmodels: {m: {drift: {calm_days: 3}}}"
        >>> limits = parse_policy(text).drift("m")
        >>> limits.min_rows, limits.calm_days
        (50, 3)
        """
        own = self.models.get(model)
        return self.defaults.drift if own is None else self.defaults.drift.changed_by(own.drift)

    def promotion_layers(self, model: str, kind: Kind) -> tuple[tuple[str, dict[str, Any]], ...]:
        """What the file says of a promotion of ``model``, from the widest to the narrowest.

        >>> text = b"kinds: {trading: {min_sharpe: 1}}\\nmodels: {m: {promotion: {approvers: [a]}}}"
        >>> parse_policy(text).promotion_layers("m", Kind.TRADING)
        (('default', {}), ('kind', {'min_live_sharpe': 1.0}), ('model', {'approvers': ['a']}))
        """
        layers = [("default", self.defaults.promotion.given())]
        if "kinds" in self.model_fields_set and kind in self.kinds:
            layers.append(("kind", self.kinds[kind].given()))
        if model in self.models:
            layers.append(("model", self.models[model].promotion.given()))
        return tuple(layers)


def parse_policy(data: bytes, *, source: str = "promotion_policy.yaml") -> PolicyFile:
    """
    Raises:
        ConfigError: every mistake with its line and column.

    >>> parse_policy(b"# the defaults") == PolicyFile()
    True
    >>> parse_policy(b"kinds: {trading: {min_sharp: 1}}", source="policy.yaml")
    Traceback (most recent call last):
        ...
    governance.errors.ConfigError: policy.yaml:1:19: unknown key 'min_sharp'; did you mean ...
    """
    return _taken(parse_yaml(data, source=source))


def _taken(document: Document) -> PolicyFile:
    """With what a model and the defaults say together: each alone may be right, and both not."""
    if () not in document.values:  # white space and comments
        return PolicyFile()
    policy = take(document, PolicyFile)
    problems = []
    for name in policy.models:
        try:
            policy.drift(name)
        except ValidationError as error:
            said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
            where = f"models.{name}.drift, with the defaults"
            problems.append((document.place(("models", name, "drift")), f"{where}: {said}"))
    if problems:
        raise refuse(document.source, problems)
    return policy


def missing_policy(settings: Settings) -> bool:
    """Is there no policy file at its place? A link that leads nowhere is there, and broken."""
    path: Path = settings.policy_path
    try:
        return not path.exists() and not path.is_symlink()
    except OSError:  # a folder on the way that may not be entered: reading says why
        return False


def why_missing(settings: Settings) -> str:
    """What is wrong where there is none, and what to do."""
    path = settings.policy_path
    if settings.policy is not None:
        return (
            f"GOVERNANCE_POLICY names {path}, which does not exist; correct the path, or unset it "
            "for <home>/config/promotion_policy.yaml"
        )
    return f"{path} is gone; put it back, or an empty file there to say the defaults"


def load_policy(settings: Settings) -> PolicyFile:
    """The policy of this installation, as its file says now."""
    if not missing_policy(settings):
        return read_policy(settings.policy_path)
    if settings.policy is not None:
        raise ConfigError(why_missing(settings))
    return PolicyFile()


def read_policy(path: Path, *, stream: bool = False) -> PolicyFile:
    """
    Args:
        stream: ``/dev/stdin`` is read, too, for a path that somebody typed.

    Raises:
        ConfigError: the file cannot be read, or is wrong.
    """
    return _taken(read_document(path, stream=stream))
