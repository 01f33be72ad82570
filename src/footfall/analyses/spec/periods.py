"""Periods: hours, days, weeks and months of the project's zone, as SQL keys and as the filled calendar of an answer.

A period has an integer key, the same in SQL and here: a day and a week are the day number (days since 1970-01-01) of their first
day, weeks start on Monday, a month counts from March 1968, an hour is the UTC microsecond at which it starts on the wall clock,
and a total has the key 0.  Days are the wall clock's days, so one of 23 or 25 hours is one day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from footfall.errors import InvalidQuery
from footfall.event.span import Moment

if TYPE_CHECKING:
    from footfall.analyses.spec.contract import Analysis, Engine

Interval = Literal["hour", "day", "week", "month", "total"]

HOUR_US = 3_600_000_000
QUARTER_US = HOUR_US // 4
PERIODS_MAX = 200_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)
_MARCH_1968 = 671  # days from 1968-03-01 to 1970-01-01
_MARCH_2100 = 47541  # days to 2100-03-01; it is the first on which a leap day every four years is one day out


def period_sql(interval: Interval, day: str = "day") -> str:
    """The key of an event's period as portable SQL.  `day` is the expression of its local day; hours need time_us and local_us."""
    if interval == "hour":
        # The wall clock's minutes and seconds are taken off: right in Kathmandu (UTC+5:45), and the hour that comes twice stays two.
        return f"time_us - local_us % {HOUR_US}"
    if interval == "week":
        return f"{day} - ({day} + 3) % 7"
    if interval == "month":
        # Years run from March, so that the leap day comes last: they have 365.25 days, and their months 30.6.  2100 is no leap year.
        days = f"({day} + FLOOR({day} / {_MARCH_2100}e0))"
        year = f"FLOOR(({days} + {_MARCH_1968}.75e0) / 365.25e0)"
        return f"CAST(12 * {year} + FLOOR(({days} + {_MARCH_1968}.5e0 - FLOOR(365.25e0 * {year})) / 30.6e0) AS BIGINT)"
    return day if interval == "day" else "0"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The periods of one length in one time zone."""

    interval: Interval
    time_zone: str

    def key(self, us: int) -> int:
        """The key of the period that holds a moment."""
        if self.interval == "total":
            return 0
        local = (_EPOCH + timedelta(microseconds=us)).astimezone(ZoneInfo(self.time_zone))
        if self.interval == "hour":
            return us - (local.minute * 60 + local.second) * 1_000_000 - local.microsecond
        return self.key_of_date(local.date())

    def key_of_date(self, day: date) -> int:
        """The key of the day, week or month that holds a date."""
        number = (day - _EPOCH_DAY).days
        if self.interval == "month":
            return (day.year - 1968) * 12 + day.month - 3
        return number - (number + 3) % 7 if self.interval == "week" else number

    def first_day(self, key: int) -> date:
        """The first day of a day, week or month."""
        if self.interval == "month":
            years, month = divmod(key + 2, 12)
            return date(1968 + years, month + 1, 1)
        return _EPOCH_DAY + timedelta(days=key)

    def next(self, key: int) -> int:
        """The key that follows."""
        if self.interval == "hour":
            return self.key(self.end_us(key))
        return key + (7 if self.interval == "week" else 1)

    def start_us(self, key: int) -> int:
        """When the period starts, in UTC microseconds."""
        return key if self.interval == "hour" else Moment(self.first_day(key)).us(self.time_zone)

    def end_us(self, key: int) -> int:
        """When the period is over: the first moment after it."""
        if self.interval != "hour":
            return self.start_us(self.next(key))
        # An hour in which the clocks change may be shorter or start late; all zones change at quarters of an hour.
        return next(moment for step in range(1, 9) if self.key(moment := key + step * QUARTER_US) > key)

    def label(self, key: int) -> date | str:
        """The date on which the period starts, or for an hour its start as local time with its offset."""
        if self.interval != "hour":
            return self.first_day(key)
        local = (_EPOCH + timedelta(microseconds=key)).astimezone(ZoneInfo(self.time_zone))
        return local.isoformat(timespec="minutes")


@dataclass(frozen=True, slots=True)
class Timeline:
    """The periods that an answer covers: those of `since` to `until` in which the lake has data, none left out."""

    calendar: Calendar
    first_us: int
    end_us: int
    as_of_us: int
    keys: tuple[int, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, analysis: Analysis, engine: Engine, interval: Interval) -> Timeline:
        """The periods of this question.  Before the first event and after as_of nothing is known, so nothing is filled in there."""
        calendar = Calendar(interval, engine.time_zone)
        span = engine.span_us()
        if span is None:
            return cls(calendar, 0, 0, 0, ())
        since, until = analysis.range_us(engine)
        as_of = engine.as_of_us()
        first = span[0] if since is None else max(span[0], since)
        known = max(as_of, span[1] + 1)
        end = known if until is None else min(known, until)
        if first >= end:
            return cls(calendar, first, end, as_of, ())
        keys = _keys(calendar, first, end)
        notes = []
        if interval != "total" and since is not None and first == since > calendar.start_us(keys[0]):
            notes.append(f"the first {interval} is not whole: it is cut by since")
        if interval != "total" and until is not None and until < min(known, calendar.end_us(keys[-1])):
            notes.append(f"the last {interval} is not whole: it is cut by until")
        return cls(calendar, first, end, as_of, keys, tuple(notes))

    def is_open(self, key: int) -> bool:
        """Whether the period had not ended at as_of, so that its numbers may still grow."""
        return (self.end_us if self.calendar.interval == "total" else self.calendar.end_us(key)) > self.as_of_us

    def label(self, key: int) -> date | str:
        """The period as a row shows it; a total is named by its first day."""
        if self.calendar.interval == "total":
            zone = ZoneInfo(self.calendar.time_zone)
            return (_EPOCH + timedelta(microseconds=self.first_us)).astimezone(zone).date()
        return self.calendar.label(key)


def _keys(calendar: Calendar, first_us: int, end_us: int) -> tuple[int, ...]:
    key, last = calendar.key(first_us), calendar.key(end_us - 1)
    rough = (end_us - first_us) // HOUR_US if calendar.interval == "hour" else 0
    if rough > PERIODS_MAX:
        raise InvalidQuery(
            f"{rough:,} hours are more than one answer holds ({PERIODS_MAX:,})",
            field="interval",
            got="hour",
            hint="choose a shorter range with since and until, or a longer interval",
        )
    keys = [key]
    while key < last:
        key = calendar.next(key)
        keys.append(key)
    return tuple(keys)
