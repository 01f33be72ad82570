"""Which message ids were seen within the window: exact to a 61-bit hash, in constant time, with the memory of one table.

A slot holds the hash with the day of receipt, modulo 8, in its low three bits, so a window of up to seven days needs no second
array; 100 million ids take 1.3 GB and have a chance of about 0.002 of a single false duplicate (both measured by a prototype).  The
table grows, and forgets days, by moving to a second table a few thousand slots at a time, so no request waits for the whole of it.
The log keeps the hashes, so the window is as long after a restart as before.  Not thread-safe: the event loop owns it.
The compiled loops keep the interpreter's lock: they take a microsecond, and getting the lock back from a busy writer thread takes ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numba
import numpy as np
import xxhash

DAY_US = 86_400_000_000
SLOTS_MIN = 1 << 18
MOVED_AT_ONCE = 4_096
_EMPTY, _GONE = 0, 1  # no hash has only low bits: see `_kept`

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
NO_HASHES: Hashes = np.empty(0, np.uint64)


@numba.njit(cache=True, forceinline=True)
def _kept(value: Any) -> Any:
    """The 61 bits of a hash that count; never zero, which stands for an empty slot."""
    high = value & ~np.uint64(7)
    return high or np.uint64(8)


@numba.njit(cache=True)
def _find(table: Any, high: Any) -> Any:
    """The slot of a hash, or minus the first free slot of its chain, minus one."""
    mask = np.uint64(len(table) - 1)
    slot = (high >> np.uint64(3)) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(20) & mask
    free = np.int64(-1)
    while table[slot] != _EMPTY:
        if table[slot] & ~np.uint64(7) == high:
            return np.int64(slot)
        if table[slot] == _GONE and free < 0:
            free = np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return -(free if free >= 0 else np.int64(slot)) - 1


@numba.njit(cache=True)
def _admit(table: Any, old: Any, hashes: Any, day: int, expired: Any, fresh: Any) -> int:
    """Note every hash under `day`; fresh[i] says that it was not there.  How many slots of `table` were filled."""
    filled = 0
    for i in range(len(hashes)):
        high = _kept(hashes[i])
        slot = _find(table, high)
        fresh[i] = slot < 0
        if slot >= 0:
            continue
        if len(old):
            before = _find(old, high)
            if before >= 0 and not expired[np.int64(old[before] & np.uint64(7))]:
                fresh[i] = False
                continue
        filled += table[-slot - 1] == _EMPTY
        table[-slot - 1] = high | np.uint64(day)
    return filled


@numba.njit(cache=True)
def _move(table: Any, old: Any, begin: int, end: int, expired: Any) -> int:
    """Carry slots of the old table over, without those of the expired days."""
    filled = 0
    for slot in range(begin, end):
        value = old[slot]
        if value <= np.uint64(7) or expired[np.int64(value & np.uint64(7))]:
            continue
        place = _find(table, value & ~np.uint64(7))
        if place < 0:
            filled += table[-place - 1] == _EMPTY
            table[-place - 1] = value
    return filled


@numba.njit(cache=True)
def _take_back(table: Any, hashes: Any) -> None:
    """Forget hashes; their slots stay taken, so that chains through them hold."""
    for i in range(len(hashes)):
        slot = _find(table, _kept(hashes[i]))
        if slot >= 0:
            table[slot] = _GONE


def hashes_of(ids: Sequence[str], source: str | None) -> Hashes:
    """(n,) ids of one source -> (n,) 64-bit hashes.  The same id from two applications is two events."""
    digest = xxhash.xxh3_64_intdigest
    seed = digest(source.encode()) if source else 0
    return np.array([digest(one.encode("utf-8", "surrogatepass"), seed) for one in ids], np.uint64)


class DuplicateWindow:
    """The ids of the last `days` days (1 to 7), counted by days of receipt: an id is known for at least that long."""

    def __init__(self, days: int = 7) -> None:
        assert 1 <= days <= 7, "three bits hold eight days"
        self.days = days
        self.today = -1
        self._table = np.zeros(SLOTS_MIN, np.uint64)
        self._used = 0
        self._old: Hashes = np.empty(0, np.uint64)
        self._moved = 0
        self._expired = np.zeros(8, np.bool_)
        # Loading the compiled loops takes a third of a second, which no request should wait for.
        nothing = np.empty(0, np.uint64)
        _admit(self._table, self._old, nothing, 0, self._expired, np.empty(0, np.bool_))
        _move(self._table, self._old, 0, 0, self._expired)
        _take_back(self._table, nothing)

    def load(self, groups: Iterable[tuple[int, bytes]], now_us: int) -> int:
        """Take in what the log remembers: (time of receipt, hashes of 8 bytes).  The number of ids."""
        self._turn(now_us // DAY_US)
        loaded = 0
        for received_us, octets in groups:
            day = received_us // DAY_US
            if self.today - self.days <= day <= self.today and octets:
                hashes = np.frombuffer(octets, "<u8")
                self._room(len(hashes))
                self._used += _admit(self._table, self._old, hashes, day & 7, self._expired, np.empty(len(hashes), np.bool_))
                loaded += len(hashes)
        return loaded

    def admit(self, hashes: Hashes, now_us: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Note hashes; (n,) whether each was new, a second one within the call not being so."""
        day = now_us // DAY_US
        if day > self.today:
            self._turn(day)
        self._room(len(hashes))
        fresh = np.empty(len(hashes), np.bool_)
        self._used += _admit(self._table, self._old, hashes, self.today & 7, self._expired, fresh)
        return fresh

    def take_back(self, hashes: Hashes) -> None:
        """Forget hashes whose events did not reach the disk after all."""
        _take_back(self._table, hashes)

    def __len__(self) -> int:
        """Slots in use, forgotten ones included."""
        return self._used

    def _turn(self, day: int) -> None:
        """A new day: what has left the window is left behind by moving to another table."""
        self._finish()
        gone = np.zeros(8, np.bool_)
        for age in range(8):
            gone[(day - age) & 7] = age > self.days
        # Each day that began since takes the three bits of the day eight days before it.
        for passed in range(max(self.today + 1, day - 7), day + 1):
            gone[passed & 7] = True
        self.today = day
        self._begin(len(self._table), gone)

    def _room(self, more: int) -> None:
        """Go on moving; begin a larger table before this one fills."""
        if len(self._old):
            self._carry(max(MOVED_AT_ONCE, 8 * more))
        if 10 * (self._used + more) > 6 * len(self._table):
            self._finish()
            size = len(self._table)
            while 10 * (self._used + more) > 3 * size:
                size *= 2
            self._begin(size, np.zeros(8, np.bool_))

    def _begin(self, size: int, expired: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        self._old, self._table = self._table, np.zeros(size, np.uint64)
        self._used, self._moved = 0, 0
        self._expired = expired

    def _carry(self, slots: int) -> None:
        end = min(self._moved + slots, len(self._old))
        self._used += _move(self._table, self._old, self._moved, end, self._expired)
        self._moved = end
        if end == len(self._old):
            self._old = np.empty(0, np.uint64)

    def _finish(self) -> None:
        if len(self._old):
            self._carry(len(self._old))
