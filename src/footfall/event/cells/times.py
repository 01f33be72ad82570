"""Text to microseconds since 1970: ISO and its relatives, calendar dates in a known order, and epoch numbers.

A value that holds only a number is an epoch: seconds, milliseconds, microseconds or nanoseconds by its size, with a fraction that
is kept to the microsecond and cut, never rounded (a float would move it).  Anything else is a calendar time with an optional
zone; one without is wall time in a zone that the caller names.  A wall time that a clock change skips or repeats is read with
the offset before the change, as Python's `fold=0` does.  Times outside 1970 to 2200 are refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numba
import numpy as np

from footfall.event.cells.calendar_text import NO_DAY, YEAR_FIRST, calendar_micros, clock_second, iso_day, iso_tail
from footfall.event.cells.words import load, octets_of
from footfall.event.raw import NULL, Numbers, Octets

US_MAX = 7_258_118_400_000_000  # 2200-01-01
SECOND_US = 1_000_000

# What became of a value.
READ = 0
MISSING = 1
INVALID = 2

_ZONED = 0
_NAIVE = 1

Unit = Literal["s", "ms", "us", "ns"]
_POWERS: dict[str, int] = {"auto": 99, "s": 6, "ms": 3, "us": 0, "ns": -3}
_TEN = np.array([10**k for k in range(19)], np.int64)


@numba.njit(nogil=True, cache=True)
def decimal_of(octets: Any, start: int, stop: int) -> tuple[bool, int, int]:
    """A plain decimal number as digits * 10**scale, with 18 significant digits; False when the bytes are no such number."""
    digits = 0
    scale = 0
    held = 0
    i = start
    seen = False
    point = False
    while i < stop:
        octet = octets[i]
        if 48 <= octet <= 57:
            seen = True
            if held < 18:
                digits = digits * 10 + (octet - 48)
                held += 1 if digits else 0
                scale -= 1 if point else 0
            elif not point:
                scale += 1
        elif octet == 46 and not point:
            point = True
        else:
            break
        i += 1
    if not seen:
        return False, 0, 0
    if i < stop and octets[i] | 32 == 101:
        i += 1
        sign = 1
        if i < stop and (octets[i] == 43 or octets[i] == 45):
            sign = -1 if octets[i] == 45 else 1
            i += 1
        power = 0
        if i >= stop or i + 3 < stop:
            return False, 0, 0
        while i < stop and 48 <= octets[i] <= 57:
            power = power * 10 + (octets[i] - 48)
            i += 1
        scale += sign * power
    return i == stop, digits, scale


@numba.njit(nogil=True, cache=True)
def scaled(digits: int, scale: int) -> int:
    """The number digits * 10**scale cut to a whole number; -1 when it does not fit."""
    if scale <= -19 or digits == 0:
        return 0
    if scale < 0:
        return int(digits // _TEN[-scale])
    if scale > 18 or digits > 9_000_000_000_000_000_000 // _TEN[scale]:
        return -1
    return int(digits * _TEN[scale])


@numba.njit(nogil=True, cache=True)
def _epoch_micros(octets: Any, start: int, stop: int, power: int) -> int:
    """An epoch number as microseconds; -1 when it is none, or too large."""
    number, digits, scale = decimal_of(octets, start, stop)
    if not number:
        return -1
    if power == 99:
        whole = scaled(digits, scale)
        if whole < 0:
            return -1
        power = 6
        limit = US_MAX // SECOND_US
        while whole > limit and power > -3:
            power -= 3
            limit *= 1000
    return int(scaled(digits, scale + power))


@numba.njit(nogil=True, cache=True)
def _is_number(octets: Any, start: int, stop: int) -> bool:
    """Whether the bytes can only be an epoch: digits, one point, an exponent."""
    points = 0
    for i in range(start, stop):
        octet = octets[i]
        points += octet == 46
        exponent = i > start and (octet | 32 == 101 or (octet == 43 and octets[i - 1] | 32 == 101))
        if not (48 <= octet <= 57 or octet == 46 or exponent):
            return False
    return points < 2


@numba.njit(nogil=True, cache=True)
def _read(octets: Any, cells: Any, how: Any, us: Any, state: Any) -> int:
    """how: epoch power, order of day and month, whether bare digits are dates.  Returns how many values had no zone."""
    naive = 0
    day, head, tail = NO_DAY, np.uint64(0), np.uint64(0)
    for row in range(len(cells)):
        start, stop = cells[row, 0], cells[row, 1]
        us[row] = 0
        while start < stop and octets[start] == 32:
            start += 1
        while stop > start and octets[stop - 1] == 32:
            stop -= 1
        if cells[row, 2] == NULL or start == stop:
            state[row] = 8 | MISSING
            continue
        if stop - start >= 19 and octets[start + 4] == 45 and (octets[start + 10] == 32 or octets[start + 10] | 32 == 116):
            # ISO, the most common by far.  The date is often that of the row before.
            first, last = load(octets, start), load(octets, start + 2)
            if first != head or last != tail:
                day, head, tail = iso_day(octets, start), first, last
            second = clock_second(octets, start + 11)
            zone, added = iso_tail(octets, start + 19, stop)
            if day != NO_DAY and second >= 0 and zone >= 0:
                value = (day * 86_400 + second) * SECOND_US + added
                us[row] = value
                naive += zone
                state[row] = 4 if zone == _NAIVE else READ if 0 <= value < US_MAX else INVALID
                continue
        if _is_number(octets, start, stop) and not (how[2] and (stop - start == 8 or stop - start == 14)):
            value = _epoch_micros(octets, start, stop, how[0])
            state[row] = READ if 0 <= value < US_MAX else INVALID
            us[row] = value
            continue
        zone, value = calendar_micros(octets, start, stop, how[1])
        if zone < 0:
            state[row] = INVALID
        elif zone == _NAIVE:
            state[row] = 4
            us[row] = value
            naive += 1
        else:
            state[row] = READ if 0 <= value < US_MAX else INVALID
            us[row] = value
    return naive


@numba.njit(nogil=True, cache=True)
def _localise(us: Any, state: Any, changes: Any, offsets: Any) -> None:
    """Move naive wall times to UTC: the offset before a change holds until both clocks agree that it is over."""
    for row in range(len(us)):
        if state[row] != 4:
            continue
        value = us[row] - offsets[np.searchsorted(changes, us[row], side="right")]
        us[row] = value
        state[row] = READ if 0 <= value < US_MAX else INVALID


@lru_cache(maxsize=16)
def zone_changes(name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(k,) wall times at which the zone's offset changes, (k+1,) offsets, both in microseconds, from 1969 to 2201."""
    zone = ZoneInfo(name)

    def offset(second: int) -> int:
        there = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        assert there is not None, "an aware time has an offset"
        return round(there / timedelta(microseconds=1))

    changes, offsets = [], [offset(-31_536_000)]
    step = 4 * 86_400
    for second in range(-31_536_000, 7_290_000_000, step):
        if offset(second + step) == offsets[-1]:
            continue
        low, high = second, second + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
        offsets.append(offset(high))
        changes.append(high * SECOND_US + max(offsets[-2:]))
    return np.array(changes, np.int64), np.array(offsets, np.int64)


@dataclass(frozen=True, slots=True)
class TimeReader:
    """How one column's times are written.

    `zone` is where a time without a zone was taken; `order` says which of day and month comes first; `unit` fixes the unit of epoch
    numbers ("auto": by size); `bare_dates` reads 8 and 14 digits as dates; `pattern` is an explicit strptime format.
    """

    zone: str = "UTC"
    order: int = YEAR_FIRST
    unit: str = "auto"
    bare_dates: bool = False
    pattern: str | None = None

    def read(self, octets: Octets, cells: Numbers) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]:
        """(n, 3) cells -> (n,) microseconds, (n,) READ, MISSING or INVALID, and how many were wall times without a zone."""
        if self.pattern is not None:
            return self._by_pattern(octets, cells)
        us = np.empty(len(cells), np.int64)
        state = np.empty(len(cells), np.uint8)
        naive = int(_read(octets, cells, np.array([_POWERS[self.unit], self.order, self.bare_dates], np.int64), us, state))
        if naive:
            changes, offsets = zone_changes(self.zone)
            _localise(us, state, changes, offsets)
        state &= 3
        return us, state, naive

    def _by_pattern(self, octets: Octets, cells: Numbers) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], int]:
        us = np.zeros(len(cells), np.int64)
        state = np.full(len(cells), INVALID, np.uint8)
        known: dict[bytes, tuple[int, bool] | None] = {}
        naive = 0
        for row, (start, stop, what) in enumerate(cells.tolist()):
            raw = bytes(octets[start:stop]).strip()
            if what == NULL or not raw:
                state[row] = MISSING
                continue
            if raw not in known:
                if len(known) > 100_000:
                    known.clear()
                known[raw] = self._one(raw)
            value = known[raw]
            if value is not None:
                us[row], state[row] = value[0], READ
                naive += value[1]
        return us, state, naive

    def _one(self, raw: bytes) -> tuple[int, bool] | None:
        assert self.pattern is not None, "only called with a pattern"
        try:
            moment = datetime.strptime(raw.decode("utf-8", "replace"), self.pattern)  # noqa: DTZ007 - the zone is added below
        except ValueError:
            return None
        naive = moment.tzinfo is None
        if naive:
            moment = moment.replace(tzinfo=ZoneInfo(self.zone))
        try:
            delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        except OverflowError:
            return None
        us = (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds
        return (us, naive) if 0 <= us < US_MAX else None

    def read_text(self, text: str) -> int | None:
        """The microseconds of one text; None when it is no time."""
        raw = text.encode()
        us, state, _ = self.read(octets_of(raw), np.array([[0, len(raw), 1]], np.int32))
        return int(us[0]) if state[0] == READ else None

    def with_zone(self, zone: str) -> TimeReader:
        """The same with another zone for times without one."""
        return replace(self, zone=zone)
