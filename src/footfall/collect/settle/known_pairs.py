"""A set of 64-bit keys that only grows: 16 to 32 bytes a key, 50 to 100 ns a look.

Two different pairs share a key with a chance of one in 10 million among a million pairs; the second one would then not be noted.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

Keys = np.ndarray[Any, np.dtype[np.uint64]]


@numba.njit(nogil=True, cache=True)
def _add(table: Any, keys: Any, new: Any) -> int:
    """Put keys (none of them 0) into an open table of a power of two slots; marks the new ones and counts them."""
    mask = np.uint64(len(table) - 1)
    count = 0
    for k in range(len(keys)):
        slot = keys[k] & mask
        while table[slot] != 0 and table[slot] != keys[k]:
            slot = (slot + np.uint64(1)) & mask
        new[k] = table[slot] == 0
        if new[k]:
            table[slot] = keys[k]
            count += 1
    return count


class KnownPairs:
    """Keys of pairs that were noted before."""

    def __init__(self) -> None:
        self._table: Keys = np.zeros(1 << 10, np.uint64)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, keys: Keys) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """(n,) which of the keys were not there before; of equal keys the first."""
        keys = np.where(keys == 0, np.uint64(1), keys)
        if 2 * (self._size + len(keys)) > len(self._table):
            self._grow(self._size + len(keys))
        new = np.empty(len(keys), np.bool_)
        self._size += int(_add(self._table, keys, new))
        return new

    def _grow(self, size: int) -> None:
        slots = len(self._table)
        while slots < 3 * size:
            slots *= 2
        old = self._table[self._table != 0]
        self._table = np.zeros(slots, np.uint64)
        _add(self._table, old, np.empty(len(old), np.bool_))
