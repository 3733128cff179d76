"""Challengers: who runs beside which champion, how far each is, what the comparison says by now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from governance.api.guard import Asking, right
from governance.api.routing import version_of
from governance.api.shapes.parts import ModelName, VersionRef
from governance.dashboard import words
from governance.dashboard.charts.paired import looks, paired_chart
from governance.dashboard.charts.svg import bar
from governance.dashboard.pages import page
from governance.dashboard.reads.one_model import last_sessions, staged_without_trial
from governance.dashboard.routing import page_router
from governance.evidence.shadow.pairing import difference
from governance.evidence.shadow.progress import USUAL_ALPHA, ShadowProgress
from governance.evidence.shadow.records import recorded_sessions
from governance.evidence.shadow.runs import running_trials
from governance.policy.verdict import GateResult
from governance.registry import records
from governance.values import Verdict
from governance.wiring import Governance

router = page_router()

STAGED = 20
_CSS = {Verdict.PASS: "good", Verdict.FAIL: "bad", Verdict.INSUFFICIENT: "open"}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that is asked, as a bar: ``side`` says whether more or less of it is."""

    said: GateResult
    word: str
    unit: str
    side: str
    picture: Any


@router.get("/challengers", openapi_extra=right("shadow.list"), response_class=Response)
def list_challengers(request: Request, caller: Asking) -> Response:
    """Every trial that runs now, of models that one sees."""
    with caller.gov.database.read() as connection:
        trials = running_trials(connection, patterns=caller.patterns)
        shown = trials[:200]
        sessions = last_sessions(connection, [trial.version_id for trial in shown])
        staged = staged_without_trial(connection, patterns=caller.patterns, limit=STAGED + 1)
    return page(
        request,
        "challengers.html",
        caller=caller,
        trials=shown,
        found=len(trials),
        sessions=sessions,
        staged=staged[:STAGED],
        more_staged=len(staged) > STAGED,
    )


@router.get(
    "/models/{model}/versions/{version}/trial",
    openapi_extra=right("shadow.read"),
    response_class=Response,
)
def get_challenger(
    request: Request, caller: Asking, model: ModelName, version: VersionRef
) -> Response:
    """Progress toward each criterion, the paired comparison, the sessions that are still needed."""
    gov = caller.gov
    found = version_of(gov, model, version)
    progress = gov.shadow.progress(found)
    limits = gov.policy.promotion(model, found.kind).limits
    differences, unit = _differences(gov, model, found.id)
    alpha = limits.max_false_promotion or USUAL_ALPHA
    comparison = progress.comparison
    seen = []
    if comparison is not None and differences:
        seen = looks(differences, candidates=comparison.candidates, alpha=alpha)
    criteria = [criterion(said) for said in progress.criteria]
    return page(
        request,
        "challenger.html",
        caller=caller,
        model=model,
        version=found,
        progress=progress,
        criteria=criteria,
        failing=[one.word for one in criteria if one.said.result is Verdict.FAIL],
        met=sum(said.result is Verdict.PASS for said in progress.criteria),
        comparison=comparison,
        asked=limits.max_false_promotion is not None,
        confidence=100 * (1 - alpha),
        looks=seen,
        picture=paired_chart(differences, seen, unit=unit) if seen else None,
        unit=unit,
        metrics=_metrics(progress),
    )


def criterion(said: GateResult) -> Criterion:
    """A bar that is full where the criterion is met: of what is asked at least, how much is there;
    of what is allowed at most, how much is used, with the limit as a line.
    """
    word, unit, side = words.GATES.get(said.gate, (said.gate, "", "min"))
    share, limit = 0.0, None
    observed, asked = said.observed, said.threshold
    if isinstance(observed, int | float) and isinstance(asked, int | float):
        if side == "min":
            share = observed / asked if asked > 0 else float(observed >= asked)
        else:
            most = max(observed, asked) * 1.25 or 1.0
            share, limit = observed / most, asked / most
    title = f"{word}: {words.figure(observed)} of {words.figure(asked)} {unit}".strip()
    return Criterion(
        said, word, unit, side, bar(share, css=_CSS[said.result], title=title, limit=limit)
    )


def _differences(gov: Governance, model: str, version_id: str) -> tuple[list[float], str]:
    """Of the sessions that both recorded, in order of time; and what they are measured in."""
    with gov.database.read() as connection:
        champion = records.in_production(connection, model)
        if champion is None or champion.id == version_id:
            return [], ""
        mine = recorded_sessions(connection, version_id)
        theirs = recorded_sessions(connection, champion.id)
    found: list[float] = []
    unit = "score"
    for session in mine.in_order:
        other = theirs.by_id.get(session.id)
        if other is None:
            continue
        gained = difference(session.stats, other.stats)
        if gained is None:
            continue
        if session.stats.returns is not None and other.stats.returns is not None:
            unit = "sum of returns (0.01 = 1 %)"
        found.append(gained)
    return found, unit


def _metrics(progress: ShadowProgress) -> list[tuple[str, Any, str]]:
    """Figures of the sessions together, each with its unit."""
    seen = progress.metrics
    return [
        ("Sessions", seen.sessions_completed, "sessions"),
        ("Days", seen.days, "days"),
        ("Trades", seen.total_trades, "trades"),
        ("Turnover", seen.turnover_ratio, words.TIMES_BENCHMARK),
        ("Sharpe ratio", seen.live_sharpe_ratio, "annualised"),
        ("Largest drawdown", _share(seen.max_drawdown), ""),
        ("Largest drift", seen.drift_psi, "PSI"),
        ("Latency", seen.avg_latency_ms, "ms"),
        ("Errors", _share(seen.error_rate), "of answers"),
        ("Time in trial", _tenths(seen.soak_hours), "h"),
    ]


def _share(share: float | None) -> str | None:
    return None if share is None else words.percent(share)


def _tenths(hours: float | None) -> float | None:
    return None if hours is None else round(hours, 1)
