"""One calendar time as it is written: `2026-11-01T10:00:00.5+01:00`, `17/May/2015:10:05:03 +0000`, `5/17/2015 1:05 PM`.

A date is year, month and day in any order that its text makes certain (a year of four digits comes first, a month has a name),
else in the order the caller found by looking at the whole column.  A time is hours and minutes, with or without seconds, a fraction
of any length (cut after microseconds), AM or PM, and a zone: Z, UTC, GMT, +HH, +HHMM or +HH:MM.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.event.cells.words import load

YEAR_FIRST = 0  # day or month first is an error
DAY_FIRST = 1
MONTH_FIRST = 2

_MONTH_NAMES = np.frombuffer(b"janfebmaraprmayjunjulaugsepoctnovdec", np.uint8).reshape(12, 3)
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_BAD = (-1, 0)
NO_DAY = -1_000_000_000
_CLOCK = np.uint64(0x3030_3A30_303A_3030)  # "00:00:00", first byte lowest
_CLOCK_LIMITS = np.uint64(0x7676_7F76_767F_7676)
_TOPS = np.uint64(0x8080_8080_8080_8080)


@numba.njit(nogil=True, cache=True)
def _day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; a date that does not exist gives NO_DAY."""
    if not (1 <= year <= 9999 and 1 <= month <= 12 and day >= 1):
        return NO_DAY
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > _DAYS[month] + (1 if leap and month == 2 else 0):
        return NO_DAY
    y = year - (1 if month <= 2 else 0)
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


@numba.njit(nogil=True, cache=True)
def _number(octets: Any, start: int, stop: int) -> int:
    """Digits as a number; -1 when another byte is among them."""
    value = 0
    for i in range(start, stop):
        octet = octets[i]
        if octet < 48 or octet > 57:
            return -1
        value = value * 10 + (octet - 48)
    return value


@numba.njit(nogil=True, cache=True)
def _digits_until(octets: Any, start: int, stop: int) -> int:
    i = start
    while i < stop and 48 <= octets[i] <= 57:
        i += 1
    return i


@numba.njit(nogil=True, cache=True)
def _letters_until(octets: Any, start: int, stop: int) -> int:
    i = start
    while i < stop and 97 <= (octets[i] | 32) <= 122:
        i += 1
    return i


@numba.njit(nogil=True, cache=True)
def _month_named(octets: Any, start: int, stop: int) -> int:
    """The month whose English name begins with these letters; 0 for none."""
    if stop - start < 3:
        return 0
    for month in range(12):
        if (
            octets[start] | 32 == _MONTH_NAMES[month, 0]
            and octets[start + 1] | 32 == _MONTH_NAMES[month, 1]
            and octets[start + 2] | 32 == _MONTH_NAMES[month, 2]
        ):
            return month + 1
    return 0


@numba.njit(nogil=True, cache=True)
def _separator(octets: Any, i: int, stop: int) -> int:
    """The place after one of - / . or a run of spaces and commas; `i` when there is none."""
    if i < stop and (octets[i] == 45 or octets[i] == 47 or octets[i] == 46):
        return i + 1
    while i < stop and (octets[i] == 32 or octets[i] == 44):
        i += 1
    return i


@numba.njit(nogil=True, cache=True)
def _part(octets: Any, start: int, stop: int) -> tuple[int, int, bool, int]:
    """A number or a month's name: its value (-1: neither), its length, whether it is a name, the place after it."""
    end = _digits_until(octets, start, stop)
    if end > start:
        return (_number(octets, start, end) if end - start <= 4 else -1), (end - start if end - start <= 4 else 0), False, end
    end = _letters_until(octets, start, stop)
    month = _month_named(octets, start, end)
    return (month or -1), (end - start if month else 0), True, end


@numba.njit(nogil=True, cache=True)
def _date(octets: Any, start: int, stop: int, order: int) -> tuple[int, int]:
    """The day number and the place after the date; the place is -1 when there is no date."""
    first, size, named_first, i = _part(octets, start, stop)
    after = _separator(octets, i, stop)
    if size == 0 or after == i:
        return 0, -1
    second, _, named_second, i = _part(octets, after, stop)
    third_at = _separator(octets, i, stop)
    if second < 0 or third_at == i:
        return 0, -1
    i = _digits_until(octets, third_at, stop)
    third = _number(octets, third_at, i)
    if size == 4 and not named_first:
        return (_day_number(first, second, third), i) if 1 <= i - third_at <= 2 else (0, -1)
    if i - third_at == 2:
        third += 1900 if third >= 69 else 2000
    elif i - third_at != 4:
        return 0, -1
    if named_first and not named_second:
        return _day_number(third, first, second), i
    if named_second and not named_first:
        return _day_number(third, second, first), i
    if named_first or order == YEAR_FIRST:
        return 0, -1
    return (_day_number(third, second, first) if order == DAY_FIRST else _day_number(third, first, second)), i


@numba.njit(nogil=True, cache=True)
def iso_day(octets: Any, start: int) -> int:
    """The day number of ten bytes YYYY-MM-DD; NO_DAY when they are not that."""
    if octets[start + 4] != 45 or octets[start + 7] != 45:
        return NO_DAY
    year, month, day = _number(octets, start, start + 4), _number(octets, start + 5, start + 7), _number(octets, start + 8, start + 10)
    return _day_number(year, month, day) if year >= 0 else NO_DAY


@numba.njit(nogil=True, cache=True, forceinline=True)
def clock_second(octets: Any, start: int) -> int:
    """The second of the day of eight bytes HH:MM:SS, all at once; -1 when they are not that."""
    word = load(octets, start) ^ _CLOCK  # digits become 0 to 9, colons 0
    if ((word + _CLOCK_LIMITS) | word) & _TOPS:
        return -1
    pairs = word * np.uint64(10) + (word >> np.uint64(8))
    hour = np.int64(pairs & np.uint64(255))
    minute = np.int64((pairs >> np.uint64(24)) & np.uint64(255))
    second = np.int64((pairs >> np.uint64(48)) & np.uint64(255))
    return int((hour * 60 + minute) * 60 + second) if hour < 24 and minute < 60 and second < 60 else -1


@numba.njit(nogil=True, cache=True, forceinline=True)
def iso_tail(octets: Any, i: int, stop: int) -> tuple[int, int]:
    """What follows the seconds: the zone state (0 zoned, 1 wall time, -1 neither) and microseconds to add to the wall time."""
    us = 0
    if i == stop:
        return 1, 0
    if octets[i] == 46 or octets[i] == 44:
        us, i = _fraction(octets, i, stop)
        if i < 0:
            return -1, 0
    state, minutes = _zone(octets, i, stop)
    return state, us - minutes * 60_000_000


@numba.njit(nogil=True, cache=True)
def _fraction(octets: Any, i: int, stop: int) -> tuple[int, int]:
    """Microseconds of a fraction that starts at its point, and the place after it; the place is -1 without a digit."""
    end = _digits_until(octets, i + 1, stop)
    if end == i + 1:
        return 0, -1
    us = 0
    for k in range(6):
        us = us * 10 + (octets[i + 1 + k] - 48 if i + 1 + k < end else 0)
    return us, end


@numba.njit(nogil=True, cache=True)
def _clock(octets: Any, i: int, stop: int, bare: bool) -> tuple[int, int]:
    """Microseconds of the day, and the place after; the place is -1 when there is no time."""
    if bare:  # HHMM or HHMMSS without colons
        end = _digits_until(octets, i, stop)
        if end - i != 4 and end - i != 6:
            return 0, -1
        hour, minute = _number(octets, i, i + 2), _number(octets, i + 2, i + 4)
        second = _number(octets, i + 4, end)
        i = end
    else:
        end = _digits_until(octets, i, stop)
        if end == i or end - i > 2 or end >= stop or octets[end] != 58:
            return 0, -1
        hour = _number(octets, i, end)
        i = end + 1
        end = _digits_until(octets, i, stop)
        if end - i != 2:
            return 0, -1
        minute = _number(octets, i, end)
        i = end
        second = 0
        if i < stop and octets[i] == 58:
            end = _digits_until(octets, i + 1, stop)
            if end - i != 3:
                return 0, -1
            second = _number(octets, i + 1, end)
            i = end
    us = 0
    if i < stop and (octets[i] == 46 or octets[i] == 44):
        us, i = _fraction(octets, i, stop)
        if i < 0:
            return 0, -1
    half = i
    while half < stop and octets[half] == 32:
        half += 1
    if half + 1 < stop and octets[half + 1] | 32 == 109 and (octets[half] | 32 == 97 or octets[half] | 32 == 112):
        if hour < 1 or hour > 12:
            return 0, -1
        hour = hour % 12 + (12 if octets[half] | 32 == 112 else 0)
        i = half + 2
    if hour > 23 or minute > 59 or second > 59:
        return 0, -1
    return ((hour * 60 + minute) * 60 + second) * 1_000_000 + us, i


@numba.njit(nogil=True, cache=True)
def _zone(octets: Any, i: int, stop: int) -> tuple[int, int]:
    """1 and 0 without a zone, 0 and the offset in minutes with one, -1 for what is no zone."""
    while i < stop and octets[i] == 32:
        i += 1
    if i == stop:
        return 1, 0
    size = stop - i
    if size == 1 and octets[i] | 32 == 122:
        return 0, 0
    if size == 3:
        a, b, c = octets[i] | 32, octets[i + 1] | 32, octets[i + 2] | 32
        if (a == 117 and b == 116 and c == 99) or (a == 103 and b == 109 and c == 116):
            return 0, 0
    if octets[i] != 43 and octets[i] != 45:
        return _BAD
    hours = _number(octets, i + 1, i + 3) if size >= 3 else -1
    minutes = 0
    if size == 5:
        minutes = _number(octets, i + 3, stop)
    elif size == 6 and octets[i + 3] == 58:
        minutes = _number(octets, i + 4, stop)
    elif size != 3:
        return _BAD
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return _BAD
    return 0, (hours * 60 + minutes) * (-1 if octets[i] == 45 else 1)


@numba.njit(nogil=True, cache=True)
def calendar_micros(octets: Any, start: int, stop: int, order: int) -> tuple[int, int]:
    """The zone state (0 zoned, 1 wall time, -1 no time) and the microseconds, in UTC when zoned, of one trimmed text."""
    end = _digits_until(octets, start, stop)
    bare = end - start == 8 or end - start == 14
    if bare:
        day = _day_number(_number(octets, start, start + 4), _number(octets, start + 4, start + 6), _number(octets, start + 6, start + 8))
        i = start + 8
    else:
        day, i = _date(octets, start, stop, order)
    if i < 0 or day < -800_000:
        return _BAD
    us = 0
    if i < stop:
        if end - start != 14:
            mark = octets[i]
            if mark != 32 and mark | 32 != 116 and mark != 58 and mark != 44:
                return _BAD
            i += 1
            while i < stop and octets[i] == 32:
                i += 1
        us, i = _clock(octets, i, stop, bare and (i + 2 >= stop or octets[i + 2] != 58))
        if i < 0:
            return _BAD
    state, minutes = _zone(octets, i, stop)
    if state < 0:
        return _BAD
    return state, day * 86_400_000_000 + us - minutes * 60_000_000
