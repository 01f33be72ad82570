"""State of operators, written as changes beside a whole part now and then, and read back after a restart.

A part of a table (a 64th of its keys) is written whole when as many bytes of changes have been written since the last one as a part has, so
what is written is at most twice what changed, nothing waits for a whole table, and the changes that a restart reads are bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from footfall.kernels.live.table import PARTS, KeyedTable

if TYPE_CHECKING:
    from footfall.stream.store.contract import ViewsStore

PART_BYTES_MIN = 16 << 10
SWEEP_SLOTS_MIN, SWEEP_SHARE = 1_024, 16


def slots_to_sweep(table: KeyedTable) -> int:
    """How many slots of a table are looked through behind a micro-batch."""
    return max(SWEEP_SLOTS_MIN, table.slots // SWEEP_SHARE)


def sweep_tables(tables: Iterable[KeyedTable], before_us: int) -> None:
    """Forget rows whose time was over before a moment."""
    for table in tables:
        table.sweep(before_us, slots_to_sweep(table))


class Saved:
    """The tables of all operators under the names they are stored by."""

    def __init__(self, tables: Mapping[str, KeyedTable]) -> None:
        self.tables = dict(tables)
        self._written = dict.fromkeys(self.tables, 0)  # bytes of changes since the last whole part
        self._next = dict.fromkeys(self.tables, 0)

    def begin(self) -> None:
        """A batch changes rows from here on."""
        for table in self.tables.values():
            table.begin()

    def changes(self) -> tuple[dict[str, bytes], list[tuple[str, int, bytes]]]:
        """What the batch changed by table, and (table, part, rows) of parts that are due."""
        deltas, parts = {}, []
        for name, table in self.tables.items():
            delta = table.delta()
            if not delta:
                continue
            deltas[name] = delta
            self._written[name] += len(delta)
            if self._written[name] >= max(PART_BYTES_MIN, len(table) * 8 * table.width // PARTS):
                self._written[name] = 0
                parts.append((name, self._next[name], table.part(self._next[name])))
                self._next[name] = (self._next[name] + 1) % PARTS
        return deltas, parts

    def restore(self, store: ViewsStore) -> None:
        """Put every table back as it was at the store's last commit."""
        for name, table in self.tables.items():
            sequences = np.full(PARTS, -1, np.int64)
            for part, sequence, rows in store.parts(name):
                table.put_back(rows)
                sequences[part] = sequence
            for sequence, rows in store.deltas(name):
                table.put_back(rows, sequences < sequence)
            self._next[name] = int(sequences.argmin())

    @property
    def size_bytes(self) -> int:
        """The memory that all tables take."""
        return sum(table.size_bytes for table in self.tables.values())
