"""State by key: an open-addressing table of 64-bit keys and int64 fields, whose changes can be written and read back.

A table is one array, a row a slot, because kernels are many times slower with tuples of arrays.  Its columns are KEY (0: the slot is empty), EXPIRES (the time
after which the row may be forgotten), LINK and RECORD (its place among the rows that changed in this batch, counted from 1, and the record that did
it first; LINK is 0 while it has not changed), ORDER (of slot k: the slot of the row that changed as the k-th, whatever row lies there), and the operator's own from OWN on.  A float field is the same eight bytes seen as float64.  The last row of the array is the
table's own: ROWS, CHANGES, HAND and SHIFT.

Slots are found by the top bits of the spread key and then one after the other, so the keys of one 64th of the spread keys lie together, and can be
written apart from the rest.  A row whose time is over must mean the same as no row, because `sweep` removes such rows whenever it comes by.
Cost: 10 to 60 ns a look-up, 8 bytes a field and slot, at most 5/8 of the slots used.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

KEY, EXPIRES, LINK, RECORD, ORDER, OWN = range(6)  # columns; an operator's own begin at OWN
ROWS, CHANGES, HAND, SHIFT = range(4)  # of the last row
UNSAVED = OWN - LINK  # columns that mean something within a batch only
PARTS = 64
SLOTS_MIN = 1_024
SWEEP_SLOTS = 4_096
SHRINK_BATCHES = 64  # room that one batch asked for is there for the next ones
_FOR_ZERO = np.int64(0x1E3779B97F4A7C15)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@numba.njit(nogil=True, cache=True, forceinline=True)
def stored(key: Any) -> Any:
    """A key as it lies in the table: 0 means an empty slot there."""
    return key if key != 0 else _FOR_ZERO


@numba.njit(nogil=True, cache=True, forceinline=True)
def mixed(a: Any, b: Any) -> Any:
    """Two 64-bit numbers as one; the order matters."""
    h = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return np.int64(h ^ (h >> np.uint64(32)))


@numba.njit(nogil=True, cache=True, forceinline=True)
def _home(table: Any, key: Any) -> Any:
    """The first slot where a key may lie."""
    return np.int64((np.uint64(key) * _SPREAD) >> np.uint64(table[table.shape[0] - 1, SHIFT]))


@numba.njit(nogil=True, cache=True, forceinline=True)
def slot_of(table: Any, key: Any) -> Any:
    """The slot of a stored key, -1 when it has none."""
    mask = table.shape[0] - 2
    at = _home(table, key)
    while True:
        found = table[at, KEY]
        if found == key:
            return at
        if found == 0:
            return np.int64(-1)
        at = (at + 1) & mask


@numba.njit(nogil=True, cache=True, forceinline=True)
def slot_for(table: Any, key: Any) -> Any:
    """The slot of a stored key, made if need be: a new row's fields are all 0.  There must be room."""
    mask = table.shape[0] - 2
    at = _home(table, key)
    while True:
        found = table[at, KEY]
        if found == key:
            return at
        if found == 0:
            table[at, KEY], table[at, EXPIRES], table[at, LINK] = key, 0, 0
            for column in range(OWN, table.shape[1]):
                table[at, column] = 0
            table[mask + 1, ROWS] += 1
            return at
        at = (at + 1) & mask


@numba.njit(nogil=True, cache=True, forceinline=True)
def has_room(table: Any, more: Any) -> bool:
    """Whether so many rows can be made without more memory."""
    last = table.shape[0] - 1
    return (table[last, ROWS] + more) * 4 <= last * 3


@numba.njit(nogil=True, cache=True, forceinline=True)
def touch(table: Any, slot: Any, record: Any) -> None:
    """Note that a batch's record changes a row."""
    if table[slot, LINK] == 0:
        last = table.shape[0] - 1
        place = table[last, CHANGES]
        table[place, ORDER] = slot
        table[slot, LINK], table[slot, RECORD] = place + 1, record
        table[last, CHANGES] = place + 1


@numba.njit(nogil=True, cache=True, forceinline=True)
def _copy(source: Any, at: Any, target: Any, to: Any) -> None:
    """One row without ORDER, which is not its own; numba makes views of slices, which costs more than the copy."""
    for column in range(ORDER):
        target[to, column] = source[at, column]
    for column in range(OWN, source.shape[1]):
        target[to, column] = source[at, column]


@numba.njit(nogil=True, cache=True)
def remove(table: Any, slot: Any) -> None:
    """Take a row out, and move those behind it up, so that every key is still found.  It must not be among the changes."""
    mask = table.shape[0] - 2
    hole = slot
    at = (slot + 1) & mask
    while table[at, KEY] != 0:
        home = _home(table, table[at, KEY])
        if ((at - home) & mask) >= ((at - hole) & mask):
            _copy(table, at, table, hole)
            if table[at, LINK] != 0:
                table[table[at, LINK] - 1, ORDER] = hole
            hole = at
        at = (at + 1) & mask
    table[hole, KEY] = table[hole, LINK] = 0
    table[mask + 1, ROWS] -= 1


@numba.njit(nogil=True, cache=True)
def _sweep(table: Any, slots: int, before_us: Any) -> int:
    """Remove forgotten rows among the next `slots` slots; how many went.  Nothing may count as changed."""
    last = table.shape[0] - 1
    mask = last - 1
    at = table[last, HAND]
    gone = 0
    for _ in range(slots):
        at &= mask
        while table[at, KEY] != 0 and table[at, EXPIRES] < before_us:
            remove(table, at)
            gone += 1
        at += 1
    table[last, HAND] = at & mask
    return gone


@numba.njit(nogil=True, cache=True)
def _moved(old: Any, new: Any) -> None:
    """Every row, and which of them changed, from one array to an empty one."""
    last = old.shape[0] - 1
    for at in range(last):
        if old[at, KEY] != 0:
            slot = slot_for(new, old[at, KEY])
            _copy(old, at, new, slot)
            new[slot, LINK] = 0
    for k in range(old[last, CHANGES]):
        was = old[k, ORDER]
        touch(new, slot_of(new, old[was, KEY]), old[was, RECORD])


@numba.njit(nogil=True, cache=True)
def _slots(table: Any, slots: Any) -> None:
    """The slots of the rows that changed, in the order in which they did."""
    for k in range(len(slots)):
        slots[k] = table[k, ORDER]


@numba.njit(nogil=True, cache=True)
def _gathered(table: Any, slots: Any, out: Any) -> None:
    for i in range(len(slots)):
        _copy(table, slots[i], out, i)


@numba.njit(nogil=True, cache=True)
def _taken(table: Any, slots: Any, out: Any) -> None:
    """Rows as they are saved, without LINK, RECORD and ORDER; they count as changed no longer."""
    for i in range(len(slots)):
        slot = slots[i]
        out[i, 0], out[i, 1] = table[slot, KEY], table[slot, EXPIRES]
        for column in range(OWN, table.shape[1]):
            out[i, column - UNSAVED] = table[slot, column]
        table[slot, LINK] = 0
    table[table.shape[0] - 1, CHANGES] = 0


@numba.njit(nogil=True, cache=True)
def _begin(table: Any) -> None:
    last = table.shape[0] - 1
    for k in range(table[last, CHANGES]):
        table[table[k, ORDER], LINK] = 0
    table[last, CHANGES] = 0


@numba.njit(nogil=True, cache=True)
def unchanged(table: Any, slot: Any) -> None:
    """Take a row out of those that changed; the one that changed last takes its place."""
    last = table.shape[0] - 1
    place, newest = table[slot, LINK] - 1, table[last, CHANGES] - 1
    moved = table[newest, ORDER]
    table[place, ORDER] = moved
    table[moved, LINK] = place + 1
    table[slot, LINK] = 0
    table[last, CHANGES] = newest


@numba.njit(nogil=True, cache=True)
def _part(table: Any, part: int, out: Any, fill: bool) -> int:
    """Count, or copy, the rows of one 64th of the spread keys."""
    last = table.shape[0] - 1
    first, end = last // PARTS * part, last // PARTS * (part + 1)
    found = steps = 0
    at = first
    while steps < last and (at < end or table[at & (last - 1), KEY] != 0):
        key = table[at & (last - 1), KEY]
        if key != 0 and np.int64((np.uint64(key) * _SPREAD) >> np.uint64(58)) == part:
            if fill:
                _copy(table, at & (last - 1), out, found)
            found += 1
        at += 1
        steps += 1
    return found


@numba.njit(nogil=True, cache=True)
def _rows(table: Any, keys: Any, out: Any) -> None:
    for i in range(len(keys)):
        _copy(table, slot_of(table, keys[i]), out, i)


@numba.njit(nogil=True, cache=True)
def _put_back(table: Any, rows: Any) -> None:
    """`rows` (n, width - UNSAVED) have no LINK, RECORD and ORDER."""
    for i in range(len(rows)):
        slot = slot_for(table, rows[i, 0])
        table[slot, EXPIRES] = rows[i, 1]
        for column in range(2, rows.shape[1]):
            table[slot, column + UNSAVED] = rows[i, column]


@numba.njit(nogil=True, cache=True)
def _drop(table: Any, keys: Any) -> None:
    for i in range(len(keys)):
        slot = slot_of(table, keys[i])
        if slot >= 0:
            if table[slot, LINK] != 0:
                unchanged(table, slot)
            remove(table, slot)


class KeyedTable:
    """A table with `own` fields, one or more."""

    def __init__(self, own: int) -> None:
        self.width = OWN + own
        self._ends = 0
        self._array = self._empty(SLOTS_MIN)

    def _empty(self, slots: int) -> Any:
        array = np.zeros((slots + 1, self.width), np.int64)
        array[slots, SHIFT] = 65 - slots.bit_length()
        return array

    def __len__(self) -> int:
        return int(self._array[-1, ROWS])

    @property
    def slots(self) -> int:
        """How many rows there is memory for."""
        return len(self._array) - 1

    @property
    def size_bytes(self) -> int:
        """The memory it takes."""
        return int(self._array.nbytes)

    def array(self) -> Any:
        """The table as kernels take it; valid until the next `reserve` or `sweep`."""
        return self._array

    def begin(self) -> None:
        """A new batch changes rows from here on."""
        _begin(self._array)

    def reserve(self, more: int) -> Any:
        """Room for so many new rows; the array."""
        wanted = len(self) + more
        if wanted * 8 > self.slots * 5:
            slots = self.slots
            while wanted * 8 > slots * 5:
                slots *= 2
            self._resize(slots)
        return self._array

    def _resize(self, slots: int) -> None:
        old, self._array = self._array, self._empty(slots)
        _moved(old, self._array)

    def changes(self) -> tuple[Any, Any]:
        """(keys, first changing record) of the rows that this batch changed, in the order in which it did."""
        rows = self.changed_rows()
        return rows[:, KEY].copy(), rows[:, RECORD].copy()

    def changed_slots(self) -> Any:
        """(n,) the slots of the rows that this batch changed, in the order in which it did; where one was taken out, the last is in its place."""
        slots = np.empty(int(self._array[-1, CHANGES]), np.int64)
        _slots(self._array, slots)
        return slots

    def changed_rows(self) -> Any:
        """(n, width) the rows that this batch changed, in the order in which it did."""
        return self.rows_at(self.changed_slots())

    def rows_at(self, slots: Any) -> Any:
        """(n, width) the rows in these slots."""
        rows = np.empty((len(slots), self.width), np.int64)
        _gathered(self._array, slots, rows)
        return rows

    def end(self) -> None:
        """The batch is over: nothing counts as changed, and a table that became much too large for what is in it shrinks."""
        _begin(self._array)
        self._ends += 1
        if self._ends >= SHRINK_BATCHES:
            self._ends = 0
            if self.slots > SLOTS_MIN and len(self) * 16 < self.slots:
                self._resize(max(self.slots // 4, SLOTS_MIN))

    def sweep(self, before_us: int, slots: int = SWEEP_SLOTS) -> int:
        """Forget rows whose time was over before `before_us`, among the next slots; how many went.  It ends the batch."""
        self.end()
        return int(_sweep(self._array, min(slots, self.slots), before_us))

    # --- written and read back -------------------------------------------------------------------------------------------

    def delta(self) -> bytes:
        """The rows that this batch changed, as bytes.  It ends the batch: nothing counts as changed any more."""
        slots = self.changed_slots()
        rows = np.empty((len(slots), self.width - UNSAVED), np.int64)
        _taken(self._array, slots, rows)
        return rows.tobytes()

    def part(self, part: int) -> bytes:
        """The rows of one of PARTS parts, as bytes."""
        n = int(_part(self._array, part, self._array[:0], False))
        rows = np.empty((n, self.width), np.int64)
        _part(self._array, part, rows, True)
        return self._bytes(rows)

    def _bytes(self, rows: Any) -> bytes:
        """Rows without LINK, RECORD and ORDER."""
        return np.concatenate([rows[:, :LINK], rows[:, OWN:]], axis=1).tobytes()

    def put_back(self, saved: bytes, parts: Any = None) -> None:
        """Rows that `delta` or `part` gave, in place of what is there.  `parts` (PARTS,) says of which parts they count; None: of all."""
        width = self.width - UNSAVED
        assert len(saved) % (8 * width) == 0, "rows of another table"
        rows = np.frombuffer(saved, np.int64).reshape(-1, width)
        if parts is not None:
            rows = rows[parts[((rows[:, 0].view(np.uint64) * _SPREAD) >> np.uint64(58)).astype(np.int64)]]
        self.reserve(len(rows))
        _put_back(self._array, np.ascontiguousarray(rows))

    def rows(self, keys: Any) -> Any:
        """(n, width) rows of these stored keys, which must be there."""
        found = np.empty((len(keys), self.width), np.int64)
        _rows(self._array, np.ascontiguousarray(keys), found)
        return found

    def every(self) -> Any:
        """(n, width) all rows, by key; LINK, RECORD and ORDER are 0."""
        rows = self._array[:-1][self._array[:-1, KEY] != 0]
        rows = rows[np.argsort(rows[:, KEY])]
        rows[:, LINK:OWN] = 0
        return rows

    def drop(self, keys: Any) -> None:
        """Take rows out."""
        _drop(self._array, np.ascontiguousarray(keys))
