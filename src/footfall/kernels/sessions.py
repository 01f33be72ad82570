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
def sessionize(person: Any, time_us: Any, cut_us: Any, rules: SessionRules) -> tuple[Any, Any]:
    """(n,) events by person and time, (c,) ascending cuts -> `first` (s,) index of each session's first event, `duration_us` (s,).

    The cuts are moments at which every open session ends: an event at a cut belongs to the new session.  Cost: one pass.
    """
    n = len(person)
    first = np.empty(n, np.int64)
    duration_us = np.empty(n, np.int64)
    sessions = 0
    begin = np.int64(0)
    latest = np.int64(0)
    deadline = np.int64(0)
    for i in range(n):
        now = time_us[i]
        if i == 0 or person[i] != person[i - 1] or now - latest > rules.gap_us or now > deadline:
            if sessions:
                duration_us[sessions - 1] = latest - begin
            first[sessions] = i
            sessions += 1
            begin = now
            deadline = now + rules.max_length_us
            if len(cut_us):
                j = np.searchsorted(cut_us, now, side="right")
                if j < len(cut_us):
                    deadline = min(deadline, cut_us[j] - 1)
        latest = now
    if sessions:
        duration_us[sessions - 1] = latest - begin
    return first[:sessions].copy(), duration_us[:sessions].copy()


@njit(nogil=True, cache=True)
def people_by_slot(person: Any, slot: Any, slots: int) -> Any:
    """(n,) rows by person, (n,) their slot -> (slots,) how many persons have at least one row in each slot."""
    people = np.zeros(slots, np.int64)
    seen = np.full(slots, -1, np.int64)
    ordinal = 0
    for i in range(len(person)):
        if i > 0 and person[i] != person[i - 1]:
            ordinal += 1
        if seen[slot[i]] != ordinal:
            seen[slot[i]] = ordinal
            people[slot[i]] += 1
    return people
