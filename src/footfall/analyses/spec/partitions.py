"""Advice on partitioning a table: what a column's values would do to its folders.

A partition is worth its folder when it holds enough rows for a file of useful size, and a key is worth having when its partitions
are alike: one value with most of the rows makes one worker do most of the work.  The limits are the usual ones of Hive-style tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PARTITIONS_MAX = 5_000
ROWS_MIN = 1_000
HOT_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Spread:
    """How a column's values spread over the rows.  `days` is the number of local days, for the time of the event only."""

    column: str
    kind: str
    rows: int
    nulls: int
    distinct: int
    top_count: int
    evenness: float | None
    days: int | None = None

    @property
    def partitions(self) -> int:
        """How many folders the column would make; rows without a value share one."""
        return self.distinct + (1 if self.nulls else 0)

    @property
    def good(self) -> bool:
        """Whether the column would be a useful key."""
        return self.rows > 0 and not self.kind.startswith("timestamp") and _fault(self, None) is None


def advice(spread: Spread, top_value: str | None) -> str:
    """What partitioning by this column would give, in words."""
    if not spread.rows:
        return "no rows"
    if spread.days is not None:
        return (
            f"good by its day: {_parts(spread.days, spread.rows)}"
            if _large(spread)
            else f"by its month: {_parts(spread.days, spread.rows)} by day are tiny"
        )
    if spread.kind.startswith("timestamp"):
        return "not as it is: partition by its day"
    return _fault(spread, top_value) or f"good: {_parts(spread.partitions, spread.rows)}"


def recommendation(spreads: Sequence[Spread]) -> str | None:
    """The best key of the table and why; None when no time was profiled and no column is good."""
    time = next((spread for spread in spreads if spread.days), None)
    good = sorted((spread for spread in spreads if spread.good), key=lambda spread: -(spread.evenness or 0.0))
    second = f"; the most even other key is {good[0].column}: {_parts(good[0].partitions, good[0].rows)}" if good else ""
    if time is not None and time.days:
        unit = "day" if _large(time) else "month"
        size = _parts(time.days, time.rows) if unit == "day" else f"{time.rows:,} rows in {time.days:,} days are too few for one partition a day"
        return (
            f"partition by the {unit} of {time.column} ({size}): questions name a range of time, new rows touch the newest partition only, "
            f"and expiry drops whole partitions{second}"
        )
    if good:
        return f"the best partition key among these is {good[0].column}: {_parts(good[0].partitions, good[0].rows)}, the most even of those that are neither tiny nor hot"
    return None


def _large(spread: Spread) -> bool:
    return spread.rows >= ROWS_MIN * max(1, spread.days or 1)


def _fault(spread: Spread, top_value: str | None) -> str | None:
    if spread.distinct == 0:
        return "constant: it never has a value"
    if spread.partitions == 1:
        return "constant: one partition holds every row"
    hot, what = max((spread.top_count, f"the value {top_value!r}"), (spread.nulls, "no value"))
    if spread.rows < 2 * ROWS_MIN:
        return f"none: {spread.rows:,} rows are too few to divide"
    if spread.partitions > PARTITIONS_MAX or spread.rows < ROWS_MIN * spread.partitions:
        return f"too many small partitions: {_parts(spread.partitions, spread.rows)}"
    if hot > HOT_SHARE * spread.rows:
        return f"skewed: {hot / spread.rows:.0%} of the rows have {what}"
    return None


def _parts(partitions: int, rows: int) -> str:
    return f"{partitions:,} partition{'s' if partitions != 1 else ''} of about {round(rows / max(1, partitions)):,} rows"
