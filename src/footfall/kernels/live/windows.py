"""Tumbling and sliding windows by key: every record is added to each window that holds its time, and limits are watched as it is.

A row of the table is one window of one key: START, END, COUNT, FLAGS, GROUP, then the fields of its measures.  Windows begin at multiples of
`every` since 1970 and last `size`, so a record belongs to size / every of them.  With `size` 0 there are no windows: one row a
key, kept until `keep` after its newest record.  With limits a window is recorded, suspicious or alerting from the first record on with which
measure 0 is over the limit and the window has `events_min` records or more; each happens to it once.
Cost: about 40 ns a record and window, and its measures.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.kernels.live.measures import COUNT, COUNT_ALL, END, FLAGS, GROUP, KIND, START, add, over_limit, value_of
from footfall.kernels.live.table import EXPIRES, KEY, OWN, ROWS, mixed, slot_for, slot_of, stored, touch

RECORDED, SUSPICIOUS, ALERTED, RAISED = 1, 2, 4, 8
SIZE_US, EVERY_US, KEEP_US, ROWS_MAX = range(4)  # of `span`
EVENTS_MIN = 3  # of `limits`, behind the three levels
CROSSED_ROW, CROSSED_RECORD, CROSSED_GROUP, CROSSED_START, CROSSED_END, CROSSED_VALUE = range(6)


def no_limits() -> Any:
    """Limits of a view, which has none."""
    return np.array([np.inf, np.inf, np.inf, 1.0])


@numba.njit(nogil=True, cache=True, forceinline=True)
def watch(main: Any, bins: Any, plan: Any, limits: Any, crossings: Any, place: Any) -> None:
    """See whether a window is over its limits with this record.  `place` is (slot, record).

    `crossings` (c + 1, 6) has the windows that began to alert, in the order in which they did, behind a row whose first number is how many.
    """
    slot, record = place
    if main[slot, COUNT] < limits[EVENTS_MIN]:
        return
    for level in range(3):
        flag = 1 << level
        if main[slot, FLAGS] & flag or limits[level] == np.inf:
            continue
        if over_limit(main, bins, plan, slot, (limits[level], limits[2])):
            main[slot, FLAGS] |= flag
            if flag == ALERTED:
                c = crossings[0, 0] + 1
                crossings[0, 0] = c
                crossings[c, CROSSED_ROW], crossings[c, CROSSED_RECORD] = main[slot, KEY], record
                crossings[c, CROSSED_GROUP] = main[slot, GROUP]
                crossings[c, CROSSED_START], crossings[c, CROSSED_END] = main[slot, START], main[slot, END]
                crossings.view(np.float64)[c, CROSSED_VALUE] = value_of(main, bins, plan, slot, 0)


@numba.njit(nogil=True, cache=True)
def take(
    main: Any, pairs: Any, bins: Any, plan: Any, given: Any, which: Any, keys: Any, times: Any, over_us: Any, span: Any, limits: Any,
    crossings: Any,
) -> int:  # fmt: skip
    """Add the records `which` (indexes) with (n,) key hashes and times to their windows; how many times there was no room for one.

    (n,) `over_us` is the watermark that a record found: a row without windows whose time was over by then begins anew.
    """
    refused = 0
    size, every, keep, most = span[SIZE_US], span[EVERY_US], span[KEEP_US], span[ROWS_MAX]
    watched = limits[0] != np.inf or limits[2] != np.inf or limits[1] != np.inf
    measured = plan.shape[0] > 1 or plan[0, KIND] != COUNT_ALL
    for i in which:
        time_us = times[i]
        start = last = np.int64(0)
        if size:
            last = time_us // every * every
            start = last - ((size - 1 - (time_us - last)) // every) * every
        while start <= last:
            key = stored(mixed(keys[i], start) if size else keys[i])
            begin = start
            start += every if size else 1
            if main[main.shape[0] - 1, ROWS] >= most and slot_of(main, key) < 0:
                refused += 1
                continue
            slot = slot_for(main, key)
            if size == 0 and main[slot, COUNT] and main[slot, EXPIRES] < over_us[i]:
                main[slot, OWN:] = 0
            if main[slot, COUNT] == 0:
                main[slot, START], main[slot, END], main[slot, GROUP] = begin, begin + size, keys[i]
                main[slot, EXPIRES] = begin + size + keep
            if size == 0:
                main[slot, END] = max(main[slot, END], time_us)
                main[slot, EXPIRES] = max(main[slot, EXPIRES], time_us + keep)
            main[slot, COUNT] += 1
            touch(main, slot, i)
            if measured:
                add(main, pairs, bins, plan, given, (slot, i, time_us, limits[2]))
            if watched:
                watch(main, bins, plan, limits, crossings, (slot, i))
    return refused


@numba.njit(nogil=True, cache=True)
def read(main: Any, bins: Any, plan: Any, keys: Any, values: Any) -> None:
    """(w,) stored keys -> (m, w) values of their measures."""
    for i in range(len(keys)):
        slot = slot_of(main, keys[i])
        for j in range(plan.shape[0]):
            values[j, i] = value_of(main, bins, plan, slot, j)


@numba.njit(nogil=True, cache=True)
def flag(main: Any, keys: Any, bits: int) -> None:
    """Set flags of windows by their (w,) stored keys."""
    for key in keys:
        slot = slot_of(main, key)
        if slot >= 0:
            main[slot, FLAGS] |= bits


@numba.njit(nogil=True, cache=True)
def flagged(main: Any, slots: Any, bits: int) -> Any:
    """(n,) slots -> those of windows with one of these flags."""
    found = np.empty(len(slots), np.int64)
    count = 0
    for slot in slots:
        if main[slot, FLAGS] & bits:
            found[count] = slot
            count += 1
    return found[:count]
