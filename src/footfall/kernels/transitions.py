"""Transitions: which event follows which, within sessions.

A pair is two consecutive events of one person with a pause of at most `gap_us` between them.  With `collapse` a run of
equal events counts as its first one: a a b is one pair, timed from the first a.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# One row a pair: count, people, the ordinal of the last person (a stamp), and the time as 1,024 us and rest.  Two parts, since
# the gaps of 200,000 persons over three years no longer fit into one int64 of microseconds, and float sums depend on the order.
COUNT, PEOPLE, STAMP, KIBI_US, REST_US = range(5)
FIELDS = 5
DENSE_NAMES = 512


@njit(nogil=True, cache=True)
def _record(cell: Any, ordinal: int, elapsed_us: int) -> None:
    cell[COUNT] += 1
    if cell[STAMP] != ordinal:
        cell[STAMP] = ordinal
        cell[PEOPLE] += 1
    cell[KIBI_US] += elapsed_us >> 10
    cell[REST_US] += elapsed_us & 1023


@njit(nogil=True, cache=True)
def dense_transitions(person: Any, time_us: Any, code: Any, names: int, rules: tuple[int, bool]) -> tuple[Any, Any]:
    """(n,) events by person and time, codes below `names`, rules = (gap_us, collapse) -> `pair` (p,) and `cells` (p, FIELDS).

    A pair is source * names + target.  Memory: 40 bytes times names squared; for many names see `sparse_transitions`.
    """
    gap_us, collapse = rules
    cells = np.zeros((names * names, FIELDS), np.int64)
    ordinal = 1
    since = np.int64(0)
    for i in range(len(person)):
        if i == 0 or person[i] != person[i - 1]:
            ordinal += 1
            since = time_us[i]
            continue
        same = collapse and code[i] == code[i - 1]
        if time_us[i] - time_us[i - 1] > gap_us:
            since = time_us[i]
        elif not same:
            _record(cells[np.int64(code[i - 1]) * names + code[i]], ordinal, time_us[i] - since)
            since = time_us[i]
    pair = np.nonzero(cells[:, COUNT])[0]
    return pair, cells[pair]


@njit(nogil=True, cache=True)
def _slot(pairs: Any, pair: Any) -> Any:
    """The place of a pair in an open-addressed table of a power of two, or the free place where it belongs."""
    mask = len(pairs) - 1
    at = ((np.uint64(pair) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & np.uint64(mask)
    place = np.int64(at)
    while pairs[place] not in (-1, pair):
        place = (place + 1) & mask
    return place


@njit(nogil=True, cache=True)
def _grown(pairs: Any, cells: Any) -> tuple[Any, Any]:
    wider = np.full(2 * len(pairs), -1, np.int64)
    moved = np.zeros((2 * len(pairs), FIELDS), np.int64)
    for i in range(len(pairs)):
        if pairs[i] >= 0:
            at = _slot(wider, pairs[i])
            wider[at] = pairs[i]
            moved[at] = cells[i]
    return wider, moved


@njit(nogil=True, cache=True)
def sparse_transitions(person: Any, time_us: Any, code: Any, names: int, rules: tuple[int, bool]) -> tuple[Any, Any]:
    """The same as `dense_transitions` for any number of names.  Memory: about 100 bytes a distinct pair."""
    gap_us, collapse = rules
    pairs = np.full(1 << 12, -1, np.int64)
    cells = np.zeros((1 << 12, FIELDS), np.int64)
    filled = 0
    ordinal = 1
    since = np.int64(0)
    for i in range(len(person)):
        if i == 0 or person[i] != person[i - 1]:
            ordinal += 1
            since = time_us[i]
            continue
        same = collapse and code[i] == code[i - 1]
        if time_us[i] - time_us[i - 1] > gap_us:
            since = time_us[i]
        elif not same:
            pair = np.int64(code[i - 1]) * names + code[i]
            at = _slot(pairs, pair)
            if pairs[at] < 0:
                if 2 * filled >= len(pairs):
                    pairs, cells = _grown(pairs, cells)
                    at = _slot(pairs, pair)
                pairs[at] = pair
                filled += 1
            _record(cells[at], ordinal, time_us[i] - since)
            since = time_us[i]
    used = np.nonzero(pairs >= 0)[0]
    order = used[np.argsort(pairs[used])]
    return pairs[order], cells[order]
