"""The calendar of a time zone as arrays that kernels can walk.

A zone's offset changes at known moments, so local days, weeks and months are a step function of UTC time.  Days of 23 and 25 hours, a
clock set back over midnight and offsets such as +05:45 need no further care.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

DAY_US = 86_400_000_000
BEFORE_US = -(1 << 62)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Interval = Literal["day", "week", "month"]


def zone_offsets(time_zone: str, first_us: int, last_us: int) -> tuple[Any, Any]:
    """The zone over [first_us, last_us]: `transition_us` (k,) where each offset starts, the first one far back, and `offset_us` (k,)."""
    zone = ZoneInfo(time_zone)
    transitions, offsets = [BEFORE_US], [_offset_us(zone, first_us)]
    low = first_us
    while low < last_us:
        high = min(low + DAY_US, last_us)
        if _offset_us(zone, high) != offsets[-1]:
            below, above = low, high
            while above - below > 1:
                middle = (below + above) // 2
                below, above = (middle, above) if _offset_us(zone, middle) == offsets[-1] else (below, middle)
            transitions.append(above)
            offsets.append(_offset_us(zone, above))
            low = above
        else:
            low = high
    return np.array(transitions, np.int64), np.array(offsets, np.int64)


def _offset_us(zone: ZoneInfo, us: int) -> int:
    offset = (_EPOCH + timedelta(microseconds=us)).astimezone(zone).utcoffset()
    assert offset is not None, "a zoned time has an offset"
    return offset // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Periods:
    """Consecutive days, weeks or months, numbered from 0.

    `edge_us` (k,) and `period` (k,): the period that runs from each edge on; `first_day` (m,): the day number on which each period starts;
    `start_us` and `end_us` (m,): its first moment, and the first moment at which it is over for good.
    """

    edge_us: Any
    period: Any
    first_day: Any
    start_us: Any
    end_us: Any

    def labels(self) -> list[str]:
        """The ISO date on which each period starts."""
        return [str(day) for day in self.first_day.astype("datetime64[D]")]


def periods(time_zone: str, interval: Interval, first_us: int, last_us: int) -> Periods:
    """The periods of [first_us, last_us] in a zone, whole: the last one is the one that holds `last_us`."""
    # The longest period on each side, so that the first and the last one are known from edge to edge.
    first_us, last_us = first_us - 33 * DAY_US, last_us + 33 * DAY_US
    transition_us, offset_us = zone_offsets(time_zone, first_us, last_us)
    ends = np.append(transition_us[1:], last_us)
    edge_us, days = [], []
    for start, end, offset in zip(np.maximum(transition_us, first_us), ends, offset_us, strict=True):
        local = np.arange((start + offset) // DAY_US, (end - 1 + offset) // DAY_US + 1)
        edge_us.append(np.maximum(local * DAY_US - offset, start))
        days.append(local)
    return _numbered(np.concatenate(edge_us), _first_days(np.concatenate(days), interval), (first_us + 33 * DAY_US, last_us - 33 * DAY_US))


def _first_days(day: Any, interval: Interval) -> Any:
    """(n,) day numbers -> (n,) the day number on which their period starts; weeks start on Monday."""
    if interval == "week":
        return day - (day + 3) % 7
    if interval == "month":
        return day.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return day


def _numbered(edge_us: Any, first_day: Any, span_us: tuple[int, int]) -> Periods:
    keep = np.append(True, first_day[1:] != first_day[:-1])
    edge_us, first_day = edge_us[keep], first_day[keep]
    ends = np.append(edge_us[1:], edge_us[-1] + DAY_US)
    inside = np.flatnonzero((ends > span_us[0]) & (edge_us <= span_us[1]))
    # A clock set back over midnight shows the day before twice: every edge of a wanted period belongs to it.
    wanted = (first_day >= first_day[inside].min()) & (first_day <= first_day[inside].max())
    edge_us, ends, first_day = edge_us[wanted], ends[wanted], first_day[wanted]
    distinct, period = np.unique(first_day, return_inverse=True)
    start_us = np.full(len(distinct), np.iinfo(np.int64).max)
    end_us = np.full(len(distinct), np.iinfo(np.int64).min)
    np.minimum.at(start_us, period, edge_us)
    np.maximum.at(end_us, period, ends)
    return Periods(edge_us, period.astype(np.int64), distinct, start_us, end_us)
