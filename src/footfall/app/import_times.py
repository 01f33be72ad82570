"""How the times of a column are written, found out from a sample; an order of day and month that stays open is an error, not a guess."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from footfall.errors import InvalidFile, InvalidQuery
from footfall.event.cells.calendar_text import DAY_FIRST, MONTH_FIRST, YEAR_FIRST
from footfall.event.cells.times import TimeReader

_ORDERS = {"ymd": YEAR_FIRST, "dmy": DAY_FIRST, "mdy": MONTH_FIRST}
_UNITS = ("s", "ms", "us", "ns")
_OPEN_ORDER = re.compile(r"^\s*(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4}|\d{2})(?!\d)")
_BARE = re.compile(r"^(\d{8}|\d{14})$")
_YEARS = range(1990, 2101)


def check_zone(name: str) -> str:
    """The name of a zone that exists."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise InvalidQuery(f"{name!r} is not a time zone", field="time_zone", got=name, hint="use a name such as UTC or Europe/Berlin") from problem
    return name


def time_reader(values: Sequence[str], zone: str, time_format: str | None, column: str) -> TimeReader:
    """How to read a column; `time_format` as in FileOptions."""
    reader = TimeReader(zone=check_zone(zone))
    if time_format is None:
        return _found_out(values, zone, column)
    if time_format in _UNITS:
        return TimeReader(zone=zone, unit=time_format)
    if time_format in _ORDERS:
        return TimeReader(zone=zone, order=_ORDERS[time_format], bare_dates=True)
    if "%" not in time_format:
        raise InvalidQuery(
            f"{time_format!r} is not a time format", field="time_format", got=time_format, hint="write a strptime pattern such as '%d.%m.%Y %H:%M', or s, ms, us, ns, ymd, dmy, mdy"
        )  # fmt: skip
    return TimeReader(zone=reader.zone, pattern=time_format)


def _found_out(values: Sequence[str], zone: str, column: str) -> TimeReader:
    bare = bool(values) and all(_is_bare_date(value) for value in values)
    first, second, example = 0, 0, ""
    for value in values:
        match = _OPEN_ORDER.match(value)
        if match:
            first, second = max(first, int(match[1])), max(second, int(match[2]))
            example = example or value
    if not example:
        return TimeReader(zone=zone, bare_dates=bare)
    if (first > 12) == (second > 12):
        both = "both day and month first occur" if first > 12 else "day and month cannot be told apart"
        raise InvalidFile(
            f"the dates in {column!r} can be read in two ways: {both} ({example})",
            field="time_format",
            got=example,
            allowed=("dmy", "mdy"),
            hint="say which it is: --time-format dmy or --time-format mdy",
        )
    return TimeReader(zone=zone, order=DAY_FIRST if first > 12 else MONTH_FIRST)


def _is_bare_date(value: str) -> bool:
    if not _BARE.match(value):
        return False
    try:
        moment = datetime.strptime(value, "%Y%m%d" if len(value) == 8 else "%Y%m%d%H%M%S")  # noqa: DTZ007 - only whether it is one
    except ValueError:
        return False
    return moment.year in _YEARS


def looks_like_times(values: Sequence[str], share: float = 0.9, time_format: str | None = None) -> bool:
    """Whether this share of the values are times that people live in: calendar times, or epoch numbers between 1995 and 2100."""
    few = values[:200]
    if not few:
        return False
    try:
        reader = time_reader(few, "UTC", time_format, "")
    except InvalidFile:
        return True
    read = [reader.read_text(value) for value in few]
    lived = sum(1 for value in read if value is not None and 788_918_400_000_000 <= value < 4_102_444_800_000_000)
    return lived >= len(few) * share
