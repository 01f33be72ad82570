"""Absences by key: waits that a record opens, another fulfils, and the clock decides.

A row of `keys` is one key: COUNT open waits, NEXT (the deadline that the key's timer is set to, 0 for none), the NEWEST times of what fulfils, then
INLINE waits as (time, position), oldest first.  The waits behind those are in the key's row of `more`, which counts only while COUNT
says so.  A key has at most WAITS open waits: when there is one too many, the second oldest goes.
Cost: about 0.9 us a record with a million keys, and as much a decision.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from footfall.kernels.live.table import EXPIRES, KEY, OWN, slot_for, slot_of, stored, touch

NO_TIME = -(1 << 62)
WAITS, INLINE, NEWEST = 16, 2, 4
COUNT, NEXT, FULFILLED, FIRST = OWN, OWN + 1, OWN + 2, OWN + 2 + NEWEST
KEY_FIELDS, MORE_FIELDS = 2 + NEWEST + 2 * INLINE, 2 * (WAITS - INLINE)
OPENS, FULFILS = 1, 2  # bits of a record
HASH, TIME, POSITION, WHAT, WATERMARK = range(5)  # of `given`
DUE, TIMERS = 0, 1  # of `found`


@numba.njit(nogil=True, cache=True)
def _read(keys: Any, more: Any, slot: Any, waits: Any) -> Any:
    """The open waits of a key, (time, position) by age; how many."""
    count = keys[slot, COUNT]
    for k in range(min(count, INLINE)):
        waits[k, 0], waits[k, 1] = keys[slot, FIRST + 2 * k], keys[slot, FIRST + 2 * k + 1]
    if count > INLINE:
        other = slot_of(more, keys[slot, KEY])
        for k in range(INLINE, count):
            at = OWN + 2 * (k - INLINE)
            waits[k, 0], waits[k, 1] = more[other, at], more[other, at + 1]
    return count


@numba.njit(nogil=True, cache=True)
def _write(keys: Any, more: Any, slot: Any, waits: Any, how: Any) -> None:
    """The open waits of a key in place of those before.  `how` is (count, within, record)."""
    count, within_us, record = how
    keys[slot, COUNT] = count
    for k in range(min(count, INLINE)):
        keys[slot, FIRST + 2 * k], keys[slot, FIRST + 2 * k + 1] = waits[k, 0], waits[k, 1]
    if count:
        keys[slot, EXPIRES] = max(keys[slot, EXPIRES], waits[count - 1, 0] + within_us)
    if count > INLINE:
        other = slot_for(more, keys[slot, KEY])
        for k in range(INLINE, count):
            at = OWN + 2 * (k - INLINE)
            more[other, at], more[other, at + 1] = waits[k, 0], waits[k, 1]
        more[other, EXPIRES] = max(more[other, EXPIRES], waits[count - 1, 0] + within_us)
        touch(more, other, record)
    touch(keys, slot, record)


@numba.njit(nogil=True, cache=True)
def _noted(found: Any, what: int, row: Any) -> None:
    """Add a row to what is found."""
    n = found[what, 0, 0] + 1
    found[what, 0, 0] = n
    found[what, n, 0], found[what, n, 1], found[what, n, 2] = row


@numba.njit(nogil=True, cache=True)
def _decided(waits: Any, count: int, clock: Any, key: Any, found: Any) -> int:
    """Find the waits whose deadline lies before the clock; how many are left.  `clock` is (clock, within)."""
    clock_us, within_us = clock
    gone = 0
    while gone < count and waits[gone, 0] + within_us < clock_us:
        _noted(found, DUE, (waits[gone, 0] + within_us, key, waits[gone, 1]))
        gone += 1
    if gone:
        for k in range(count - gone):
            waits[k, 0], waits[k, 1] = waits[k + gone, 0], waits[k + gone, 1]
    return count - gone


@numba.njit(nogil=True, cache=True)
def _fulfilled(keys: Any, slot: Any, waits: Any, count: int, span: Any) -> int:
    """Take out the waits that a record fulfils and note its time; how many are left.  `span` is (record's time, within)."""
    time_us, within_us = span
    left = 0
    for k in range(count):
        if not waits[k, 0] <= time_us <= waits[k, 0] + within_us:
            waits[left, 0], waits[left, 1] = waits[k, 0], waits[k, 1]
            left += 1
    at = FULFILLED + NEWEST
    while at > FULFILLED and keys[slot, at - 1] > time_us:
        at -= 1
    if at > FULFILLED:
        for k in range(FULFILLED, at - 1):
            keys[slot, k] = keys[slot, k + 1]
        keys[slot, at - 1] = time_us
    keys[slot, EXPIRES] = max(keys[slot, EXPIRES], keys[slot, FULFILLED + NEWEST - 1])
    return left


@numba.njit(nogil=True, cache=True)
def _opened(keys: Any, slot: Any, waits: Any, count: int, wait: Any) -> int:
    """Open a wait unless something that came before fulfils it; how many are open.  `wait` is (time, position, within)."""
    time_us, position, within_us = wait
    keys[slot, EXPIRES] = max(keys[slot, EXPIRES], time_us)
    for k in range(FULFILLED, FULFILLED + NEWEST):
        if time_us < keys[slot, k] <= time_us + within_us:
            return count
    at = count
    while at > 0 and waits[at - 1, 0] > time_us:
        waits[at, 0], waits[at, 1] = waits[at - 1, 0], waits[at - 1, 1]
        at -= 1
    waits[at, 0], waits[at, 1] = time_us, position
    if count < WAITS:
        return count + 1
    for k in range(1, count):
        waits[k, 0], waits[k, 1] = waits[k + 1, 0], waits[k + 1, 1]
    return count


@numba.njit(nogil=True, cache=True)
def take(keys: Any, more: Any, which: Any, given: Any, within_us: Any, found: Any) -> None:
    """Add the records `which` (r,) (indexes) to the waits of their keys.  `given` (5, n) has key hashes, times, positions, bits and watermarks.

    `found` (2, f + 1, 3) gets (deadline, key, position) of waits that the clock had decided before a record of their key came, and (deadline, key)
    of keys whose timer must be set, each behind a row whose first number is how many.  Both tables have room for r rows, `found` for
    WAITS a record.
    """
    waits = np.empty((WAITS + 1, 2), np.int64)
    for i in which:
        time_us = given[TIME, i]
        slot = slot_for(keys, stored(given[HASH, i]))
        if keys[slot, EXPIRES] == 0:
            keys[slot, EXPIRES] = NO_TIME
            keys[slot, FULFILLED : FULFILLED + NEWEST] = NO_TIME
        count = _read(keys, more, slot, waits)
        count = _decided(waits, count, (given[WATERMARK, i], within_us), keys[slot, KEY], found)
        if given[WHAT, i] & FULFILS:
            count = _fulfilled(keys, slot, waits, count, (time_us, within_us))
        if given[WHAT, i] & OPENS:
            count = _opened(keys, slot, waits, count, (time_us, given[POSITION, i], within_us))
        _write(keys, more, slot, waits, (count, within_us, i))
        if count and (keys[slot, NEXT] == 0 or waits[0, 0] + within_us < keys[slot, NEXT]):
            keys[slot, NEXT] = waits[0, 0] + within_us
            _noted(found, TIMERS, (keys[slot, NEXT], keys[slot, KEY], 0))


@numba.njit(nogil=True, cache=True)
def decide(keys: Any, more: Any, rung: Any, clock_us: Any, within_us: Any, found: Any) -> None:
    """Decide what the clock has passed for keys whose timer `rung`, (t, 2) (deadline, key); `found` as in `take`, with room for WAITS a key."""
    waits = np.empty((WAITS + 1, 2), np.int64)
    for i in range(len(rung)):
        slot = slot_of(keys, rung[i, 1])
        if slot < 0 or keys[slot, NEXT] != rung[i, 0]:
            continue
        before = _read(keys, more, slot, waits)
        count = _decided(waits, before, (clock_us, within_us), rung[i, 1], found)
        if count < before:
            _write(keys, more, slot, waits, (count, within_us, 0))
        keys[slot, NEXT] = waits[0, 0] + within_us if count else 0
        if count:
            _noted(found, TIMERS, (keys[slot, NEXT], rung[i, 1], 0))


@numba.njit(nogil=True, cache=True)
def set_timers(keys: Any, within_us: Any, found: Any) -> None:
    """Set the timers of all keys anew, after a restart; `found` has room for every row."""
    for slot in range(keys.shape[0] - 1):
        if keys[slot, KEY] == 0:
            continue
        keys[slot, NEXT] = 0
        if keys[slot, COUNT]:
            keys[slot, NEXT] = keys[slot, FIRST] + within_us
            _noted(found, TIMERS, (keys[slot, NEXT], keys[slot, KEY], 0))
