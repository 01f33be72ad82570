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
# More than the longest period, so that the first and the last one are known from edge to edge.
_MARGIN_US = 33 * DAY_US
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
    first_us, last_us = first_us - _MARGIN_US, last_us + _MARGIN_US
    transition_us, offset_us = zone_offsets(time_zone, first_us, last_us)
    ends = np.append(transition_us[1:], last_us)
    edge_us, days = [], []
    for start, end, offset in zip(np.maximum(transition_us, first_us), ends, offset_us, strict=True):
        local = np.arange((start + offset) // DAY_US, (end - 1 + offset) // DAY_US + 1)
        edge_us.append(np.maximum(local * DAY_US - offset, start))
        days.append(local)
    span_us = (first_us + _MARGIN_US, last_us - _MARGIN_US)
    return _numbered(np.concatenate(edge_us), _numbers(np.concatenate(days), interval), interval, span_us)


def _numbers(day: Any, interval: Interval) -> Any:
    """(n,) day numbers -> (n,) consecutive numbers of their periods; weeks start on Monday."""
    if interval == "week":
        return (day + 3) // 7
    if interval == "month":
        return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return day


def _first_days(number: Any, interval: Interval) -> Any:
    """The inverse: (m,) numbers of periods -> (m,) the day number on which each starts."""
    if interval == "week":
        return number * 7 - 3
    if interval == "month":
        return number.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return number


def _numbered(edge_us: Any, number: Any, interval: Interval, span_us: tuple[int, int]) -> Periods:
    keep = np.append(True, number[1:] != number[:-1])
    edge_us, number = edge_us[keep], number[keep]
    ends = np.append(edge_us[1:], edge_us[-1] + DAY_US)
    inside = number[(ends > span_us[0]) & (edge_us <= span_us[1])]
    # A clock set back over midnight shows the day before once more: every edge of a wanted period belongs to it.
    wanted = (number >= inside.min()) & (number <= inside.max())
    edge_us, ends, number = edge_us[wanted], ends[wanted], number[wanted]
    every = np.arange(number.min(), number.max() + 1)
    period = number - every[0]
    start_us = np.full(len(every), np.iinfo(np.int64).max)
    end_us = np.full(len(every), BEFORE_US)
    np.minimum.at(start_us, period, edge_us)
    np.maximum.at(end_us, period, ends)
    # A day that a zone skipped (Samoa, 30 December 2011) is over when the day before it is.
    end_us = np.maximum.accumulate(end_us)
    return Periods(edge_us, period, _first_days(every, interval), np.minimum(start_us, end_us), end_us)
