"""Dimension tables in memory: rows that describe people or things, found by the hash of their key as text.

Of several rows with one key the first of the file (or of the query's result) counts, as in the engine.  Keys that no row has give null and are
counted.  Cost: 10 to 50 ns a look-up, 16 bytes a row beside the table itself.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from footfall.errors import InvalidConfig, nearest
from footfall.event.schema import type_name
from footfall.stream.reading.cell_text import Truths, plain, sql_text
from footfall.stream.reading.key_hashes import Hashes, value_hashes
from footfall.stream.reading.references import DimensionColumns

Rows = np.ndarray[Any, np.dtype[np.int64]]
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@numba.njit(nogil=True, cache=True)
def _enter(hashes: Any, valid: Any, slots: Any, shift: Any) -> int:
    """Put the rows into the slots (row + 1 by hash, 0 is free); how many keys there are.  A hash that is there already stays."""
    keys = 0
    mask = len(slots) - 1
    for row in range(len(hashes)):
        if valid[row]:
            slot = np.int64((np.uint64(hashes[row]) * _SPREAD) >> np.uint64(shift))
            while slots[slot] != 0 and hashes[slots[slot] - 1] != hashes[row]:
                slot = (slot + 1) & mask
            if slots[slot] == 0:
                slots[slot] = row + 1
                keys += 1
    return keys


@numba.njit(nogil=True, cache=True)
def _find(table: Any, slots: Any, shift: Any, hashes: Any, valid: Any, rows: Any) -> int:
    """(n,) hashes -> (n,) rows, -1 for none; how many valid ones are unknown."""
    unknown = 0
    mask = len(slots) - 1
    for i in range(len(hashes)):
        rows[i] = -1
        if valid[i]:
            slot = np.int64((np.uint64(hashes[i]) * _SPREAD) >> np.uint64(shift))
            while slots[slot] != 0 and table[slots[slot] - 1] != hashes[i]:
                slot = (slot + 1) & mask
            rows[i] = slots[slot] - 1
            unknown += slots[slot] == 0
    return unknown


class DimensionTable:
    """The rows of one dimension.  `unknown` counts look-ups of keys that no row has.

    `key` is its column that identifies a row, `column` the reference of the records that holds the key (default: the same name).

    Raises:
        InvalidConfig: the table has no column `key`.
    """

    def __init__(self, name: str, table: pa.Table, key: str, column: str | None = None) -> None:
        if key not in table.column_names:
            near = nearest(key, table.column_names, limit=1)
            raise InvalidConfig(
                f"dimension {name!r} has no column {key!r}",
                field=f"dimensions.{name}.key",
                got=key,
                allowed=table.column_names,
                hint=f"did you mean {near[0]!r}?" if near else "its columns: " + ", ".join(table.column_names),
            )
        self.name, self.key, self.column = name, key, column or key
        self._arrays = {label: plain(table.column(label)) for label in table.column_names}
        self._hashes, valid = value_hashes(sql_text(self._arrays[key]))
        bits = max(3, (2 * len(self._hashes)).bit_length())
        self._slots, self._shift = np.zeros(1 << bits, np.int32), 64 - bits
        self.keys = int(_enter(self._hashes, valid, self._slots, self._shift))
        self.unknown = 0

    def __len__(self) -> int:
        return len(self._hashes)

    @property
    def columns(self) -> DimensionColumns:
        """What references see of it."""
        return DimensionColumns(self.column, {label: type_name(array.type) for label, array in self._arrays.items()})

    def rows_of(self, hashes: Hashes, valid: Truths) -> Rows:
        """(n,) hashes of keys, and which are keys at all -> (n,) rows, -1 where there is none."""
        rows = np.empty(len(hashes), np.int64)
        self.unknown += int(_find(self._hashes, self._slots, self._shift, hashes, valid, rows))
        return rows

    def values(self, column: str, rows: Rows) -> pa.Array:
        """A column at these rows; null at -1."""
        return pc.take(self._arrays[column], pa.array(rows, mask=rows < 0))
