"""Hourly looks of two homes, one of them with a reference three times as long, beside the limits.

The limits are what a look cannot avoid, each done alone: reading the newest hour, and one commit.
An hour is read twice: by a filter on the dataset, as one who knows nothing of its folders would,
and its one file, as quickly as pyarrow can.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.harness.drift_workload import DAY, HOUR, Workload
from benchmarks.harness.limits import Limits
from benchmarks.harness.our_drift import OurDrift
from benchmarks.harness.timing import Samples, milliseconds


def read_by_filter(dataset: Path, hour: datetime) -> pa.Table:
    """All columns of one hour, found among the dataset's folders."""
    where = [("date", "==", hour.date().isoformat()), ("hour", "==", hour.hour)]
    return pq.read_table(dataset, filters=where)


def read_file(file: Path) -> pa.Table:
    """All columns of one file, as quickly as pyarrow reads one."""
    return pq.ParquetFile(file).read()


class Looks:
    """Two governance homes with one model each, and all that was measured of them.

    Args:
        workload: the data, which are there.
        folder: an empty folder on the disk that is measured.
        stack: closes what is opened here.
        before: hours before the day at which the first look is that counts.

    Attributes:
        taken: milliseconds by ``look``, ``day_roll`` (the first look of a day; both also as
            ``..._long``), ``read_hour``, ``read_hour_file``, ``commit`` and ``first_scan`` (the
            one that makes the baseline and all profiles).
        short, long: the two homes.
    """

    def __init__(self, workload: Workload, folder: Path, stack: ExitStack, before: int) -> None:
        self._workload = workload
        self.taken = Samples()
        size = workload.size
        self.short = OurDrift(folder / "short", workload, size.days)
        stack.callback(self.short.close)
        self.long = OurDrift(folder / "long", workload, size.long_days)
        stack.callback(self.long.close)
        (folder / "limits").mkdir()
        limits = Limits(folder / "limits", b"")
        stack.callback(limits.close)
        self._commit = limits.operations["sqlite_commit"]
        first = DAY - (before + 1) * HOUR
        self.taken.add("first_scan", milliseconds(lambda: self.short.scan(first)))
        self.long.scan(first)

    def one(self, at: datetime) -> None:
        """The newest hour alone, a commit alone, and a look of each home, one after the other."""
        hour = at - HOUR
        file = self._workload.file(hour, long=True)
        file.read_bytes()  # whoever comes first must not pay the disk for the others
        by_filter = partial(read_by_filter, self._workload.live, hour)
        self.taken.add("read_hour", milliseconds(by_filter))
        self.taken.add("read_hour_file", milliseconds(partial(read_file, file)))
        self.taken.add("commit", milliseconds(self._commit))
        kind = "day_roll" if at.hour == 0 else "look"
        homes = [(kind, self.short), (f"{kind}_long", self.long)]
        for name, home in homes if at.hour % 2 else reversed(homes):
            self.taken.add(name, milliseconds(partial(home.scan, at)))
