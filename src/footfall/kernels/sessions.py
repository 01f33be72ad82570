"""Sessions: runs of one person's events without a long pause.

A pause strictly longer than `gap_us` ends a session, so does an event more than `max_length_us` after the session's first one,
and so does a cut (`cut_us`, such as the midnights of a zone) between two events.  A session ends at its last event.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

FAR_US = 1 << 62


class SessionRules(NamedTuple):
    """The longest pause and the longest session, in microseconds; FAR_US for no limit."""

    gap_us: int
    max_length_us: int


@njit(nogil=True, cache=True)
def sessionize(person: Any, time_us: Any, cut_us: Any, rules: SessionRules) -> tuple[Any, Any, Any, Any]:
    """(n,) events by person and time, (c,) ascending cuts -> one row a session, in the same order.

    Returns `first` (s,) int64 index of its first event, `size` (s,) int32 events, `duration_us` (s,) int64, and `opens` (s,) bool: it is its
    person's first.  The cuts are moments at which every open session ends: an event at a cut belongs to the new one.  Cost: one pass.
    """
    n = len(person)
    first = np.empty(n, np.int64)
    size = np.empty(n, np.int32)
    duration_us = np.empty(n, np.int64)
    opens = np.empty(n, np.bool_)
    sessions = 0
    begin = np.int64(0)
    latest = np.int64(0)
    deadline = np.int64(0)
    at = 0
    for i in range(n):
        now = time_us[i]
        other = i == 0 or person[i] != person[i - 1]
        if other or now - latest > rules.gap_us or now > deadline:
            if sessions:
                size[sessions - 1] = i - first[sessions - 1]
                duration_us[sessions - 1] = latest - begin
            first[sessions] = i
            opens[sessions] = other
            sessions += 1
            begin = now
            deadline = now + rules.max_length_us
            if len(cut_us):
                if other:
                    at = np.searchsorted(cut_us, now, side="right")
                while at < len(cut_us) and cut_us[at] <= now:
                    at += 1
                if at < len(cut_us):
                    deadline = min(deadline, cut_us[at] - 1)
        latest = now
    if sessions:
        size[sessions - 1] = n - first[sessions - 1]
        duration_us[sessions - 1] = latest - begin
    return first[:sessions].copy(), size[:sessions].copy(), duration_us[:sessions].copy(), opens[:sessions].copy()


# Time is summed as 1,024 us and rest: the histories of 200,000 persons over three years no longer fit into one int64.
SESSIONS, PEOPLE, EVENTS, SINGLE, KIBI_US, REST_US = range(6)
FIELDS = 6


@njit(nogil=True, cache=True)
def tally_sessions(opens: Any, size: Any, duration_us: Any, slot: Any, slots: int) -> tuple[Any, Any, Any]:
    """(s,) sessions by person, and the slot of each (none: all in one) -> sums and durations by slot.

    Returns `totals` (slots, FIELDS); `ordered_us` (s,), the durations of slot 0, then those of slot 1, …; and `border` (slots + 1,) where
    each begins.  People are counted once in every slot where they have a session.  Cost: two passes.
    """
    if not len(slot):
        totals, ordered_us, border = _tally_all(opens, size, duration_us)
        return totals, ordered_us, border
    totals = np.zeros((slots, FIELDS), np.int64)
    seen = np.full(slots, -1, np.int64)
    ordinal = -1
    for i in range(len(size)):
        ordinal += opens[i]
        row = totals[slot[i]]
        row[SESSIONS] += 1
        row[EVENTS] += size[i]
        row[SINGLE] += size[i] == 1
        row[KIBI_US] += duration_us[i] >> 10
        row[REST_US] += duration_us[i] & 1023
        if seen[slot[i]] != ordinal:
            seen[slot[i]] = ordinal
            row[PEOPLE] += 1
    border = np.zeros(slots + 1, np.int64)
    border[1:] = np.cumsum(totals[:, SESSIONS])
    ordered_us = np.empty(len(size), np.int64)
    place = border.copy()
    for i in range(len(size)):
        ordered_us[place[slot[i]]] = duration_us[i]
        place[slot[i]] += 1
    return totals, ordered_us, border


@njit(nogil=True, cache=True)
def _tally_all(opens: Any, size: Any, duration_us: Any) -> tuple[Any, Any, Any]:
    """Everything in one slot: plain sums, which the compiler turns into vector instructions."""
    people = events = single = kibi_us = rest_us = np.int64(0)
    for i in range(len(size)):
        people += opens[i]
        events += size[i]
        single += size[i] == 1
        kibi_us += duration_us[i] >> 10
        rest_us += duration_us[i] & 1023
    totals = np.array([[len(size), people, events, single, kibi_us, rest_us]], np.int64)
    return totals, duration_us.copy(), np.array([0, len(size)], np.int64)
