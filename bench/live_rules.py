"""The four reference rules, said once for everybody, and what they must find: counted event by event, as slowly as it is easy to check.

* **R1** the same user plays the same track three times within 30 minutes: a `play` alerts when it and two other plays of its key that arrived
  before it lie within 30 minutes, whatever their order in time.
* **R2** a user does more than ten things in a window of 10 seconds (windows begin at whole multiples of 10 s): each such user and window counts once.
* **W** how many events of each name in each window of 10 seconds.
* **S** a user's session ends when nothing comes for more than 5 minutes; all sessions count, those that are open at the end too.

An engine that puts events in order of time before it looks asks for R1 otherwise: a play alerts when it is the third or later of its key in the 30 minutes up to
it.  Both give one alert for the third play and each one after it, and differ when plays that arrived out of order stand right at the edge of 30 minutes.
`r1` is the count on arrival, `r1_in_order` the other.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter

import numpy as np

R1_PLAYS, R1_WITHIN_US = 3, 1_800_000_000
R2_MORE_THAN, WINDOW_US = 10, 10_000_000
GAP_US = 300_000_000
LATENESS_US = 10_000_000  # how long an engine that waits for late events waits; nothing here is later than 2 s
RULES = ("r1", "r2", "w", "s")


def expected(found: dict[str, np.ndarray], play: int) -> dict[str, int]:
    """What the rules find in a stream in the order of arrival: alerts, windows above, rows and their sum, sessions."""
    person, times = found["person"].astype(np.int64), found["event_us"]
    key, plays = person * (1 << 32) + found["track"], found["name"] == play
    window = times // WINDOW_US
    above = sum(count > R2_MORE_THAN for count in Counter((person * (1 << 32) + window).tolist()).values())
    by_name = Counter((window * 256 + found["name"]).tolist())
    on_arrival, in_order = repeats(key[plays], times[plays])
    return {
        "r1": on_arrival,
        "r1_in_order": in_order,
        "r2": above,
        "w_rows": len(by_name),
        "w_sum": sum(by_name.values()),
        "s": sessions(person, times),
    }


def repeats(key: np.ndarray, times: np.ndarray) -> tuple[int, int]:
    """R1 on arrival and R1 in the order of time."""
    on_arrival = in_order = 0
    seen: list[int] = []
    order = np.argsort(key, kind="stable")  # key by key, in the order of arrival
    before = None
    for one, time in zip(key[order].tolist(), times[order].tolist(), strict=True):
        if one != before:
            in_order += _in_order(seen)
            seen, before = [], one
        insort(seen, time)
        at = seen.index(time)
        first, last = max(0, at - R1_PLAYS + 1), min(at, len(seen) - R1_PLAYS)
        on_arrival += any(seen[begin + R1_PLAYS - 1] - seen[begin] <= R1_WITHIN_US for begin in range(first, last + 1))
    return on_arrival, in_order + _in_order(seen)


def _in_order(seen: list[int]) -> int:
    return sum(later - earlier <= R1_WITHIN_US for earlier, later in zip(seen, seen[R1_PLAYS - 1 :], strict=False))


def sessions(person: np.ndarray, times: np.ndarray) -> int:
    """Every event that comes more than the gap after the user's last one, or first, begins one."""
    last: dict[int, int] = {}
    begun = 0
    order = np.argsort(times, kind="stable")
    for who, time in zip(person[order].tolist(), times[order].tolist(), strict=True):
        begun += who not in last or time - last[who] > GAP_US
        last[who] = time
    return begun
