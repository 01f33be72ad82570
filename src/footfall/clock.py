"""The only place that knows what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def now_us() -> int:
    """The present moment in microseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1_000


def monotonic_s() -> float:
    """Seconds of a clock that never goes back, for durations only."""
    return time.perf_counter()


def ticks_ns() -> int:
    """Nanoseconds of the same clock as an int, for what is timed thousands of times a second."""
    return time.perf_counter_ns()


def sleep_s(seconds: float) -> None:
    """Let other processes run; for loops that look whether something has come."""
    time.sleep(seconds)
