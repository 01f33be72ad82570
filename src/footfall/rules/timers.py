"""Timers of keys, by when they ring: set in any order, heard when the clock has passed them."""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np

BUCKETS = 256
BUCKET_US_MIN = 100_000


class Timers:
    """(deadline, key) pairs, in buckets of time.  `within_us` is how far ahead most of them are set.  In memory only: state says when to set them."""

    def __init__(self, within_us: int) -> None:
        self._bucket_us = max(BUCKET_US_MIN, within_us // BUCKETS)
        self._buckets: dict[int, list[Any]] = {}
        self._order: list[int] = []

    def set(self, timers: Any) -> None:
        """Set (t, 2) timers."""
        if not len(timers):
            return
        timers = timers[np.argsort(timers[:, 0], kind="stable")]
        buckets = timers[:, 0] // self._bucket_us
        for piece in np.split(timers, np.flatnonzero(np.diff(buckets)) + 1):
            bucket = int(piece[0, 0] // self._bucket_us)
            if bucket not in self._buckets:
                self._buckets[bucket] = []
                heapq.heappush(self._order, bucket)
            self._buckets[bucket].append(piece)

    def rung(self, clock_us: int) -> Any:
        """(t, 2) the timers before the clock, which are set no more."""
        found = [np.empty((0, 2), np.int64)]
        while self._order and self._order[0] * self._bucket_us < clock_us:
            timers = np.concatenate(self._buckets.pop(heapq.heappop(self._order)))
            passed = timers[:, 0] < clock_us
            found.append(timers[passed])
            if not passed.all():
                self.set(timers[~passed])
                break
        return np.concatenate(found)
