"""Merging runs of events that are each in order into one order: where a person's events lie in several files.

Cost: one pass a level of a balanced merge, n log2(runs) moves of a row number.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def _merge(person: Any, time_us: Any, position: Any, left: Any, right: Any, merged: Any) -> None:
    """Two runs of row numbers in order -> one; the left run goes first when all three keys are equal."""
    i = 0
    j = 0
    for k in range(len(merged)):
        if j == len(right):
            merged[k] = left[i]
            i += 1
            continue
        if i == len(left):
            merged[k] = right[j]
            j += 1
            continue
        a = left[i]
        b = right[j]
        later = person[a] > person[b] or (
            person[a] == person[b] and (time_us[a] > time_us[b] or (time_us[a] == time_us[b] and position[a] > position[b]))
        )
        if later:
            merged[k] = b
            j += 1
        else:
            merged[k] = a
            i += 1


def merge_order(person: Any, time_us: Any, position: Any, starts: list[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(n,) keys in runs that begin at `starts` -> (n,) row numbers in (person, time, position) order.

    Each run must be in that order itself.
    """
    ends = [*starts[1:], len(person)]
    runs = [np.arange(start, end, dtype=np.int64) for start, end in zip(starts, ends, strict=True) if end > start]
    while len(runs) > 1:
        runs.sort(key=len, reverse=True)
        left, right = runs.pop(), runs.pop()
        if right[0] < left[0]:
            left, right = right, left
        merged = np.empty(len(left) + len(right), np.int64)
        _merge(person, time_us, position, left, right, merged)
        runs.append(merged)
    return runs[0] if runs else np.empty(0, np.int64)
