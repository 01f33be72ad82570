"""Spikes by key: a window as it stands with the record that arrives, against the windows before it as they stand then.

A row of the table is one key: FIRST, the number of its first window, NEWEST, that of its newest, and a ring of windows, each with twice the
number of its records (and 1 when it has alerted), then what the measure adds up (real), then for a mean how many values there were.  Windows are
numbered from 1970 on, and window w lies at w modulo the ring's length, which is the baseline and as many windows as time can go back.
A key that had no record in a whole baseline begins anew, as if it had been forgotten.
Cost: about 0.3 us a record, and 2 ns a window of the baseline once there are enough records.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from footfall.kernels.live.measures import COUNT_ALL, COUNT_IF, MEAN, SHARE, SUM
from footfall.kernels.live.table import EXPIRES, OWN, slot_for, stored, touch

KINDS = {COUNT_ALL: 1, COUNT_IF: 2, SUM: 2, SHARE: 2, MEAN: 3}  # fields of a window
FIRST, NEWEST, RING = OWN, OWN + 1, OWN + 2
KIND, SIZE_US, BASELINE, WINDOWS_MIN, EVENTS_MIN, WIDTH = range(6)  # of `rule`
SIGMAS, ABOVE = range(2)  # of `limits`
RECORD, WINDOW, WINDOWS, VALUE, MEAN_BEFORE, DEVIATION = range(6)  # of `found`; the last three are real
TIME, NUMBER = range(2)  # of `given`


@numba.njit(nogil=True, cache=True, forceinline=True)
def _place(table: Any, window: Any, width: Any) -> Any:
    """Where a window lies in a row."""
    return RING + window % ((table.shape[1] - RING) // width) * width


@numba.njit(nogil=True, cache=True)
def _moved(table: Any, slot: Any, window: Any, rule: Any) -> None:
    """Make the row ready for a record of a window."""
    baseline, width = rule[BASELINE], rule[WIDTH]
    newest = table[slot, NEWEST]
    if table[slot, EXPIRES] == 0 or window > newest + baseline:
        table[slot, RING:] = 0
        table[slot, FIRST] = table[slot, NEWEST] = window
    elif window > newest:
        for passed in range(newest + 1, window + 1):
            at = _place(table, passed, width)
            table[slot, at : at + width] = 0
        table[slot, NEWEST] = window
    table[slot, FIRST] = min(table[slot, FIRST], window)
    table[slot, EXPIRES] = (table[slot, NEWEST] + 1 + baseline) * rule[SIZE_US]


@numba.njit(nogil=True, cache=True)
def _value(table: Any, slot: Any, at: Any, kind: Any) -> float:
    """The measure of a window; NaN where it has none."""
    records = table[slot, at] >> 1
    if kind == COUNT_ALL:
        return float(records)
    amount = table.view(np.float64)[slot, at + 1]
    if kind == SHARE:
        return amount / records if records else np.nan
    if kind == MEAN:
        return amount / table[slot, at + 2] if table[slot, at + 2] else np.nan
    return amount


@numba.njit(nogil=True, cache=True)
def _before(table: Any, slot: Any, window: Any, rule: Any) -> tuple[int, float, float]:
    """How many windows before this one count, their mean and their deviation."""
    begin = max(window - rule[BASELINE], table[slot, FIRST])
    total, many = 0.0, 0
    for other in range(begin, window):
        value = _value(table, slot, _place(table, other, rule[WIDTH]), rule[KIND])
        if not math.isnan(value):
            total += value
            many += 1
    if many < rule[WINDOWS_MIN]:
        return many, 0.0, 0.0
    mean, squares = total / many, 0.0
    for other in range(begin, window):
        value = _value(table, slot, _place(table, other, rule[WIDTH]), rule[KIND])
        if not math.isnan(value):
            squares += (value - mean) * (value - mean)
    return many, mean, math.sqrt(squares / many)


@numba.njit(nogil=True, cache=True)
def take(table: Any, which: Any, keys: Any, given: Any, how: Any, found: Any) -> None:
    """Add the records `which` (r,) (indexes) to the windows of their keys.  `given` (2, n) has times and numbers (real), `how` is (rule, limits).

    `found` (r + 1, 6) gets the records with which a window spikes, behind a row whose first number is how many.  The table has room for r rows.
    """
    rule, limits = how
    reals, numbers, results = table.view(np.float64), given.view(np.float64), found.view(np.float64)
    for i in which:
        window = given[TIME, i] // rule[SIZE_US]
        slot = slot_for(table, stored(keys[i]))
        _moved(table, slot, window, rule)
        at = _place(table, window, rule[WIDTH])
        table[slot, at] += 2
        if rule[WIDTH] > 1 and not math.isnan(numbers[NUMBER, i]):
            reals[slot, at + 1] += numbers[NUMBER, i]
            if rule[WIDTH] > 2:
                table[slot, at + 2] += 1
        touch(table, slot, i)
        if table[slot, at] & 1 or table[slot, at] >> 1 < rule[EVENTS_MIN]:
            continue
        value = _value(table, slot, at, rule[KIND])
        if not value > limits[ABOVE]:
            continue
        many, mean, deviation = _before(table, slot, window, rule)
        if many >= rule[WINDOWS_MIN] and value > mean + limits[SIGMAS] * deviation:
            table[slot, at] |= 1
            c = found[0, 0] + 1
            found[0, 0] = c
            found[c, RECORD], found[c, WINDOW], found[c, WINDOWS] = i, window, many
            results[c, VALUE], results[c, MEAN_BEFORE], results[c, DEVIATION] = value, mean, deviation
