"""Paths: whole sequences of events, counted by what they are.

A sequence is one session's events (a pause longer than `gap_us` ends it), or what anchors leave of it.  Sequences are told
apart by two independent 64-bit hashes, so that 100 million distinct ones collide with a chance below 1e-22, and each distinct one is
kept once.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

NO_ANCHOR = -1
NO_LIMIT = 1 << 62
CUT_FRONT = 1
CUT_BACK = 2


class PathRules(NamedTuple):
    """The pause that ends a sequence, the codes of the anchors, the longest sequence, and whether repeats count once."""

    gap_us: int
    start: int
    end: int
    max_steps: int
    collapse: bool


@njit(nogil=True, cache=True)
def _shaped(code: Any, lo: int, hi: int, rules: PathRules, steps: Any) -> tuple[int, int, int]:
    """Events [lo, hi) -> `steps[first:last]` after anchors, collapse and cut-off, and the cut; an empty range when an anchor is missing."""
    if rules.start >= 0:
        while lo < hi and code[lo] != rules.start:
            lo += 1
    length = 0
    ended = rules.end < 0
    for i in range(lo, hi):
        if not (rules.collapse and length > 0 and steps[length - 1] == code[i]):
            steps[length] = code[i]
            length += 1
        if code[i] == rules.end and not (rules.start == rules.end and i == lo):
            ended = True
            break
    if not ended:
        return 0, 0, 0
    if length <= rules.max_steps:
        return 0, length, 0
    if rules.end >= 0 and rules.start < 0:
        return length - rules.max_steps, length, CUT_FRONT
    return 0, rules.max_steps, CUT_BACK


@njit(nogil=True, cache=True)
def _hashed(steps: Any, first: int, last: int, cut: int) -> tuple[Any, Any]:
    """Two hashes of the cut, then every code: a multiplies by a large odd number and folds, b adds, multiplies by another and folds elsewhere."""
    a = np.uint64(0xCBF29CE484222325)
    b = np.uint64(0x9E3779B97F4A7C15)
    for i in range(first - 1, last):
        one = np.uint64(1) + (np.uint64(cut) if i < first else np.uint64(steps[i]))
        a = (a ^ one) * np.uint64(0xFF51AFD7ED558CCD)
        a ^= a >> np.uint64(29)
        b = (b + one) * np.uint64(0xD6E8FEB86659FD93)
        b ^= b >> np.uint64(32)
    a = (a ^ (a >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    b = (b ^ (b >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    return a ^ (a >> np.uint64(33)), b ^ (b >> np.uint64(29))


@njit(nogil=True, cache=True)
def _indexed(hashes: Any, known: int, slots: int) -> Any:
    """An open-addressed index of `slots` places (a power of two) over the first `known` hashes."""
    index = np.full(slots, -1, np.int32)
    mask = np.uint64(slots - 1)
    for i in range(known):
        at = hashes[i, 0] & mask
        while index[at] >= 0:
            at = (at + np.uint64(1)) & mask
        index[at] = i
    return index


@njit(nogil=True, cache=True)
def paths(person: Any, time_us: Any, code: Any, rules: PathRules) -> tuple[Any, Any, Any, Any, Any, Any]:
    """(n,) events by person and time -> the distinct sequences among them.

    Returns `hashes` (d, 2) uint64, `count` (d,) sequences, `people` (d,) persons, `cut` (d,) uint8 (CUT_FRONT, CUT_BACK or 0), `length`
    (d,) and `pool` (sum of lengths,) int32: their codes, one sequence after the other.  With a start, a sequence begins at its
    first such event; with an end, it stops at the first one after that; without the anchor it does not count.  `max_steps` keeps the
    beginning, or the end when only `end` is given.  Cost: one pass; 40 bytes a distinct sequence and 4 bytes for each of its events.
    """
    n = len(person)
    steps = np.empty(n, np.int32)
    pool = np.empty(n, np.int32)
    hashes = np.empty((n, 2), np.uint64)
    tallies = np.empty((n, 3), np.int64)  # count, people, ordinal of the last person
    cut = np.empty(n, np.uint8)
    length = np.empty(n, np.int32)
    index = np.full(1 << 12, -1, np.int32)
    known = 0
    pooled = 0
    ordinal = 0
    begin = 0
    for i in range(1, n + 1):
        other = i == n or person[i] != person[i - 1]
        if not other and time_us[i] - time_us[i - 1] <= rules.gap_us:
            continue
        first, last, cut_off = _shaped(code, begin, i, rules, steps)
        begin = i
        if last > first:
            a, b = _hashed(steps, first, last, cut_off)
            mask = np.uint64(len(index) - 1)
            at = a & mask
            while index[at] >= 0 and (hashes[index[at], 0] != a or hashes[index[at], 1] != b):
                at = (at + np.uint64(1)) & mask
            which = np.int64(index[at])
            if which < 0:
                which = np.int64(known)
                index[at] = which
                hashes[which, 0] = a
                hashes[which, 1] = b
                tallies[which, 0] = 0
                tallies[which, 1] = 0
                tallies[which, 2] = -1
                cut[which] = cut_off
                length[which] = last - first
                pool[pooled : pooled + last - first] = steps[first:last]
                pooled += last - first
                known += 1
                if 2 * known > len(index):
                    index = _indexed(hashes, known, 2 * len(index))
            tallies[which, 0] += 1
            if tallies[which, 2] != ordinal:
                tallies[which, 2] = ordinal
                tallies[which, 1] += 1
        if other:
            ordinal += 1
    return (
        hashes[:known].copy(),
        tallies[:known, 0].copy(),
        tallies[:known, 1].copy(),
        cut[:known].copy(),
        length[:known].copy(),
        pool[:pooled].copy(),
    )


@njit(nogil=True, cache=True)
def distinct(hashes: Any, count: Any, people: Any) -> tuple[Any, Any, Any]:
    """(d, 2) hashes of several batches, (d,) counts -> `first` (u,) index of each different one, and its summed counts."""
    slots = 1 << 12
    while slots < 2 * len(count):
        slots *= 2
    index = np.full(slots, -1, np.int32)
    mask = np.uint64(slots - 1)
    first = np.empty(len(count), np.int64)
    sums = np.zeros((len(count), 2), np.int64)
    known = 0
    for i in range(len(count)):
        at = hashes[i, 0] & mask
        while index[at] >= 0 and (hashes[first[index[at]], 0] != hashes[i, 0] or hashes[first[index[at]], 1] != hashes[i, 1]):
            at = (at + np.uint64(1)) & mask
        if index[at] < 0:
            index[at] = known
            first[known] = i
            known += 1
        sums[index[at], 0] += count[i]
        sums[index[at], 1] += people[i]
    return first[:known].copy(), sums[:known, 0].copy(), sums[:known, 1].copy()
