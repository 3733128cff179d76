"""What the promotion gates are given: plain values, frozen into the decision.

Evidence, registry and history convert into these types; nothing is looked up later, so that a
decision can be replayed without the database it came from: ``from_json(as_json(x)) == x``. A figure
that is not finite becomes ``None`` on the way in, and ``None`` never passes a gate.

Neighbours: ``limits`` says what is asked, ``governance.policy.gates`` compares. Not here: how a
fact is measured.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from governance.policy.facts import LoadFact, finite
from governance.values import Kind, Severity, Stage, Verdict

Figure = Annotated[float | None, BeforeValidator(finite)]


def _no_nan(value: Any) -> Any:
    return finite(value) if isinstance(value, float) else value


FigureOrText = Annotated[float | str | None, BeforeValidator(_no_nan)]


class Fact(BaseModel):
    """A frozen part of the facts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, data: Any) -> Self:
        return cls.model_validate(data)


class BundleFacts(Fact):
    """What a bundle of several models says of itself. Keys are ``target:horizon``.

    Attributes:
        targets: what is predicted. horizons: how far ahead, in bars or minutes.
        members: whether the file of each model is on disk.
        thresholds: above which each model acts, a probability.
        mfe_bps, mae_bps: mean favourable and adverse excursion, basis points. The adverse one
            counts by its size, whichever sign the trainer writes: further from zero is worse.
    """

    targets: tuple[str, ...] = ()
    horizons: tuple[int, ...] = ()
    members: dict[str, bool] = Field(default_factory=dict)
    thresholds: dict[str, Figure] = Field(default_factory=dict)
    mfe_bps: dict[str, Figure] = Field(default_factory=dict)
    mae_bps: dict[str, Figure] = Field(default_factory=dict)


class VersionFacts(Fact):
    """One version, the candidate or the champion.

    Attributes:
        trained_end: ISO time of the last row it was trained on; ``None`` if not recorded.
        feature_version: what names its feature set: the feature graph's hash, or a foreign
            trainer's own name.
        metrics: split -> metric -> value. provenance: field -> hash.
    """

    version_id: str
    version: str
    digest: str
    created_by: str
    trained_end: str | None = None
    feature_version: str | None = None
    metrics: dict[str, dict[str, Figure]] = Field(default_factory=dict)
    provenance: dict[str, str | None] = Field(default_factory=dict)
    bundle: BundleFacts | None = None


class ShadowFacts(Fact):
    """A version's shadow sessions, summed up (``governance.evidence.shadow``).

    Attributes:
        sessions: distinct ids. days: distinct dates in the model's time zone. trades: their sum.
        turnover_ratio, avg_latency_ms, error_rate: trade-weighted means.
        sharpe_ratio, max_drawdown: of the pooled returns, else mean and maximum.
        drift_psi: maximum.
        pooled: the two come from pooled returns.
        lacking: figures that some session with trades does not have, so that the others stand for
            it; such a figure passes no gate.
        soak_hours: since the running trial began; ``None`` when none runs.
    """

    sessions: int = 0
    days: int = 0
    trades: int | None = None
    turnover_ratio: Figure = None
    sharpe_ratio: Figure = None
    max_drawdown: Figure = None
    drift_psi: Figure = None
    avg_latency_ms: Figure = None
    error_rate: Figure = None
    pooled: bool = False
    lacking: tuple[str, ...] = ()
    soak_hours: Figure = None


class PairedFacts(Fact):
    """Sessions that candidate and champion both saw: candidate minus champion, sufficient figures.

    Attributes:
        benchmark: version id it is compared with. pairs: number of shared sessions.
        mean, sd: of the differences; ``sd`` with n - 1.
        candidates: versions tried against this benchmark, this one included.
    """

    benchmark: str
    pairs: int
    mean: Figure = None
    sd: Figure = None
    candidates: int = 1


class DriftFacts(Fact):
    """The latest drift report of the model at the time of the decision."""

    severity: Severity
    report_id: str
    at: str
    age_hours: Figure
    max_psi: Figure = None


class ApprovalFacts(Fact):
    """Who approved. ``bound`` is false for a name given by a caller, true for an answered request
    whose digest, policy and generation were compared.
    """

    approved_by: str | None = None
    bound: bool = False


class OtherEvidence(Fact):
    """What an experiment or a fairness check said: the open gate point."""

    result: Verdict
    observed: FigureOrText = None
    threshold: FigureOrText = None
    reason: str = ""


class PromotionFacts(Fact):
    """
    Attributes:
        at: the evidence cut-off, ISO.
        intact: the bytes on disk have the registered digest; ``None``: nobody looked.
        ever_active: some version of the model was in production at some time.
        champion: the version in production now; ``None`` if none is.
        validation: verdict of the latest validation decision; ``None``: never judged.
        owner: who answers for scheduled runs; may not approve either what ran in their name.
    """

    at: str
    kind: Kind
    stage: Stage
    candidate: VersionFacts
    champion: VersionFacts | None = None
    ever_active: bool = False
    intact: bool | None = None
    load: LoadFact | None = None
    validation: Verdict | None = None
    shadow: ShadowFacts | None = None
    paired: PairedFacts | None = None
    drift: DriftFacts | None = None
    approval: ApprovalFacts = ApprovalFacts()
    owner: str | None = None
    other: dict[str, OtherEvidence] = Field(default_factory=dict)
