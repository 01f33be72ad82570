"""Measures of a window that grow with every record: counts, sums, extremes, shares, exact distinct counts, quantile sketches, paths.

A measure has fields of its own in the window's row, from `Measures.at` on:

    SUM, MEAN    sum (real), values                 MIN, MAX   extreme (real), values
    SHARE        records that meet the condition    DISTINCT   values, hash of the newest new one
    QUANTILE     values, lowest bin, highest bin, values above the limit
    PATH         how many, then (time, hash) of the newest ones, oldest first

Distinct values are kept one by one in the table `pairs`, each with the hash of the one before it, so they are exact and a window's can be walked.
A quantile is read from logarithmic bins in the table `bins` (after DDSketch, Masson, Rim & Lee 2019): its value is within 1 % of an exact
one.  `above` counts values over a rule's limit exactly, so whether a quantile is over it needs no sketch.  A path is ordered by time, equal
times by arrival.  Cost: 5 to 30 ns a measure and record, a quantile is read in one look-up a bin.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np

from footfall.kernels.live.table import EXPIRES, OWN, Arrays, mixed, slot_for, slot_of, stored, touch

COUNT_ALL, SUM, MEAN, MIN, MAX, SHARE, DISTINCT, QUANTILE, PATH = range(9)
PAIR_FIELDS = BIN_FIELDS = 1
GROWTH = 1.0199  # of a bin: its middle is within 1 % of everything in it
_LOG_GROWTH = math.log(GROWTH)
_TINY = 1e-9
_ZERO_BIN = -2_000
_NEGATIVE = -4_000
_BIN_MAX = 3_000


class Measures(NamedTuple):
    """What a window measures: (m,) kinds, first field and size (length of a path) of each; (m,) limit and quantile of each."""

    kinds: Any
    at: Any
    size: Any
    limit: Any
    quantile: Any


class Given(NamedTuple):
    """What records bring: (m, n) float64 values, NaN where there is none, and (m, n) hashes, 0 where there is none."""

    values: Any
    hashes: Any


class Side(NamedTuple):
    """The tables beside the windows' own: distinct values and bins of sketches."""

    pairs: Arrays
    bins: Arrays


def width_of(kind: int, size: int) -> int:
    """How many fields a measure takes."""
    return {COUNT_ALL: 0, SHARE: 1, QUANTILE: 4, PATH: 1 + 2 * size}.get(kind, 2)


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
def _add_distinct(side: Side, fields: Any, row: Any, place: Any) -> None:
    """`row` is (window key, slot's expiry, value hash, record); `place` (slot, first field, measure)."""
    window, expires_us, value, record = row
    slot, at, measure = place
    pair = stored(mixed(mixed(window, measure), value))
    found = slot_for(side.pairs, pair)
    pairs = side.pairs.fields
    if pairs[found, OWN] == 0:
        pairs[found, OWN] = fields[slot, at + 1] if fields[slot, at] else np.int64(1)
        fields[slot, at] += 1
        fields[slot, at + 1] = value
        pairs[found, EXPIRES] = expires_us
        touch(side.pairs, found, record)
    elif pairs[found, EXPIRES] < expires_us:
        pairs[found, EXPIRES] = expires_us
        touch(side.pairs, found, record)


@numba.njit(nogil=True, cache=True)
def _add_to_bin(side: Side, row: Any, place: Any, index: int, number: int) -> None:
    window, expires_us, _, record = row
    slot = slot_for(side.bins, stored(mixed(mixed(window, place[2]), index)))
    side.bins.fields[slot, OWN] += number
    side.bins.fields[slot, EXPIRES] = max(side.bins.fields[slot, EXPIRES], expires_us)
    touch(side.bins, slot, record)


@numba.njit(nogil=True, cache=True)
def _add_to_path(fields: Any, slot: int, at: int, size: int, step: Any) -> None:
    """`step` is (time, hash)."""
    count = fields[slot, at]
    if count == size:
        if step[0] < fields[slot, at + 1]:
            return
        for k in range(at + 1, at + 2 * size - 1):
            fields[slot, k] = fields[slot, k + 2]
        count -= 1
    k = at + 1 + 2 * count
    while k > at + 1 and fields[slot, k - 2] > step[0]:
        fields[slot, k], fields[slot, k + 1] = fields[slot, k - 2], fields[slot, k - 1]
        k -= 2
    fields[slot, k], fields[slot, k + 1] = step
    fields[slot, at] = count + 1


@numba.njit(nogil=True, cache=True)
def add(main: Arrays, side: Side, measures: Measures, given: Given, row: Any) -> None:
    """Add a record to all measures of a window.  `row` is (slot, record, time)."""
    slot, record, time_us = row
    fields, reals = main.fields, main.reals
    for j in range(len(measures.kinds)):
        kind, at = measures.kinds[j], measures.at[j]
        value = given.values[j, record]
        if kind == DISTINCT:
            if given.hashes[j, record]:
                _add_distinct(side, fields, (main.keys[slot], fields[slot, EXPIRES], given.hashes[j, record], record), (slot, at, j))
        elif kind == PATH:
            if given.hashes[j, record]:
                _add_to_path(fields, slot, at, measures.size[j], (time_us, given.hashes[j, record]))
        elif kind == SHARE:
            fields[slot, at] += value == 1.0
        elif kind != COUNT_ALL and not math.isnan(value):
            if kind == QUANTILE:
                index = bin_of(value)
                _add_to_bin(side, (main.keys[slot], fields[slot, EXPIRES], 0, record), (slot, at, j), index, 1)
                fields[slot, at + 1] = index if fields[slot, at] == 0 else min(index, fields[slot, at + 1])
                fields[slot, at + 2] = index if fields[slot, at] == 0 else max(index, fields[slot, at + 2])
                fields[slot, at] += 1
                fields[slot, at + 3] += value > measures.limit[j]
            else:
                first = fields[slot, at + 1] == 0
                if kind in (SUM, MEAN):
                    reals[slot, at] += value
                elif first or (kind == MIN and value < reals[slot, at]) or (kind == MAX and value > reals[slot, at]):
                    reals[slot, at] = value
                fields[slot, at + 1] += 1


@numba.njit(nogil=True, cache=True)
def quantile_of(main: Arrays, side: Side, measures: Measures, place: Any) -> float:
    """The sketched quantile (nearest rank) of a window.  `place` is (slot, measure)."""
    slot, j = place
    at = measures.at[j]
    count = main.fields[slot, at]
    if count == 0:
        return np.nan
    rank = max(1, math.ceil(measures.quantile[j] * count))
    window = mixed(main.keys[slot], j)
    below = 0
    for index in range(main.fields[slot, at + 1], main.fields[slot, at + 2] + 1):
        found = slot_of(side.bins, stored(mixed(window, index)))
        if found >= 0:
            below += side.bins.fields[found, OWN]
            if below >= rank:
                return middle_of(index)
    return middle_of(main.fields[slot, at + 2])


@numba.njit(nogil=True, cache=True)
def value_of(main: Arrays, side: Side, measures: Measures, place: Any, count: Any) -> float:
    """A measure of a window now; NaN where it has no value.  `place` is (slot, measure), `count` the window's records."""
    slot, j = place
    kind, at = measures.kinds[j], measures.at[j]
    fields, reals = main.fields, main.reals
    if kind == COUNT_ALL:
        return float(count)
    if kind == DISTINCT:
        return float(fields[slot, at])
    if kind == SHARE:
        return fields[slot, at] / count if count else np.nan
    if kind == QUANTILE:
        return quantile_of(main, side, measures, place)
    if kind == PATH or fields[slot, at + 1] == 0:
        return np.nan
    return reals[slot, at] / fields[slot, at + 1] if kind == MEAN else reals[slot, at]


@numba.njit(nogil=True, cache=True)
def over_limit(main: Arrays, side: Side, measures: Measures, place: Any, limit: float) -> bool:
    """Whether a measure is over a limit, exactly, also for a quantile whose own limit it is."""
    slot, j = place
    if measures.kinds[j] == QUANTILE and limit == measures.limit[j]:
        at = measures.at[j]
        count = main.fields[slot, at]
        return count > 0 and count - main.fields[slot, at + 3] < max(1, math.ceil(measures.quantile[j] * count))
    return value_of(main, side, measures, place, main.fields[slot, OWN + 2]) > limit


@numba.njit(nogil=True, cache=True)
def merge(main: Arrays, side: Side, measures: Measures, slots: Any, record: int) -> None:
    """Add all measures of one window to another's.  `slots` is (to, from)."""
    to, of = slots
    fields, reals = main.fields, main.reals
    for j in range(len(measures.kinds)):
        kind, at = measures.kinds[j], measures.at[j]
        row = (main.keys[to], fields[to, EXPIRES], 0, record)
        if kind == DISTINCT:
            value, left = fields[of, at + 1], fields[of, at]
            while left > 0:
                previous = side.pairs.fields[slot_of(side.pairs, stored(mixed(mixed(main.keys[of], j), value))), OWN]
                _add_distinct(side, fields, (main.keys[to], fields[to, EXPIRES], value, record), (to, at, j))
                value, left = previous, left - 1
        elif kind == PATH:
            for k in range(fields[of, at]):
                _add_to_path(fields, to, at, measures.size[j], (fields[of, at + 1 + 2 * k], fields[of, at + 2 + 2 * k]))
        elif kind == SHARE:
            fields[to, at] += fields[of, at]
        elif kind == QUANTILE:
            if fields[of, at]:
                for index in range(fields[of, at + 1], fields[of, at + 2] + 1):
                    found = slot_of(side.bins, stored(mixed(mixed(main.keys[of], j), index)))
                    if found >= 0:
                        _add_to_bin(side, row, (to, at, j), index, side.bins.fields[found, OWN])
                fields[to, at + 1] = fields[of, at + 1] if fields[to, at] == 0 else min(fields[to, at + 1], fields[of, at + 1])
                fields[to, at + 2] = fields[of, at + 2] if fields[to, at] == 0 else max(fields[to, at + 2], fields[of, at + 2])
                fields[to, at] += fields[of, at]
                fields[to, at + 3] += fields[of, at + 3]
        elif kind != COUNT_ALL and fields[of, at + 1]:
            if kind in (SUM, MEAN):
                reals[to, at] += reals[of, at]
            elif fields[to, at + 1] == 0 or (kind == MIN and reals[of, at] < reals[to, at]) or (kind == MAX and reals[of, at] > reals[to, at]):
                reals[to, at] = reals[of, at]
            fields[to, at + 1] += fields[of, at + 1]
