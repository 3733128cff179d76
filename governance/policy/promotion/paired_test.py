"""Is a candidate better than the champion? A one-sided test of the paired mean difference that may
be looked at after every session, as long as one likes.

Differences d_1 ... d_n (candidate minus champion) with mean m and standard deviation s give
t = sqrt(n) * m / s. Under normal differences with the unknown effect size delta = mean / sd, the
likelihood ratio of t between delta and 0 depends on n and t alone, whatever the unknown spread is.
Averaged over a prior on positive delta it is the e-value: evidence against "not better". At
delta = 0 it is a martingale that begins at 1, so the chance that it ever reaches 1/alpha, over all
looks, is at most alpha (Ville 1939). For delta below 0 it is smaller still.

Sources: mixtures over the effect, Robbins (1970, Annals of Mathematical Statistics 41); the
scale-invariant likelihood ratio of t, Lai (1976, Annals of Statistics 4); as an e-process,
Perez-Ortiz, Lardy, de Heide and Gruenwald (2024, Annals of Statistics 52, arXiv 2208.07610);
anytime-valid t-tests, Wang and Ramdas (2025, arXiv 2310.03722). Number of candidates: Bonferroni;
why one must count them, Bailey and Lopez de Prado (2014, SSRN 2460551).

Not promised: the level where differences have a long left tail (rare large losses) or follow each
other (autocorrelation); ADR 0016 has figures. Drawdown has a gate of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, inf, lgamma, log, log1p, pi, sqrt
from typing import Literal

from governance.errors import InvalidInputError
from governance.policy.facts import finite

# The prior on delta is delta / g * exp(-delta^2 / (2 g)) for delta > 0: its mode is this scale. One
# eighth of a session's spread is about the smallest advantage that 250 sessions can show.
SCALE = 0.125
# Fewer pairs decide nothing: t of a few differences rests on their normality alone.
MIN_PAIRS = 20
# "Never": four centuries of trading days.
_MOST = 100_000


def log_e_value(pairs: int, t: float) -> float:
    """Logarithm of the e-value of ``pairs`` differences with t-statistic ``t``; ``-inf`` for none.

    With n pairs, nu = n - 1, r = n g / (1 + n g), y = t / sqrt(nu + t^2), c = y sqrt(r) /
    sqrt(1 - r y^2) and F(x; k) the distribution function of Student's t with k degrees of freedom::

        e = (1 + 2 sqrt(pi) Gamma((n + 1) / 2) / Gamma(n / 2)
             * y sqrt(r) (1 - r y^2)^(-(n + 1) / 2) F(sqrt(n + 1) c; n + 1)) / (1 + n g)

    which is the integral over delta and the unknown spread in closed form (a test holds it against
    the numerical integral).

    >>> round(exp(log_e_value(60, 3.0)), 4), round(exp(log_e_value(60, 0.0)), 4)
    (19.0966, 0.5161)
    """
    from scipy.special import stdtr  # half a second to import

    if pairs < 2:
        return 0.0
    nu, spread = pairs - 1, pairs * SCALE**2
    share = spread / (1 + spread)
    # log(1 / (1 - r y^2)), stable for large t
    growth = log1p(t * t / nu) - log1p(t * t / (nu * (1 + spread)))
    c = sqrt(share) * t / sqrt(nu + t * t / (1 + spread))
    tail = float(stdtr(pairs + 1, sqrt(pairs + 1) * c))
    if tail == 0:
        return -inf
    if abs(t) < 1e-200:
        return -log1p(spread)
    size = (
        log(2 * sqrt(pi) * abs(t) / sqrt(nu + t * t) * sqrt(share) * tail)
        + lgamma((pairs + 1) / 2)
        - lgamma(pairs / 2)
        + (pairs + 1) / 2 * growth
    )
    if t < 0:  # 1 - exp(size): what cancellation leaves is no evidence
        return log(-expm1(size)) - log1p(spread) if size < 0 else -inf
    return (size if size > 700 else log1p(exp(size))) - log1p(spread)


@dataclass(frozen=True, slots=True)
class PairedTest:
    """What paired differences say, judged at ``alpha / candidates``.

    Attributes:
        pairs, mean, sd: of the differences, candidate minus champion; ``sd`` with n - 1.
        candidates: versions tried against this champion, this one included.
        alpha: chance of calling one of them better that is not, over all looks.

    >>> PairedTest(pairs=60, mean=0.5, sd=1.0, candidates=1, alpha=0.05).verdict
    'better'
    >>> PairedTest(pairs=60, mean=0.5, sd=1.0, candidates=100, alpha=0.05).sessions_needed
    38
    """

    pairs: int
    mean: float | None
    sd: float | None
    candidates: int = 1
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if not (0 < self.alpha < 1) or self.candidates < 1 or self.pairs < 0:
            raise InvalidInputError(
                "a paired test needs alpha between 0 and 1, at least one candidate and no negative "
                "number of pairs"
            )

    @property
    def t(self) -> float | None:
        """``sqrt(n) * mean / sd``; ``None`` where it does not exist: no two pairs, no spread."""
        mean, spread = finite(self.mean), finite(self.sd)
        if self.pairs < 2 or mean is None or spread is None or not spread > 0:
            return None
        return finite(sqrt(self.pairs) * mean / spread)

    @property
    def threshold(self) -> float:
        """The e-value asked: ``candidates / alpha``."""
        return self.candidates / self.alpha

    @property
    def e_value(self) -> float | None:
        """Evidence that the candidate is better; ``None`` without a t-statistic. At most 1e300."""
        return None if self.t is None else exp(min(log_e_value(self.pairs, self.t), 690.0))

    @property
    def p_value(self) -> float | None:
        """``min(1, candidates / e_value)``: valid at every look, for all candidates together."""
        if self.t is None:
            return None
        return exp(min(0.0, log(self.candidates) - log_e_value(self.pairs, self.t)))

    @property
    def verdict(self) -> Literal["better", "worse", "open"]:
        """Better or worse than the champion, or not shown yet."""
        if self.t is None or self.pairs < MIN_PAIRS:
            return "open"
        for sign, word in ((1, "better"), (-1, "worse")):
            if log_e_value(self.pairs, sign * self.t) >= log(self.threshold):
                return word  # type: ignore[return-value]  # one of the two words above
        return "open"

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where the true mean difference lies; each end holds at every look, at ``alpha /
        candidates``. ``None`` without a spread.

        The lower end is above 0 exactly when the candidate is shown better, the upper one below 0
        when worse (from ``MIN_PAIRS`` on).
        """
        if self.t is None or self.mean is None or self.sd is None:
            return None
        half = _critical_t(self.pairs, log(self.threshold)) * self.sd / sqrt(self.pairs)
        return self.mean - half, self.mean + half

    @property
    def sessions_needed(self) -> int | None:
        """How many more sessions show the candidate better if they go on as up to now.

        0 when it is shown; ``None`` when the present estimate would never get there: it is not
        above 0, or so small that a lifetime would not do. Of fewer than ``MIN_PAIRS`` no such
        estimate is believed: at least those are needed.
        """
        effect = 0.0 if self.t is None else self.t / sqrt(self.pairs)
        if effect <= 0:
            return MIN_PAIRS - self.pairs if self.pairs < MIN_PAIRS else None
        asked = log(self.threshold)
        low, high = max(self.pairs, MIN_PAIRS), _MOST

        def reached(n: int) -> bool:
            return log_e_value(n, effect * sqrt(n)) >= asked

        if reached(low):
            return low - self.pairs
        if not reached(high):
            return None
        while high - low > 1:  # evidence for a fixed effect grows with n once it is above 1
            middle = (low + high) // 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        return high - self.pairs


def _critical_t(pairs: int, asked: float) -> float:
    """The t whose log e-value is ``asked`` (it grows with t); by the Illinois method.

    ``inf`` for so few pairs that no t would do.
    """
    low, high = 0.0, 2.0
    below, above = log_e_value(pairs, low) - asked, log_e_value(pairs, high) - asked
    while above < 0:
        low, below, high = high, above, high * 2
        above = log_e_value(pairs, high) - asked
        if high > 1e9:
            return inf
    kept_low = kept_high = 0
    while high - low > 1e-10 * high:
        share = below / (below - above)
        # An end that stays twice counts for half, so that the other one moves, too.
        middle = low + (high - low) * min(max(share, 1e-6), 1 - 1e-6)
        value = log_e_value(pairs, middle) - asked
        if value >= 0:
            high, above, kept_high, kept_low = middle, value, 0, kept_low + 1
            below = below / 2 if kept_low > 1 else below
        else:
            low, below, kept_low, kept_high = middle, value, 0, kept_high + 1
            above = above / 2 if kept_high > 1 else above
        if value == 0:
            break
    return high
