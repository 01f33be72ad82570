"""Measures of a window that grow with every record: counts, sums, extremes, shares, exact distinct counts, quantile sketches, paths.

A measure has fields of its own in the window's row, from its AT on:

    SUM, MEAN        sum (real), values                   MIN, MAX   extreme (real), values
    SHARE, COUNT_IF  records that meet the condition      DISTINCT   values, hash of the newest new one
    QUANTILE         values, lowest bin, highest bin, values above the limit
    PATH             how many, then (time, hash) of the newest ones, oldest first

Distinct values are kept one by one in the table `pairs`, each with the hash of the one before it, so they are exact and a window's can be walked.
Rows of `pairs` and `bins` belong to a window (OWNER) and are forgotten when it is: a session lasts longer than its first records can tell.
A quantile is read from logarithmic bins in the table `bins` (after DDSketch, Masson, Rim & Lee 2019): its value is within 1 % of an exact
one.  Values over a rule's limit are counted exactly, so whether a quantile is over it needs no sketch.  A path is ordered by time, equal times
by arrival.  Cost: 5 to 30 ns a measure and record, a quantile is read in one look-up a bin.

What is measured is an array `plan` (m, 4): KIND, AT and SIZE (steps of a path) as int64, and the quantile as float64 in its last column; `given` (m, n) is
what records bring, float64 values (NaN: none) or hashes (0: none), by kind.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

from footfall.kernels.live.table import HAND, KEY, OWN, mixed, remove, slot_for, slot_of, stored, touch

COUNT_ALL, SUM, MEAN, MIN, MAX, SHARE, DISTINCT, QUANTILE, PATH, COUNT_IF = range(10)
KIND, AT, SIZE, RANK = range(4)
START, END, COUNT, FLAGS, GROUP = range(OWN, OWN + 5)  # of a window's row; GROUP is the hash of its key
FIRST_MEASURE = OWN + 5
OWNER = OWN + 1  # of a row of `pairs` or `bins`
PAIR_FIELDS = BIN_FIELDS = 2
GROWTH = 1.0199  # of a bin: its middle is within 1 % of everything in it
_LOG_GROWTH = math.log(GROWTH)
_TINY = 1e-9
_ZERO_BIN = -2_000
_NEGATIVE = -4_000
_BIN_MAX = 3_000


def width_of(kind: int, size: int) -> int:
    """How many fields a measure takes."""
    return {COUNT_ALL: 0, SHARE: 1, COUNT_IF: 1, QUANTILE: 4, PATH: 1 + 2 * size}.get(kind, 2)


@numba.njit(nogil=True, cache=True)
def bin_of(value: float) -> int:
    """The bin of a value."""
    size = abs(value)
    if size < _TINY:
        return _ZERO_BIN
    index = min(_BIN_MAX - 1, max(_ZERO_BIN + 1, math.ceil(math.log(size) / _LOG_GROWTH)))
    return index if value > 0 else _NEGATIVE - (index - _ZERO_BIN)


@numba.njit(nogil=True, cache=True)
def middle_of(index: int) -> float:
    """The value that stands for a bin."""
    if index == _ZERO_BIN:
        return 0.0
    sign = 1.0
    if index < _ZERO_BIN:
        sign, index = -1.0, _NEGATIVE - index + _ZERO_BIN
    return sign * 2.0 * math.exp(index * _LOG_GROWTH) / (1.0 + GROWTH)


@numba.njit(nogil=True, cache=True)
def _add_distinct(main: Any, pairs: Any, slot: Any, place: Any, value: Any) -> None:
    """`place` is (first field, measure, record)."""
    at, measure, record = place
    found = slot_for(pairs, stored(mixed(mixed(main[slot, KEY], measure), value)))
    if pairs[found, OWNER] == 0:
        pairs[found, OWN] = main[slot, at + 1] if main[slot, at] else np.int64(1)
        pairs[found, OWNER] = main[slot, KEY]
        main[slot, at] += 1
        main[slot, at + 1] = value
        touch(pairs, found, record)


@numba.njit(nogil=True, cache=True)
def _add_to_bin(main: Any, bins: Any, slot: Any, place: Any, number: Any) -> None:
    """`place` is (bin, measure, record)."""
    found = slot_for(bins, stored(mixed(mixed(main[slot, KEY], place[1]), place[0])))
    bins[found, OWN] += number
    bins[found, OWNER] = main[slot, KEY]
    touch(bins, found, place[2])


@numba.njit(nogil=True, cache=True)
def _add_to_path(main: Any, slot: Any, at: Any, size: Any, step: Any) -> None:
    """`step` is (time, hash)."""
    count = main[slot, at]
    if count == size:
        if step[0] < main[slot, at + 1]:
            return
        for k in range(at + 1, at + 2 * size - 1):
            main[slot, k] = main[slot, k + 2]
        count -= 1
    k = at + 1 + 2 * count
    while k > at + 1 and main[slot, k - 2] > step[0]:
        main[slot, k], main[slot, k + 1] = main[slot, k - 2], main[slot, k - 1]
        k -= 2
    main[slot, k], main[slot, k + 1] = step
    main[slot, at] = count + 1


@numba.njit(nogil=True, cache=True)
def _add_to_sketch(main: Any, bins: Any, slot: Any, place: Any, seen: Any) -> None:
    """`place` is (first field, measure, record), `seen` (value, limit)."""
    at, measure, record = place
    index = bin_of(seen[0])
    _add_to_bin(main, bins, slot, (index, measure, record), 1)
    main[slot, at + 1] = index if main[slot, at] == 0 else min(index, main[slot, at + 1])
    main[slot, at + 2] = index if main[slot, at] == 0 else max(index, main[slot, at + 2])
    main[slot, at] += 1
    main[slot, at + 3] += seen[0] > seen[1]


@numba.njit(nogil=True, cache=True, forceinline=True)
def add(main: Any, pairs: Any, bins: Any, plan: Any, given: Any, row: Any) -> None:
    """Add a record to all measures of a window.  `row` is (slot, record, time, limit of a rule)."""
    slot, record, time_us, limit = row
    reals, numbers = main.view(np.float64), given.view(np.float64)
    for j in range(plan.shape[0]):
        kind, at = plan[j, KIND], plan[j, AT]
        if kind == COUNT_ALL:
            continue
        if kind in (SHARE, COUNT_IF):
            main[slot, at] += numbers[j, record] == 1.0
        elif kind in (DISTINCT, PATH):
            if given[j, record]:
                if kind == DISTINCT:
                    _add_distinct(main, pairs, slot, (at, j, record), given[j, record])
                else:
                    _add_to_path(main, slot, at, plan[j, SIZE], (time_us, given[j, record]))
        elif not math.isnan(numbers[j, record]):
            value = numbers[j, record]
            if kind == QUANTILE:
                _add_to_sketch(main, bins, slot, (at, j, record), (value, limit))
            else:
                if kind in (SUM, MEAN):
                    reals[slot, at] += value
                elif main[slot, at + 1] == 0 or (kind == MIN and value < reals[slot, at]) or (kind == MAX and value > reals[slot, at]):
                    reals[slot, at] = value
                main[slot, at + 1] += 1


@numba.njit(nogil=True, cache=True)
def _quantile(main: Any, bins: Any, plan: Any, slot: Any, j: int) -> float:
    """The sketched quantile (nearest rank) of a window."""
    at = plan[j, AT]
    count = main[slot, at]
    if count == 0:
        return np.nan
    rank = max(1, math.ceil(plan.view(np.float64)[j, RANK] * count))
    window = mixed(main[slot, KEY], j)
    below = 0
    for index in range(main[slot, at + 1], main[slot, at + 2] + 1):
        found = slot_of(bins, stored(mixed(window, index)))
        if found >= 0:
            below += bins[found, OWN]
            if below >= rank:
                return middle_of(index)
    return middle_of(main[slot, at + 2])


@numba.njit(nogil=True, cache=True)
def value_of(main: Any, bins: Any, plan: Any, slot: Any, j: int) -> float:
    """A measure of a window now; NaN where it has no value."""
    kind, at = plan[j, KIND], plan[j, AT]
    if kind == COUNT_ALL:
        return float(main[slot, COUNT])
    if kind in (DISTINCT, COUNT_IF):
        return float(main[slot, at])
    if kind == SHARE:
        return main[slot, at] / main[slot, COUNT] if main[slot, COUNT] else np.nan
    if kind == QUANTILE:
        return _quantile(main, bins, plan, slot, j)
    if kind == PATH or main[slot, at + 1] == 0:
        return np.nan
    value = main.view(np.float64)[slot, at]
    return value / main[slot, at + 1] if kind == MEAN else value


@numba.njit(nogil=True, cache=True)
def _over(main: Any, bins: Any, plan: Any, slot: Any, limits: Any) -> bool:
    """Whether measure 0 is over a limit.  `limits` is (the limit, the one that values of a quantile are held against)."""
    if plan[0, KIND] == QUANTILE and limits[0] == limits[1]:
        at = plan[0, AT]
        count = main[slot, at]
        rank = max(1, math.ceil(plan.view(np.float64)[0, RANK] * count))
        return count > 0 and count - main[slot, at + 3] < rank
    return value_of(main, bins, plan, slot, 0) > limits[0]


@numba.njit(nogil=True, cache=True, forceinline=True)
def over_limit(main: Any, bins: Any, plan: Any, slot: Any, limits: Any) -> bool:
    """Whether measure 0 is over a limit, exactly, also for a quantile whose own limit it is."""
    if plan[0, KIND] == COUNT_ALL:
        return main[slot, COUNT] > limits[0]
    return _over(main, bins, plan, slot, limits)


@numba.njit(nogil=True, cache=True)
def room_to_merge(main: Any, plan: Any, slot: Any) -> int:
    """How many rows beside a window's own its measures take when they are added to another's, at most."""
    wanted = plan.shape[0]
    for j in range(plan.shape[0]):
        at = plan[j, AT]
        if plan[j, KIND] == DISTINCT:
            wanted += main[slot, at]
        elif plan[j, KIND] == QUANTILE:
            wanted += min(main[slot, at], main[slot, at + 2] - main[slot, at + 1] + 1)
    return wanted


@numba.njit(nogil=True, cache=True)
def _merge_sketch(main: Any, bins: Any, slots: Any, place: Any) -> None:
    to, of = slots
    at, j, record = place
    for index in range(main[of, at + 1], main[of, at + 2] + 1):
        found = slot_of(bins, stored(mixed(mixed(main[of, KEY], j), index)))
        if found >= 0:
            _add_to_bin(main, bins, to, (index, j, record), bins[found, OWN])
    main[to, at + 1] = main[of, at + 1] if main[to, at] == 0 else min(main[to, at + 1], main[of, at + 1])
    main[to, at + 2] = main[of, at + 2] if main[to, at] == 0 else max(main[to, at + 2], main[of, at + 2])
    main[to, at] += main[of, at]
    main[to, at + 3] += main[of, at + 3]


@numba.njit(nogil=True, cache=True)
def merge(main: Any, pairs: Any, bins: Any, plan: Any, slots: Any) -> None:
    """Add all measures of one window to another's.  `slots` is (to, from, record)."""
    to, of, record = slots
    reals = main.view(np.float64)
    for j in range(plan.shape[0]):
        kind, at = plan[j, KIND], plan[j, AT]
        if kind == DISTINCT:
            value, left = main[of, at + 1], main[of, at]
            while left > 0:
                previous = pairs[slot_of(pairs, stored(mixed(mixed(main[of, KEY], j), value))), OWN]
                _add_distinct(main, pairs, to, (at, j, record), value)
                value, left = previous, left - 1
        elif kind == PATH:
            for k in range(main[of, at]):
                _add_to_path(main, to, at, plan[j, SIZE], (main[of, at + 1 + 2 * k], main[of, at + 2 + 2 * k]))
        elif kind in (SHARE, COUNT_IF):
            main[to, at] += main[of, at]
        elif kind == QUANTILE:
            if main[of, at]:
                _merge_sketch(main, bins, (to, of), (at, j, record))
        elif kind != COUNT_ALL and main[of, at + 1]:
            if kind in (SUM, MEAN):
                reals[to, at] += reals[of, at]
            elif main[to, at + 1] == 0 or (kind == MIN and reals[of, at] < reals[to, at]) or (kind == MAX and reals[of, at] > reals[to, at]):
                reals[to, at] = reals[of, at]
            main[to, at + 1] += main[of, at + 1]


@numba.njit(nogil=True, cache=True)
def sweep_owned(side: Any, main: Any, slots: int) -> int:
    """Remove rows of `pairs` or `bins` whose window is no more, among the next slots; how many went.  Nothing may count as changed."""
    last = side.shape[0] - 1
    at = side[last, HAND]
    gone = 0
    for _ in range(min(slots, last)):
        at &= last - 1
        while side[at, KEY] != 0 and slot_of(main, side[at, OWNER]) < 0:
            remove(side, at)
            gone += 1
        at += 1
    side[last, HAND] = at & (last - 1)
    return gone
