"""`python -m local.winter_story`: arrival_delay watched hour by hour, 1 February to 30 April 2013,
as of then, with what `docs/a-winter-of-flights.md` says of it.

The model is trained as of 1 February in a temporary home and put into production; `gov.drift.scan`
looks at every hour. Prints the figures that the page quotes and draws its pictures
(``winter_pictures``). The same code gives the same lines and the same bytes. About two minutes.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any, Self
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import track
from scipy.stats import kstwobign

from governance import Governance
from governance.history.incident_handling import Incident
from governance.values import Severity, parse_time
from local import here
from local.winter_pictures import Band, Histogram, Line, histograms_svg, ks_svg, references_svg

MODEL = "arrival_delay"
HOUR = timedelta(hours=1)
NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2013, 2, 1, 5, tzinfo=UTC)  # midnight in New York
END = datetime(2013, 5, 1, 4, tzinfo=UTC)
STORM = datetime(2013, 2, 9, 1, tzinfo=UTC)  # 20:00 on the 8th
SNOW = datetime(2013, 3, 9, 5, tzinfo=UTC)  # the 8th of March is over
SHOWN = ("departure_minute", "departure_delay", "precip", "visib", "humid")
BESIDE = ("visib", "humid")
PICTURES = here.ROOT / "docs" / "pictures"
BARE_P, EFFECT = 0.05, 0.1


@dataclass(frozen=True, slots=True)
class Look:
    """What the story needs of a report; ``features`` are plain JSON by name."""

    at: datetime
    severity: Severity
    close: bool
    event: str | None
    rows: int
    breadth_p: float | None
    features: Mapping[str, Mapping[str, Any]]
    histograms: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Self:
        reference = report["reference"]
        return cls(
            at=parse_time(report["at"]),
            severity=Severity(report["severity"]),
            close=reference["window"]["day_close"],
            event=report["event"],
            rows=report["rows"],
            breadth_p=reference["breadth_p"],
            features={item["feature"]: item for item in report["features"]},
            histograms=reference["histograms"],
        )

    def drifted(self) -> list[str]:
        return [
            name
            for name, item in self.features.items()
            if item["severity"] in (Severity.MODERATE, Severity.SEVERE)
        ]

    def bare(self) -> int:
        """Numeric features that a two-sample test of independent rows would call drifted."""
        return sum(_bare_p(item) < BARE_P for item in self.features.values())

    def frozen_flags(self) -> list[str]:
        """Features that the frozen reference alone would flag."""
        return [
            name
            for name, item in self.features.items()
            if (fixed := item["frozen"]) is not None
            and (fixed["q_value"] or 1.0) <= BARE_P
            and (fixed["ks"] or 0.0) >= EFFECT
        ]


def _bare_p(item: Mapping[str, Any]) -> float:
    if item["ks"] is None:
        return 1.0
    n, m = item["reference_rows"], item["rows"]
    return float(kstwobign.sf(item["ks"] * (n * m / (n + m)) ** 0.5))


def replay(
    home: Path, *, end: datetime = END, each: Callable[[Iterable[int]], Iterable[int]] = iter
) -> tuple[list[Look], list[Incident]]:
    """Train as of the start, look at every hour up to ``end``; looks and incidents, oldest first.

    Args:
        each: goes through the numbers of the looks, and may show progress.
    """
    (home / "config").mkdir(parents=True)
    for name in ("governance.yaml", "promotion_policy.yaml"):
        copy(here.ROOT / "config" / name, home / "config" / name)
    with Governance.open(home=home, database=f"sqlite:///{home}/governance.db") as gov:
        gov.cycle.check_data(MODEL, run="winter", at=START)
        gov.cycle.train(MODEL, run="winter", at=START)
        made = gov.cycle.register(MODEL, run="winter", at=START, by="story")
        gov.cycle.validate(made["ref"], by="story", at=START)
        gov.promotion.promote_to_production(
            made["ref"], by="story", force=True, reason="first version", at=START
        )
        looks = [
            Look.of(gov.drift.scan(MODEL, at=START + number * HOUR).as_json())
            for number in each(range(1, int((end - START) / HOUR) + 1))
        ]
        found = sorted(gov.alerts.list(model=MODEL), key=lambda incident: incident.opened_at)
    return looks, found


def told(looks: Sequence[Look], incidents: Sequence[Incident]) -> list[str]:
    """The figures of the replay, one line each; the page quotes them."""
    closes = [look for look in looks if look.close]
    quiet = [look for look in closes if look.severity is Severity.NORMAL]
    counts = Counter(look.severity for look in looks)
    numeric = sum(item["kind"] == "numeric" for item in looks[-1].features.values())
    lines = [f"{len(looks)} looks: {', '.join(f'{counts[s]} {s}' for s in Severity)}"]
    for found in incidents:
        end = "still open" if found.closed_at is None else f"closed {_local(found.closed_at)}"
        lines.append(
            f"{_local(found.opened_at)}  {found.severity}, rule {found.rule}: "
            f"{', '.join(found.features)}; {end}"
        )
    lines += [f"closes of a day: {len(closes)}, normal: {len(quiet)}; the others:"]
    for look in closes:
        if look.severity is not Severity.NORMAL:
            names = ", ".join(look.drifted()) or "no feature by itself"
            lines.append(f"  {_day(look.at)}  {look.severity}, {look.rows} flights: {names}")
    if quiet:
        bare = [look.bare() for look in quiet]
        lines.append(
            f"a bare KS test (p < {BARE_P:g}) calls {mean(bare):.1f} of {numeric} numeric features "
            f"drifted on the normal days, at least {min(bare)}"
        )
    flagged = [look for look in quiet if look.frozen_flags()]
    days = ", ".join(f"{_day(look.at)} ({', '.join(look.frozen_flags())})" for look in flagged)
    lines.append(
        f"the frozen reference alone would flag {len(flagged)} normal days"
        + (f": {days}" * bool(days))
    )
    return lines


def draw(looks: Sequence[Look], incidents: Sequence[Incident]) -> dict[str, str]:
    """File name to SVG."""
    bands = [
        Band(found.opened_at, found.closed_at or looks[-1].at, _short(found.opened_at))
        for found in incidents
    ]
    by_time = {look.at: look for look in looks}
    lines = [Line(name, [(look.at, look.features[name]["ks"]) for look in looks]) for name in SHOWN]
    closes = [look for look in looks if look.close]
    pairs = [
        (
            Line(name, [(look.at, look.features[name]["ks"]) for look in closes]),
            Line(name, [(look.at, _frozen(look, name)) for look in closes]),
        )
        for name in BESIDE
    ]
    pictures = {
        "winter-ks.svg": ks_svg(lines, bands),
        "winter-references.svg": references_svg(pairs, bands),
    }
    for moment, name, names in (
        (STORM, "winter-storm.svg", ("departure_minute", "precip")),
        (SNOW, "winter-snow.svg", ("departure_delay", "precip")),
    ):
        if moment in by_time:
            shown = by_time[moment].histograms
            panels = [Histogram(key, shown[key]) for key in names if key in shown]
            pictures[name] = histograms_svg(panels, window=f"the day before {_local(moment)}")
    return pictures


def _frozen(look: Look, name: str) -> float | None:
    beside = look.features[name]["frozen"]
    return None if beside is None else beside["ks"]


def _local(moment: datetime) -> str:
    there = moment.astimezone(NEW_YORK)
    return f"{there.day} {there:%B %H:%M}"


def _day(close: datetime) -> str:
    """The day that ends with this look."""
    there = (close - HOUR).astimezone(NEW_YORK)
    return f"{there:%a} {there.day} {there:%B}"


def _short(opened: datetime) -> str:
    there = (opened - HOUR).astimezone(NEW_YORK)
    return f"{there.day} {there:%b}"


def main() -> int:
    console = Console(stderr=True)
    for name in [name for name in os.environ if name.startswith("GOVERNANCE_")]:
        del os.environ[name]  # the story is the repository's, not this installation's
    with TemporaryDirectory() as folder:
        looks, found = replay(
            Path(folder) / "home",
            each=lambda numbers: track(list(numbers), "looking", console=console),
        )
    for line in told(looks, found):
        print(line)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name, picture in draw(looks, found).items():
        (PICTURES / name).write_text(picture, encoding="utf-8")
        console.print(f"docs/pictures/{name}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
