"""The window of duplicates: equal to a dictionary of days, through growth, days passing, failures taken back and restarts."""

from __future__ import annotations

import numpy as np
import pytest

from footfall.collect import duplicates
from footfall.collect.duplicates import DAY_US, DuplicateWindow, hashes_of


class Twin:
    """The same, as a dictionary from hash to day."""

    def __init__(self, days):
        self.days, self.seen = days, {}

    def admit(self, hashes, day):
        fresh = []
        for value in (max(one & ~7, 8) for one in hashes.tolist()):
            known = self.seen.get(value)
            fresh.append(known is None or day - known > self.days)
            if fresh[-1]:
                self.seen[value] = day
        return fresh


@pytest.mark.parametrize("days", [1, 3, 7])
@pytest.mark.parametrize("seed", range(3))
def test_admits_what_a_dictionary_of_days_admits(days, seed, monkeypatch):
    monkeypatch.setattr(duplicates, "SLOTS_MIN", 64)
    monkeypatch.setattr(duplicates, "MOVED_AT_ONCE", 16)
    rng = np.random.default_rng(seed)
    window, twin, day = DuplicateWindow(days), Twin(days), 20_000
    for _ in range(400):
        day += int(rng.integers(1, 12)) if rng.random() < 0.05 else 0
        hashes = rng.integers(0, 9_000, size=int(rng.integers(1, 120)), dtype=np.uint64) << np.uint64(int(rng.integers(0, 5)))
        fresh = window.admit(hashes, day * DAY_US + 7)
        assert fresh.tolist() == twin.admit(hashes, day)
        if rng.random() < 0.2:
            window.take_back(hashes[fresh])
            for one in hashes[fresh].tolist():
                twin.seen.pop(max(one & ~7, 8), None)


def test_a_restart_knows_what_the_log_remembers():
    now = 20_000 * DAY_US
    groups = [(now - age * DAY_US, hashes_of([f"id-{age}-{n}" for n in range(50)], "app").tobytes()) for age in range(10)]
    window = DuplicateWindow(7)
    assert window.load(groups, now) == 8 * 50
    for age in range(10):
        fresh = window.admit(hashes_of([f"id-{age}-{n}" for n in range(50)], "app"), now)
        assert fresh.any() == fresh.all() == (age > 7)


def test_one_id_of_two_applications_is_two_events():
    assert hashes_of(["a"], "x")[0] != hashes_of(["a"], "y")[0]
    assert hashes_of(["a"], None)[0] == hashes_of(["a"], None)[0]


def test_memory_follows_the_ids_of_the_window(monkeypatch):
    monkeypatch.setattr(duplicates, "SLOTS_MIN", 1 << 10)
    window = DuplicateWindow(1)
    rng = np.random.default_rng(5)
    sizes = []
    for day in range(20_000, 20_040):
        for _ in range(20):
            window.admit(rng.integers(8, 1 << 63, size=500, dtype=np.uint64), day * DAY_US)
        sizes.append(len(window._table))
    assert max(sizes[5:]) == sizes[5] <= 1 << 17
