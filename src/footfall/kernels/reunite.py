"""Bringing the events of persons who were walked apart into one order: each person's runs lie together, then are merged in place.

Cost: one scatter over all rows, then a natural merge sort a person, n log2(runs) moves.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def by_person(rank: Any, persons: int) -> tuple[Any, Any]:
    """(n,) persons as 0…persons-1 in any order -> (persons+1,) where each starts, (n,) row numbers by person, else as they came."""
    starts = np.zeros(persons + 1, np.int64)
    for i in range(len(rank)):
        starts[rank[i] + 1] += 1
    for person in range(persons):
        starts[person + 1] += starts[person]
    free = starts[:-1].copy()
    order = np.empty(len(rank), np.int64)
    for i in range(len(rank)):
        order[free[rank[i]]] = i
        free[rank[i]] += 1
    return starts, order


@numba.njit(nogil=True, cache=True)
def _after(time_us: Any, position: Any, a: int, b: int) -> bool:
    return bool(time_us[a] > time_us[b] or (time_us[a] == time_us[b] and position[a] > position[b]))


@numba.njit(nogil=True, cache=True)
def _run_end(order: Any, time_us: Any, position: Any, start: int, end: int) -> int:
    """Where the ordered run that begins at `start` ends."""
    i = start + 1
    while i < end and not _after(time_us, position, order[i - 1], order[i]):
        i += 1
    return i


@numba.njit(nogil=True, cache=True)
def sort_persons(order: Any, starts: Any, time_us: Any, position: Any) -> None:
    """Put each person's row numbers, order[starts[p]:starts[p+1]], into the order of (time, position), in place."""
    for person in range(len(starts) - 1):
        low, high = starts[person], starts[person + 1]
        while True:
            left = low
            merges = 0
            while left < high:
                middle = _run_end(order, time_us, position, left, high)
                if middle == high:
                    break
                right = _run_end(order, time_us, position, middle, high)
                held = order[left:middle].copy()
                i, j, k = 0, middle, left
                while i < len(held):
                    if j < right and _after(time_us, position, held[i], order[j]):
                        order[k] = order[j]
                        j += 1
                    else:
                        order[k] = held[i]
                        i += 1
                    k += 1
                merges += 1
                left = right
            if merges == 0:
                break
