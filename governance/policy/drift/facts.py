"""What the drift policy is given: figures of features, and what was wrong with the data.

Plain values; ``governance.evidence.drift`` converts into them. A figure that does not exist is
``None``, never NaN.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, Self

from governance.values import Severity


class Finding(StrEnum):
    """What is said of one feature."""

    STABLE = "stable"
    SHIFTED = "shifted"  # effect and significance
    MISSING_VALUES = "missing_values"  # their share rose
    ALL_MISSING = "all_missing"
    NEW_CATEGORIES = "new_categories"  # rows in values that the reference never had
    CONSTANT = "constant"  # one and the same value on both sides, so that nothing can be told
    BECAME_CONSTANT = "became_constant"
    INFINITE_VALUES = "infinite_values"
    COLUMN_MISSING = "column_missing"  # dropped or renamed
    WRONG_DTYPE = "wrong_dtype"
    AMBIGUOUS_COLUMN = "ambiguous_column"  # the name stands twice
    TOO_FEW_ROWS = "too_few_rows"
    NO_REFERENCE = "no_reference"  # nothing to compare with
    NOT_CALIBRATED = "not_calibrated"  # too few reference days to say what is normal


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenFigures:
    """Against the days that the version was trained (or first watched) on."""

    ks: float | None = None
    psi: float | None = None
    mean_shift: float | None = None
    q_value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFigures:
    """One feature of one look, measured.

    Attributes:
        rows, reference_rows: non-missing, finite values of the window and of the reference.
        missing_share, reference_missing_share: of all rows, 0 to 1.
        new_share: rows in values that the edges never had, of the non-missing ones.
        infinite: number of infinite values.
        ks, ks_bound: KS distance from the profiles, and by how much the exact one may be larger.
        psi, psi_null: PSI on at most 10 groups (categories: each), and its 95 % quantile under no
            drift for independent rows.
        effect: what limits on the effect are held against: KS distance, or for categories the
            total variation beyond what days without drift have.
        z: studentised against the reference's day blocks; p_value from it, q_value over all
            features of the look (Benjamini-Hochberg).
        mean_shift: in standard deviations of the reference; variance_ratio: window / reference.
        constant: has the window one single value, while the reference has several?
        single: has the reference one single value, so that nothing can move but away from it?
        importance: share of the model's importance, 0 to 1; None where it is not known.
        problem: why there are no figures.
    """

    feature: str
    kind: Literal["numeric", "categorical"]
    rows: int = 0
    reference_rows: int = 0
    missing_share: float | None = None
    reference_missing_share: float | None = None
    new_share: float | None = None
    infinite: int = 0
    ks: float | None = None
    ks_bound: float | None = None
    psi: float | None = None
    psi_null: float | None = None
    chi_square: float | None = None
    jensen_shannon: float | None = None
    wasserstein: float | None = None
    mean_shift: float | None = None
    variance_ratio: float | None = None
    effect: float | None = None
    z: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    constant: bool = False
    single: bool = False
    importance: float | None = None
    frozen: FrozenFigures | None = None
    problem: Finding | None = None

    def as_json(self) -> dict[str, Any]:
        """
        >>> figures = FeatureFigures(feature="visib", kind="numeric", ks=0.3)
        >>> FeatureFigures.from_json(figures.as_json()) == figures
        True
        """
        # Not asdict, which copies deeply: fifty of these are a tenth of a scan.
        plain: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        return {**plain, "frozen": None if self.frozen is None else asdict(self.frozen)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        given = dict(data)
        if given.get("frozen"):
            given["frozen"] = FrozenFigures(**given["frozen"])
        if given.get("problem"):
            given["problem"] = Finding(given["problem"])
        return cls(**given)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureVerdict:
    """What the policy says of one feature; ``reason`` is one sentence for people."""

    figures: FeatureFigures
    severity: Severity
    finding: Finding
    flagged: bool
    urgent: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at a model, as measured: all that the policy judges.

    Attributes:
        features: figures of every watched feature.
        rows: rows of the window.
        breadth_p: how unusual all features taken together are (calibrated p-value); None where
            there is no calibration.
        missing_hours: hours that should have data and have none, with why (ISO time: reason).
        day_close: does this look end a calendar day of the model?
        problems: what was wrong with the data as a whole, one sentence each.
        stray_rows: rows that came with the window and lie outside their hour, or have no time.
        usual_rows: rows of a reference day of this class, on average; None where it is not known.
    """

    features: tuple[FeatureFigures, ...]
    rows: int
    breadth_p: float | None = None
    missing_hours: dict[str, str] = field(default_factory=dict)
    day_close: bool = False
    problems: tuple[str, ...] = ()
    stray_rows: int = 0
    usual_rows: float | None = None
