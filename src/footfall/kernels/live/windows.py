"""Tumbling and sliding windows by key: every record is added to each window that holds its time, and limits are watched as it is.

A row of the table is one window of one key: START, END, COUNT, FLAGS, KEY, then the fields of its measures.  Windows begin at multiples of
`every` since 1970 and last `size`, so a record belongs to size / every of them.  With `size` 0 there are no windows: one row a
key, kept until `keep` after its newest record.  With limits a window is recorded, suspicious or alerting from the first record on with which
measure 0 is over the limit and the window has `events_min` records or more; each happens to it once.
Cost: about 30 ns a record and window, and its measures.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from footfall.kernels.live.measures import Given, Measures, Side, add, over_limit, value_of
from footfall.kernels.live.table import COUNT as ROWS
from footfall.kernels.live.table import EXPIRES, OWN, Arrays, mixed, slot_for, slot_of, stored, touch

START, END, COUNT, FLAGS, KEY = range(OWN, OWN + 5)
FIRST_MEASURE = OWN + 5
OWN_FIELDS = 5
RECORDED, SUSPICIOUS, ALERTED, RAISED = 1, 2, 4, 8
NEVER_US = 1 << 62


class Span(NamedTuple):
    """How windows lie: their size, how far apart they begin, how long after its end a row is kept, and how many rows there may be."""

    size_us: int
    every_us: int
    keep_us: int
    rows_max: int


class Limits(NamedTuple):
    """(3,) limits of recorded, suspicious and alerting, inf where there is none; and how many records a window must have."""

    levels: Any
    events_min: int


class Crossings(NamedTuple):
    """Windows that began to alert, in the order in which they did: (c,) row, record, key, start, end, value; and `count` (1,) of them."""

    row: Any
    record: Any
    key: Any
    start_us: Any
    end_us: Any
    value: Any
    count: Any


def no_limits() -> Limits:
    """Limits of a view, which has none."""
    return Limits(np.full(3, np.inf), 1)


def room_for(crossings: int) -> Crossings:
    """Empty crossings with room."""
    whole = [np.empty(crossings, np.int64) for _ in range(5)]
    return Crossings(*whole, np.empty(crossings, np.float64), np.zeros(1, np.int64))


@numba.njit(nogil=True, cache=True)
def watch(main: Arrays, side: Side, measures: Measures, limits: Limits, place: Any, crossings: Crossings) -> None:
    """See whether a window is over its limits with this record.  `place` is (slot, record)."""
    slot, record = place
    fields = main.fields
    if fields[slot, COUNT] < limits.events_min:
        return
    for level in range(3):
        flag = 1 << level
        if fields[slot, FLAGS] & flag or limits.levels[level] == np.inf:
            continue
        if over_limit(main, side, measures, (slot, 0), limits.levels[level]):
            fields[slot, FLAGS] |= flag
            if flag == ALERTED:
                c = crossings.count[0]
                crossings.row[c], crossings.record[c] = main.keys[slot], record
                crossings.key[c] = fields[slot, KEY]
                crossings.start_us[c], crossings.end_us[c] = fields[slot, START], fields[slot, END]
                crossings.value[c] = value_of(main, side, measures, (slot, 0), fields[slot, COUNT])
                crossings.count[0] = c + 1


@numba.njit(nogil=True, cache=True)
def take(main: Arrays, side: Side, measures: Measures, given: Given, records: Any, how: Any) -> int:
    """Add records to their windows; how many times there was no room for one.

    `records` is ((r,) indexes, (n,) key hashes, (n,) times), `how` is (Span, Limits, Crossings).
    """
    which, keys, times = records
    span, limits, crossings = how
    fields = main.fields
    refused = 0
    watched = limits.levels.min() != np.inf
    for i in which:
        time_us = times[i]
        if span.size_us == 0:
            first = last = np.int64(0)
        else:
            last = time_us // span.every_us * span.every_us
            first = last - ((span.size_us - 1 - (time_us - last)) // span.every_us) * span.every_us
        start = first
        while start <= last:
            begin = start
            key = keys[i] if span.size_us == 0 else mixed(keys[i], begin)
            start += span.every_us if span.size_us else 1
            if main.meta[ROWS] >= span.rows_max and slot_of(main, stored(key)) < 0:
                refused += 1
                continue
            slot = slot_for(main, stored(key))
            if fields[slot, COUNT] == 0:
                fields[slot, START], fields[slot, KEY] = begin, keys[i]
                fields[slot, END] = begin + span.size_us
                fields[slot, EXPIRES] = fields[slot, END] + span.keep_us
            if span.size_us == 0 and time_us + span.keep_us > fields[slot, EXPIRES]:
                fields[slot, EXPIRES] = time_us + span.keep_us
            if span.size_us == 0 and time_us > fields[slot, END]:
                fields[slot, END] = time_us
            fields[slot, COUNT] += 1
            touch(main, slot, i)
            add(main, side, measures, given, (slot, i, time_us))
            if watched:
                watch(main, side, measures, limits, (slot, i), crossings)
    return refused


@numba.njit(nogil=True, cache=True)
def read(main: Arrays, side: Side, measures: Measures, keys: Any, values: Any) -> None:
    """(w,) stored keys -> (m, w) values of their measures."""
    for i in range(len(keys)):
        slot = slot_for(main, keys[i])
        for j in range(len(measures.kinds)):
            values[j, i] = value_of(main, side, measures, (slot, j), main.fields[slot, COUNT])


@numba.njit(nogil=True, cache=True)
def flag(main: Arrays, keys: Any, bits: int) -> None:
    """Set flags of windows by their (w,) stored keys."""
    for key in keys:
        slot = slot_of(main, key)
        if slot >= 0:
            main.fields[slot, FLAGS] |= bits
