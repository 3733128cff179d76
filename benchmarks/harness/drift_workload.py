"""The data that drift is measured on: seeded, Parquet by hour, made once for each size and seed.

A reference, and after it one day in which a known part of the features has shifted; the same
distributions reach further back, so that a reference three times as long can be measured. Four
fifths of the columns are numbers (normal, skewed, counts with heavy ties), the rest is text; 5 % of
the values are missing; days differ a little, and weekends by more, as days do. Not promised: that
anybody's data look like this.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

LAYOUT: Final = "date=%Y-%m-%d/hour=%H"
TIME: Final = "event_time"
DAY: Final = datetime(2025, 6, 4, tzinfo=UTC)  # the day that is judged, a Wednesday
MISSING: Final = 0.05
HOUR: Final = timedelta(hours=1)
SPARE: Final = 4  # days before the longer reference, for looks before the last day
FORMAT: Final = 3  # counts the changes of this file that change the data
LEVELS: Final = (3, 12, 40, 200)  # numbers of categories


@dataclass(frozen=True, slots=True)
class Size:
    """
    Attributes:
        features: columns, four fifths of them numbers.
        reference_rows: in all days of the reference; current_rows: in the day after it.
        days: of the reference; long_days: of the longer one, of which these are the last.
    """

    features: int
    reference_rows: int
    current_rows: int
    days: int = 30
    long_days: int = 90


SIZES: Final = {
    "T": Size(10, 8 * 240, 480, days=8, long_days=24),  # for the tests of this project
    "S": Size(20, 100_000, 4_000),
    "M": Size(50, 3_000_000, 100_000),
}


class Workload:
    """Where the data lie and what is in them.

    Attributes:
        live: folder with the reference and the day; long: the same with the longer reference
            (the files that both hold are hard links).
    """

    def __init__(self, name: str, *, root: Path, seed: int = 20130201) -> None:
        self.name, self.size, self.seed = name, SIZES[name], seed
        self.folder = root / f"drift-{name}-{seed}-v{FORMAT}"
        self.live, self.long = self.folder / "live", self.folder / "long"
        numbers = self.size.features - self.size.features // 5
        self.numeric = tuple(f"num_{number:02}" for number in range(numbers))
        self.categorical = tuple(f"cat_{number:02}" for number in range(self.size.features // 5))
        self.features = (*self.numeric, *self.categorical)
        # Every tenth number by a standard deviation, and the first of the texts.
        self.shifted = (*self.numeric[::10], *self.categorical[:1])

    def start(self, *, long: bool = False) -> datetime:
        """The reference's first moment."""
        return DAY - timedelta(days=self.size.long_days if long else self.size.days)

    def file(self, hour: datetime, *, long: bool = False) -> Path:
        return (self.long if long else self.live) / hour.strftime(LAYOUT) / "part-0.parquet"

    def files(self) -> list[Path]:
        """Every file of the reference and the day, oldest first."""
        hours = (self.size.days + 1) * 24
        return [self.file(self.start() + number * HOUR) for number in range(hours)]

    def warm(self) -> None:
        """Read every file once, so that none of those who are compared reads from the disk."""
        for path in self.files():
            path.read_bytes()

    def make(self) -> bool:
        """Make what is not there, under another name first; was anything to be made?"""
        if self.folder.exists():
            return False
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix=f"{self.folder.name}-"))
        try:
            days = range(-self.size.long_days - SPARE, 1)
            with ThreadPoolExecutor(max_workers=2) as threads:
                for _ in threads.map(lambda day: self._write_day(made, day), days):
                    pass
            made.rename(self.folder)
        except OSError:
            if not self.folder.exists():  # else another process was quicker; its data are the same
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
        return True

    def _write_day(self, folder: Path, day: int) -> None:
        for number in range(24):
            hour = DAY + timedelta(days=day, hours=number)
            name = Path(hour.strftime(LAYOUT)) / "part-0.parquet"
            path = folder / "long" / name
            path.parent.mkdir(parents=True)
            pq.write_table(self._hour(hour, day), path)
            if day >= -self.size.days:
                linked = folder / "live" / name
                linked.parent.mkdir(parents=True)
                os.link(path, linked)

    def _hour(self, hour: datetime, day: int) -> pa.Table:
        rows = self._rows(day, hour.hour)
        source = np.random.default_rng([self.seed, day + self.size.long_days + SPARE, hour.hour])
        seconds = np.sort(source.integers(0, 3_600_000_000, rows)).astype("timedelta64[us]")
        columns: dict[str, Any] = {
            TIME: pa.array(
                np.datetime64(hour.replace(tzinfo=None), "us") + seconds,
                type=pa.timestamp("us", tz="UTC"),
            )
        }
        for number, name in enumerate(self.numeric):
            columns[name] = _numeric(source, rows, number, self._offset(name, number, day))
        for number, name in enumerate(self.categorical):
            columns[name] = _categorical(source, rows, number, self._offset(name, number, day))
        return pa.table(columns)

    def _rows(self, day: int, hour: int) -> int:
        """Of one hour, such that all hours together have the rows that the size says."""
        total, hours = self.size.current_rows, 24
        if day:
            total, hours = self.size.reference_rows, self.size.days * 24
        position = (day % self.size.days) * 24 + hour if day else hour
        return total * (position + 1) // hours - total * position // hours

    def _offset(self, name: str, number: int, day: int) -> float:
        """How far the day lies off, in standard deviations: by chance, weekend and shift."""
        kind = 0 if name in self.numeric else 1
        source = np.random.default_rng([self.seed, kind, number, day + self.size.long_days + SPARE])
        weekend = 0.2 * ((DAY + timedelta(days=day)).weekday() >= 5)
        shift = 1.0 * (day == 0 and name in self.shifted)
        return float(0.03 * source.standard_normal() + weekend + shift)


def _numeric(source: np.random.Generator, rows: int, number: int, offset: float) -> pa.Array:
    """Two of four columns are normal, one is skewed, one counts."""
    values = source.standard_normal(rows) + offset
    kind = number % 4
    if kind == 1:
        values = np.exp(values)
    missing = source.random(rows) < MISSING
    if kind == 3:
        return pa.array(np.floor(np.exp(0.5 * values + 1)).astype(np.int64), mask=missing)
    return pa.array(values * (number + 1) + 10 * number, mask=missing)


def _categorical(source: np.random.Generator, rows: int, number: int, offset: float) -> pa.Array:
    """Few to many categories, the first ones frequent; an offset moves rows to later ones."""
    levels = LEVELS[number % len(LEVELS)]
    weight = (1.0 + np.arange(levels)) ** (offset - 1.0)
    codes = source.choice(levels, rows, p=weight / weight.sum())
    names = pa.array([f"level_{level:03}" for level in range(levels)])
    missing = source.random(rows) < MISSING
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=missing), names).cast(pa.string())
