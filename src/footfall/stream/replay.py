"""An operator over history: the same kernels as live, record by record in the order of arrival, with nothing kept but what it gave.

Ticks that the idle clock gave live are given again at the same place.  What comes out is put into a store of its own, so memory is that of the
operator's state and a batch.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from footfall.stream.batch import BEFORE_ALL_US, Around, batch_of
from footfall.stream.contract import Operator, Outputs
from footfall.stream.store.contract import Change, Moment

if TYPE_CHECKING:
    from footfall.stream.store.contract import ViewsStore

LOGGED = "logged"


class Replay:
    """One operator over tables of records.  `ticks` are (position, clock) in the order in which they were given live."""

    def __init__(
        self,
        operator: Operator,
        store: ViewsStore,
        *,
        ticks: Sequence[tuple[int, int]] = (),
        around: Around = Around(),  # noqa: B008 - frozen
    ) -> None:
        self.operator = operator
        self.store = store
        self.counts: dict[str, int] = {}
        self.records = 0
        self._ticks = list(ticks)
        self._around = around
        self._clock_us = BEFORE_ALL_US
        self._number = 0
        store.declare(operator.views)

    def run(self, tables: Iterable[pa.Table]) -> None:
        """Take the records of all tables, which follow each other."""
        for table in tables:
            for piece in self._between_ticks(table):
                self._take(piece)
        self._give_ticks(None)

    def _between_ticks(self, table: pa.Table) -> Iterable[pa.Table]:
        """The table in pieces that end where a tick was given."""
        if not self._ticks or LOGGED not in table.column_names or not table.column(LOGGED).to_pylist().count(True):
            return [table]
        logged = table.column(LOGGED).to_numpy()
        position = table.column("position").to_numpy()
        edges = []
        for at, _ in self._ticks:
            behind = np.flatnonzero(logged & (position >= at))
            edges.append(int(behind[0]) if len(behind) else len(table))
        cuts = sorted({0, len(table), *edges})
        return [table.slice(start, end - start) for start, end in itertools.pairwise(cuts)]

    def _take(self, table: pa.Table) -> None:
        if not len(table):
            return
        if LOGGED in table.column_names:
            if table.column(LOGGED)[0].as_py():
                self._give_ticks(int(table.column("position")[0].as_py()))
            table = table.drop_columns([LOGGED])
        out = self._begun()
        batch = batch_of(self.operator.stream, table, self._clock_us, self._number, self._around)
        self.operator.take(batch, out)
        self.operator.tick(batch.clock_end_us - self.operator.lateness_us, out)
        self._clock_us = batch.clock_end_us
        self.records += len(table)
        self._kept(out)

    def _give_ticks(self, position: int | None) -> None:
        """Ticks that were given before the record at a position; None: all that are left."""
        while self._ticks and (position is None or self._ticks[0][0] <= position):
            out = self._begun()
            self.operator.tick(self._ticks.pop(0)[1] - self.operator.lateness_us, out)
            self._kept(out)

    def _begun(self) -> Outputs:
        self._number += 1
        for table in self.operator.tables().values():
            table.begin()
        return Outputs()

    def _kept(self, out: Outputs) -> None:
        moment = Moment("replay", 0, self._number, {self.operator.stream: self._clock_us})
        self.store.commit(Change(moment, rows=out.rows, blocks=[(block, ()) for block in out.blocks], texts=out.texts))
        for (_, name), value in out.counts.items():
            self.counts[name] = self.counts.get(name, 0) + value
        self.operator.sweep(self._clock_us)
