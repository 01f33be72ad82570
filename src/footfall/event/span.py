"""Spans of time and moments, as people write them: `30m`, `7d`, `none`, `2026-11-01`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from footfall.errors import InvalidQuery

_UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)")
_SPAN_HINT = "write a number and a unit, such as 30m, 24h, 7d or 1h30m, or none for no limit"
UNLIMITED_US = 1 << 62


class Span:
    """A length of time, or none.  `Span("7d").us` is microseconds; `Span("none").us` is larger than any log is long."""

    __slots__ = ("text", "us")

    def __init__(self, value: str | timedelta | Span | None) -> None:
        if isinstance(value, Span):
            self.us: int = value.us
            self.text: str = value.text
        elif value is None or (isinstance(value, str) and value.strip().lower() == "none"):
            self.us, self.text = UNLIMITED_US, "none"
        elif isinstance(value, timedelta):
            self.us = round(value.total_seconds() * 1_000_000)
            self.text = _shortest(self.us)
        else:
            self.us = _parse(value)
            self.text = _shortest(self.us)

    @property
    def unlimited(self) -> bool:
        """Whether this is no limit at all."""
        return self.us == UNLIMITED_US

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Span({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and self.us == other.us

    def __hash__(self) -> int:
        return hash(self.us)


def _parse(text: str) -> int:
    compact = text.strip().lower().replace(" ", "")
    matches = list(_PART.finditer(compact))
    if not matches or "".join(match.group(0) for match in matches) != compact:
        raise InvalidQuery(f"{text!r} is not a span of time", got=text, hint=_SPAN_HINT)
    total = round(sum(float(match.group(1)) * _UNITS_US[match.group(2)] for match in matches))
    if not 0 < total < UNLIMITED_US:
        raise InvalidQuery(f"a span of time must be longer than nothing, not {text!r}", got=text, hint=_SPAN_HINT)
    return total


def _shortest(us: int) -> str:
    """The span in the largest units that say it exactly: 90 minutes are 1h30m, 7 days stay 7d."""
    parts = []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, us = divmod(us, _UNITS_US[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


class Moment:
    """A point in time as written: a date is midnight in the project's zone, a time without an offset is in that zone too."""

    __slots__ = ("text", "value")

    def __init__(self, value: str | date | datetime | Moment) -> None:
        if isinstance(value, Moment):
            self.value: date = value.value
        elif isinstance(value, date):
            self.value = value
        else:
            try:
                text = value.strip()
                self.value = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
            except ValueError:
                raise InvalidQuery(
                    f"{value!r} is not a date or time",
                    got=value,
                    hint="write 2026-11-01, 2026-11-01T08:00 or 2026-11-01T08:00+01:00",
                ) from None
        self.text = self.value.isoformat()

    def us(self, time_zone: str) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""
        value = self.value
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(time_zone))
        delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Moment({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.value)
