"""Union-find over the lines of the identity ledger, compiled; `event/identity.py` says what the rules are.

Kinds: 0 seen, 1 identify, 2 alias, 3 merge.  Outcomes: 0 joined, 1 known already, 3 blocked id, 4 another user's device, 5 too many ids.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(nogil=True, cache=True)
def _root(parent: Any, one: int) -> int:
    """The root of an id, with the way to it halved."""
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    return one


@numba.njit(nogil=True, cache=True)
def join(ids: Any, kind: Any, stop: Any, degree_max: int, outcome: Any, owner: Any) -> None:
    """(2, n) ids `a` and `b` of lines in order -> their outcomes, and for each id the id that its person is called by (-1: itself).

    Lines whose outcome is not 0 on entry are passed over.
    """
    parent = np.arange(len(owner))
    size = np.ones(len(owner), np.int64)
    since = np.empty(len(owner), np.int64)
    for line in range(len(kind)):
        a, b = ids[0, line], ids[1, line]
        if outcome[line] != 0:
            continue
        if a < 0 or b < 0 or stop[a] or stop[b]:
            outcome[line] = 3
            continue
        x, y = _root(parent, a), _root(parent, b)
        if x == y:
            outcome[line] = 1
        elif kind[line] <= 1 and owner[x] >= 0:
            outcome[line] = 4
        elif size[x] + size[y] > degree_max:
            outcome[line] = 5
        else:
            called, at = owner[y], since[y]
            if kind[line] == 2 and owner[x] >= 0 and (called < 0 or since[x] < at):
                called, at = owner[x], since[x]
            if called < 0:
                called, at = b, line
            low, high = (x, y) if size[x] < size[y] else (y, x)
            parent[low] = high
            size[high] += size[low]
            owner[high], since[high] = called, at
    for one in range(len(owner)):
        root = _root(parent, one)
        if root != one:
            owner[one] = owner[root]
