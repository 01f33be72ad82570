"""State by key: an open-addressing table of 64-bit keys and rows of int64 fields, whose changes can be written and read back.

Field 0 of a row is the time after which it may be forgotten, field 1 the number of the batch that changed it last; the rest belongs to the
operator.  A float field is the same eight bytes seen as float64 (`reals`).  Slots are found by the top bits of the spread key and then one
after the other, so the keys of one 64th of the spread keys lie together, and can be written apart from the rest.

A row whose time is over must mean the same as no row, because `sweep` removes such rows whenever it comes by.
Cost: 10 to 60 ns a look-up, 8 bytes and the fields a slot, at most 5/8 of the slots used.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

EXPIRES, STAMP, OWN = 0, 1, 2  # fields; an operator's own begin at OWN
COUNT, BATCH, CHANGED, HAND, SHIFT = range(5)  # places of `meta`
PARTS = 64
SLOTS_MIN = 1_024
SWEEP_SLOTS = 4_096
_NO_KEY = np.int64(0)
_FOR_ZERO = np.int64(0x1E3779B97F4A7C15)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Arrays(NamedTuple):
    """What a kernel gets of a table.  `changed` has the keys that this batch changed, `changed_row` the record that did it first."""

    keys: Any
    fields: Any
    reals: Any
    meta: Any
    changed: Any
    changed_row: Any


@numba.njit(nogil=True, cache=True, inline="always")
def stored(key: Any) -> Any:
    """A key as it lies in the table: 0 means an empty slot there."""
    return key if key != _NO_KEY else _FOR_ZERO


@numba.njit(nogil=True, cache=True)
def mixed(a: Any, b: Any) -> Any:
    """Two 64-bit numbers as one; the order matters."""
    h = np.uint64(a) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(b)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    h = (h ^ (h >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return np.int64(h ^ (h >> np.uint64(32)))


@numba.njit(nogil=True, cache=True, inline="always")
def _home(key: Any, meta: Any) -> Any:
    """The first slot where a key may lie."""
    return np.int64((np.uint64(key) * _SPREAD) >> np.uint64(meta[SHIFT]))


@numba.njit(nogil=True, cache=True, inline="always")
def _part_of(key: Any) -> Any:
    """Which 64th a key belongs to."""
    return np.int64((np.uint64(key) * _SPREAD) >> np.uint64(58))


@numba.njit(nogil=True, cache=True)
def slot_of(table: Arrays, key: Any) -> Any:
    """The slot of a stored key, -1 when it has none."""
    keys = table.keys
    mask = len(keys) - 1
    at = _home(key, table.meta)
    while True:
        found = keys[at]
        if found == key:
            return at
        if found == _NO_KEY:
            return np.int64(-1)
        at = (at + 1) & mask


@numba.njit(nogil=True, cache=True)
def slot_for(table: Arrays, key: Any) -> Any:
    """The slot of a stored key, made if need be: a new row's fields are all 0.  There must be room."""
    keys = table.keys
    mask = len(keys) - 1
    at = _home(key, table.meta)
    while True:
        found = keys[at]
        if found == key:
            return at
        if found == _NO_KEY:
            keys[at] = key
            table.fields[at, :] = 0
            table.fields[at, STAMP] = -1
            table.meta[COUNT] += 1
            return at
        at = (at + 1) & mask


@numba.njit(nogil=True, cache=True)
def has_room(table: Arrays, more: Any) -> bool:
    """Whether so many rows can be made and changed without more memory."""
    return (table.meta[COUNT] + more) * 4 <= len(table.keys) * 3 and table.meta[CHANGED] + more <= len(table.changed)


@numba.njit(nogil=True, cache=True)
def touch(table: Arrays, slot: Any, row: int) -> None:
    """Note that a batch's record changes a row."""
    fields, meta = table.fields, table.meta
    if fields[slot, STAMP] != meta[BATCH]:
        fields[slot, STAMP] = meta[BATCH]
        table.changed[meta[CHANGED]] = table.keys[slot]
        table.changed_row[meta[CHANGED]] = row
        meta[CHANGED] += 1


@numba.njit(nogil=True, cache=True)
def remove(table: Arrays, slot: Any) -> None:
    """Take a row out, and move those behind it up, so that every key is still found."""
    keys, fields = table.keys, table.fields
    mask = len(keys) - 1
    hole = slot
    at = (slot + 1) & mask
    while keys[at] != _NO_KEY:
        home = _home(keys[at], table.meta)
        if ((at - home) & mask) >= ((at - hole) & mask):
            keys[hole] = keys[at]
            fields[hole, :] = fields[at, :]
            hole = at
        at = (at + 1) & mask
    keys[hole] = _NO_KEY
    table.meta[COUNT] -= 1


@numba.njit(nogil=True, cache=True)
def _sweep(table: Arrays, slots: int, before_us: Any) -> int:
    """Remove forgotten rows among the next `slots` slots; how many went.

    Rows that this batch changed stay, so that its changes can still be gathered.
    """
    keys, fields, meta = table.keys, table.fields, table.meta
    mask = len(keys) - 1
    at = meta[HAND]
    gone = 0
    for _ in range(slots):
        at &= mask
        while keys[at] != _NO_KEY and fields[at, EXPIRES] < before_us and fields[at, STAMP] != meta[BATCH]:
            remove(table, at)
            gone += 1
        at += 1
    meta[HAND] = at & mask
    return gone


@numba.njit(nogil=True, cache=True)
def _moved(old: Arrays, new: Arrays) -> None:
    for at in range(len(old.keys)):
        if old.keys[at] != _NO_KEY:
            new.fields[slot_for(new, old.keys[at]), :] = old.fields[at, :]


@numba.njit(nogil=True, cache=True)
def _part(table: Arrays, part: int, out_keys: Any, out_fields: Any, fill: bool) -> int:
    """Count, or fill in, the rows of one 64th of the key space."""
    keys = table.keys
    mask = len(keys) - 1
    first = len(keys) // PARTS * part
    last = len(keys) // PARTS * (part + 1)
    found = 0
    at = first
    steps = 0
    while steps < len(keys) and (at < last or keys[at & mask] != _NO_KEY):
        key = keys[at & mask]
        if key != _NO_KEY and _part_of(key) == part:
            if fill:
                out_keys[found] = key
                out_fields[found, :] = table.fields[at & mask, :]
            found += 1
        at += 1
        steps += 1
    return found


@numba.njit(nogil=True, cache=True)
def _gathered(table: Arrays, out_keys: Any, out_fields: Any) -> None:
    for i in range(len(out_keys)):
        out_keys[i] = table.changed[i]
        out_fields[i, :] = table.fields[slot_of(table, table.changed[i]), :]


@numba.njit(nogil=True, cache=True)
def _put_back(table: Arrays, keys: Any, fields: Any) -> None:
    for i in range(len(keys)):
        table.fields[slot_for(table, keys[i]), :] = fields[i, :]


@numba.njit(nogil=True, cache=True)
def _removed(table: Arrays, keys: Any) -> None:
    for i in range(len(keys)):
        slot = slot_of(table, keys[i])
        if slot >= 0:
            remove(table, slot)


class KeyedTable:
    """A table with `own` fields beside the two common ones."""

    def __init__(self, own: int) -> None:
        self.width = OWN + own
        self._meta = np.zeros(5, np.int64)
        self._allocate(SLOTS_MIN)
        self._changed = np.empty(0, np.int64)
        self._changed_row = np.empty(0, np.int64)

    def _allocate(self, slots: int) -> None:
        self._keys = np.zeros(slots, np.int64)
        self._fields = np.zeros((slots, self.width), np.int64)
        self._meta = self._meta.copy()
        self._meta[COUNT], self._meta[HAND], self._meta[SHIFT] = 0, 0, 65 - slots.bit_length()

    def __len__(self) -> int:
        return int(self._meta[COUNT])

    @property
    def slots(self) -> int:
        """How many rows there is memory for."""
        return len(self._keys)

    @property
    def size_bytes(self) -> int:
        """The memory it takes."""
        return self._keys.nbytes + self._fields.nbytes + self._changed.nbytes + self._changed_row.nbytes

    def arrays(self) -> Arrays:
        """The table as kernels take it; valid until the next `reserve`."""
        return Arrays(self._keys, self._fields, self._fields.view(np.float64), self._meta, self._changed, self._changed_row)

    def begin(self, batch: int) -> None:
        """A new batch changes rows from here on."""
        self._meta[BATCH] = batch
        self._meta[CHANGED] = 0

    def reserve(self, more: int) -> Arrays:
        """Room for so many new rows and as many more changes; the arrays."""
        wanted = self._meta[COUNT] + more
        if wanted * 8 > len(self._keys) * 5:
            slots = len(self._keys)
            while wanted * 8 > slots * 5:
                slots *= 2
            old = self.arrays()
            self._allocate(slots)
            _moved(old, self.arrays())
        needed = int(self._meta[CHANGED]) + more
        if needed > len(self._changed):
            size = max(256, needed + needed // 4)
            self._changed = np.concatenate([self._changed, np.empty(size - len(self._changed), np.int64)])
            self._changed_row = np.concatenate([self._changed_row, np.empty(size - len(self._changed_row), np.int64)])
        return self.arrays()

    def changes(self) -> tuple[Any, Any]:
        """(keys, first changing record) of the rows that this batch changed, in the order in which it did."""
        n = int(self._meta[CHANGED])
        return self._changed[:n], self._changed_row[:n]

    def sweep(self, before_us: int, slots: int = SWEEP_SLOTS) -> int:
        """Forget rows whose time was over before `before_us`, among the next slots; how many went.

        A table that became much too large for what is in it shrinks.
        """
        gone = int(_sweep(self.arrays(), min(slots, len(self._keys)), before_us))
        if len(self._keys) > SLOTS_MIN and int(self._meta[COUNT]) * 16 < len(self._keys):
            old = self.arrays()
            self._allocate(max(len(old.keys) // 4, SLOTS_MIN))
            _moved(old, self.arrays())
        return gone

    # --- written and read back -------------------------------------------------------------------------------------------

    def delta(self) -> bytes:
        """The rows that this batch changed, as bytes."""
        n = int(self._meta[CHANGED])
        keys, fields = np.empty(n, np.int64), np.empty((n, self.width), np.int64)
        _gathered(self.arrays(), keys, fields)
        return keys.tobytes() + fields.tobytes()

    def part(self, part: int) -> bytes:
        """The rows of one of PARTS parts, as bytes."""
        arrays = self.arrays()
        n = int(_part(arrays, part, self._keys[:0], self._fields[:0], False))
        keys, fields = np.empty(n, np.int64), np.empty((n, self.width), np.int64)
        _part(arrays, part, keys, fields, True)
        return keys.tobytes() + fields.tobytes()

    def put_back(self, saved: bytes, parts: Any = None) -> None:
        """Rows that `delta` or `part` gave, in place of what is there.  `parts` (PARTS,) says of which parts they count; None: of all."""
        rows = len(saved) // (8 + 8 * self.width)
        assert rows * (8 + 8 * self.width) == len(saved), "rows of another table"
        keys = np.frombuffer(saved, np.int64, rows)
        fields = np.frombuffer(saved, np.int64, offset=8 * rows).reshape(rows, self.width)
        if parts is not None:
            wanted = parts[((keys.view(np.uint64) * _SPREAD) >> np.uint64(58)).astype(np.int64)]
            keys, fields = keys[wanted], fields[wanted]
        self.reserve(len(keys))
        _put_back(self.arrays(), np.ascontiguousarray(keys), np.ascontiguousarray(fields))
        if len(keys):
            self._meta[BATCH] = max(int(self._meta[BATCH]), int(fields[:, STAMP].max()))

    def rows(self, keys: Any) -> Any:
        """(n, width) fields of these keys, which must be there."""
        found = np.empty((len(keys), self.width), np.int64)
        _rows(self.arrays(), np.ascontiguousarray(keys), found)
        return found

    def every(self) -> tuple[Any, Any]:
        """(keys, fields) of everything, by key."""
        used = np.flatnonzero(self._keys)
        order = used[np.argsort(self._keys[used])]
        return self._keys[order], self._fields[order]

    def drop(self, keys: Any) -> None:
        """Take rows out."""
        _removed(self.arrays(), np.ascontiguousarray(keys))


@numba.njit(nogil=True, cache=True)
def _rows(table: Arrays, keys: Any, found: Any) -> None:
    for i in range(len(keys)):
        found[i, :] = table.fields[slot_of(table, keys[i]), :]
