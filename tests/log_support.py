"""Many small random logs in one lake: each has its own people, source and, when asked, its own stretch of days.

A log may hold one person or several, many equal times, exact repeats and no events at all, and its rows are stored unsorted.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY_US = 86_400_000_000
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Event = dict[str, Any]


def random_logs(seed: int, *, logs: int = 250, days: int = 40, spacing_days: int | None = None, start: str = "1975-03-01") -> list[Event]:
    """Events of `logs` logs, shuffled; log k starts `k * spacing_days` after `start` (default: one after the other)."""
    chance = random.Random(seed)
    spacing = days if spacing_days is None else spacing_days
    events: list[Event] = []
    for log in range(logs):
        base = us(start) + log * spacing * DAY_US
        people = [f"p{log}-{person}" for person in range(chance.choice([1, 1, 2, 4]))]
        moments = [base + chance.randrange(days * 96) * (DAY_US // 96) for _ in range(chance.choice([1, 3, 8]))]
        for _ in range(chance.choice([0, 1, 5, 12, 25])):
            event: Event = {
                "user_id": chance.choice(people),
                "name": chance.choice(["view", "cart", "purchase"]),
                "event_time": chance.choice(moments) if chance.random() < 0.5 else base + chance.randrange(days * DAY_US),
                "source": f"log{log}",
                "session_id": chance.choice(["s1", "s2", None]),
                "country": chance.choice(["DE", "FR", "US", "O'Hara", None]),
                "price": chance.choice([1.5, 2.0, 2.0, 7.25, -3.0, None]),
                "product_id": chance.choice([1, 2, None]),
            }
            events += [event] * chance.choice([1, 1, 1, 2])
    chance.shuffle(events)
    return [dict(event) for event in events]


def us(text: str, zone: str = "UTC") -> int:
    """A local time as UTC microseconds."""
    return round((datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)) - EPOCH) / timedelta(microseconds=1))


def local(moment_us: int, zone: str) -> datetime:
    """UTC microseconds as local time."""
    return (EPOCH + timedelta(microseconds=moment_us)).astimezone(ZoneInfo(zone))


def period_of(moment_us: int, interval: str, zone: str) -> date | str:
    """The label of the hour, day, week or month that holds a moment."""
    moment = local(moment_us, zone)
    if interval == "hour":
        return moment.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes")
    day = moment.date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[interval]


def periods_between(first_us: int, end_us: int, interval: str, zone: str) -> list[date | str]:
    """Every period that holds a moment of the range, by looking at each quarter of an hour."""
    step = DAY_US // 96 if interval == "hour" else DAY_US // 2
    moments = [*range(first_us, end_us, step), end_us - 1]
    return list(dict.fromkeys(period_of(moment, interval, zone) for moment in moments))


def span(events: Sequence[Event]) -> tuple[int, int]:
    """First and last event_time."""
    times = [event["event_time"] for event in events]
    return min(times), max(times)
