"""Compaction: from parts in arrival order to files of one period and one person bucket, sorted by person, time, position, id.

A period is a whole number of days, chosen from the lake's volume so that a file holds up to about 4 million rows: one day for a
large lake, a year for a small one (a file of 40,000 rows a day and bucket would cost more to open than to read; see the
decision record on clustering).  A period's files are rewritten together when rows arrive for it, so a late row re-opens only its
period.  The files that it replaces stay for an hour, for readers that are in the middle of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from footfall.event.person import BUCKETS
from footfall.lake.clustering import FILE_ROWS, Clustering
from footfall.lake.contract import CompactReport, Part, Snapshot
from footfall.lake.retired import retire, sweep

if TYPE_CHECKING:
    from footfall.lake.delta import DeltaLake

DAY_US = 86_400_000_000
_PERIOD_DAYS = (1, 7, 28, 364, 3_640, 36_400)


def period_days(snapshot: Snapshot) -> int:
    """The longest period whose files stay within FILE_ROWS at the lake's present volume."""
    parts = snapshot.parts
    days = (max(part.time_us_max for part in parts) - min(part.time_us_min for part in parts)) / DAY_US + 1
    a_day = snapshot.rows / days / BUCKETS
    fitting = [length for length in _PERIOD_DAYS if length == 1 or min(length, days) * a_day <= FILE_ROWS]
    return fitting[-1]


def compact(lake: DeltaLake, *, force: bool = False, progress: Callable[[int, int], None] | None = None) -> CompactReport:
    """Cluster what has landed, together with the files of the periods it touches; one commit at the end."""
    sweep(lake.root / "retired.ndjson", lake.events)
    shutil.rmtree(lake.root / "tmp", ignore_errors=True)
    snapshot = lake.snapshot()
    old: list[Part] = [part for part in snapshot.parts if force or part.bucket is None]
    if not old:
        size = sum(part.size_bytes for part in snapshot.parts)
        return CompactReport(len(snapshot.parts), len(snapshot.parts), 0, size, size)
    days = period_days(snapshot)
    touched = _periods(old, days)
    old += [part for part in snapshot.parts if part.bucket is not None and not force and _period_of(part, days) in touched]
    rows = sum(part.rows for part in old)
    new: list[Part] = []
    try:
        for period in sorted(touched):
            low, high = period * days * DAY_US, (period + 1) * days * DAY_US
            inside = [part for part in old if part.time_us_max >= low and part.time_us_min < high]
            new += Clustering(lake.events, f"p{days}x{period}", snapshot.schema, (low, high), lake.root / "tmp").run(inside)
            if progress is not None:
                progress(sum(part.rows for part in new), rows)
        assert sum(part.rows for part in new) == rows, "a compaction must keep every row"
        lake.replace(old, new, base=snapshot.version, changes_data=False)
    except BaseException:
        lake.drop_staged(new)
        raise
    retire(lake.root / "retired.ndjson", [Path(part.path).name for part in old])
    after = lake.snapshot()
    return CompactReport(
        files_before=len(snapshot.parts),
        files_after=len(after.parts),
        rows=rows,
        bytes_before=sum(part.size_bytes for part in snapshot.parts),
        bytes_after=sum(part.size_bytes for part in after.parts),
    )


def _periods(parts: list[Part], days: int) -> set[int]:
    """Every period that the parts' times may touch."""
    length = days * DAY_US
    touched: set[int] = set()
    for part in parts:
        touched.update(range(part.time_us_min // length, part.time_us_max // length + 1))
    return touched


def _period_of(part: Part, days: int) -> int | None:
    """The period of a clustered file when it lies within one of this length."""
    length = days * DAY_US
    first, last = part.time_us_min // length, part.time_us_max // length
    return first if first == last else None
