"""The live path: micro-batches go through every operator, and what came of one is committed with the position behind it.

    path = LivePath(operators, store, log_name)
    path.take({"events": events, "logs": lines}, end)

After any crash the next LivePath over the same store goes on from the last commit.  A commit that fails is tried again before anything else, so
what operators remember never runs away from what is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
import xxhash

from footfall import clock
from footfall.stream.batch import BEFORE_ALL_US, batch_of
from footfall.stream.contract import Operator, Outputs, StreamName
from footfall.stream.state import Saved
from footfall.stream.store.contract import Change, Moment

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.stream.dimensions import DimensionTable
    from footfall.stream.store.contract import ViewsStore

STREAMS: tuple[StreamName, ...] = ("events", "logs")
_logger = logging.getLogger("footfall.live")


class LivePath:
    """Operators over one log.  `actions` are what the alerts of each rule go to, `dimensions` tables to look things up in."""

    def __init__(
        self, operators: Sequence[Operator], store: ViewsStore, log_name: str, *, actions: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.operators = tuple(operators)
        self.store = store
        self.actions = dict(actions or {})
        self.dimensions: Mapping[str, DimensionTable] = {}
        self.timings_ns: dict[str, int] = {}
        self._pending: Change | None = None
        self._seen_us: dict[str, tuple[int, int]] = {}  # stream -> (received, clock) of its last record
        store.declare([view for operator in self.operators for view in operator.views])
        self.saved = Saved({_stored_as(operator, name): table for operator in self.operators for name, table in operator.tables().items()})
        self.moment = self._restored(log_name)

    def _restored(self, log_name: str) -> Moment:
        """Where the store is; another log, or no state yet, begins at 0.  State of operators that are declared no longer goes."""
        moment = self.store.moment()
        if moment.log != log_name:
            moment = Moment(log_name)
            self.store.restart(moment, self.store.tables())
            return moment
        gone = [name for name in self.store.tables() if name not in self.saved.tables]
        if gone:
            self.store.forget(gone)
        self.saved.restore(self.store)
        for operator in self.operators:
            wanted = getattr(operator, "wanted_texts", None)
            if wanted is not None:
                operator.give_texts(self.store.texts(wanted()))  # type: ignore[attr-defined]
        return moment

    @property
    def waits(self) -> bool:
        """Whether a commit waits to be tried again."""
        return self._pending is not None

    @property
    def texts_keep_us(self) -> int:
        """How long a text may lie unused in the store before an operator may need it."""
        return max((getattr(operator, "texts_keep_us", 0) for operator in self.operators), default=0)

    # --- a micro-batch ---------------------------------------------------------------------------------------------------

    def take(self, tables: Mapping[StreamName, pa.Table], end: int) -> Outputs:
        """Take the records up to position `end` and commit.  Rows are in the order of their positions.

        Raises:
            StorageFailed: nothing of it is visible; `retry` commits it, and must, before more is taken.
        """
        assert self._pending is None, "a commit waits to be tried again"
        number = self.moment.sequence + 1
        out, clocks = Outputs(), dict(self.moment.clock_us)
        self.saved.begin()
        for stream in STREAMS:
            table = tables.get(stream)
            if table is not None and len(table):
                clocks[stream] = self._through(stream, table, clocks.get(stream, BEFORE_ALL_US), out)
        self._commit(out, Moment(self.moment.log, end, number, clocks, clock.now_us()), ())
        return out

    def _through(self, stream: StreamName, table: pa.Table, clock_us: int, out: Outputs) -> int:
        batch = batch_of(stream, table, clock_us, self.moment.sequence + 1, self.dimensions)
        for operator in self.operators:
            if operator.stream == stream:
                began_ns = clock.ticks_ns()
                operator.take(batch, out)
                operator.tick(batch.clock_end_us - operator.lateness_us, out)
                self.timings_ns[operator.name] = self.timings_ns.get(operator.name, 0) + clock.ticks_ns() - began_ns
        received_us = int(table.column("received_time").cast("int64")[len(table) - 1].as_py())
        self._seen_us[stream] = received_us, batch.clock_end_us
        out.count(f"stream:{stream}", "taken", len(batch))
        return batch.clock_end_us

    def tick(self, now_us: int) -> bool:
        """Nothing arrives: timers follow the wall clock from the last record on.  Whether anything changed.

        Only for a path that has taken everything there is.
        """
        assert self._pending is None, "a commit waits to be tried again"
        out, ticks = Outputs(), []
        number = self.moment.sequence + 1
        self.saved.begin()
        for operator in self.operators:
            seen = self._seen_us.get(operator.stream)
            if seen is not None and now_us > seen[0]:
                idle_us = seen[1] + now_us - seen[0]
                if operator.tick(idle_us - operator.lateness_us, out):
                    ticks.append((operator.name, self.moment.position, idle_us))
        if ticks or out.rows:
            self._commit(out, Moment(self.moment.log, self.moment.position, number, self.moment.clock_us, now_us), ticks)
        return bool(ticks or out.rows)

    def _commit(self, out: Outputs, moment: Moment, ticks: Sequence[tuple[str, int, int]]) -> None:
        began_ns = clock.ticks_ns()
        deltas, parts = self.saved.changes()
        raised_us = clock.now_us()
        blocks = [(msgspec.structs.replace(block, raised_us=raised_us), self.actions.get(block.rule, ())) for block in out.blocks]
        self._pending = Change(moment, deltas, parts, out.rows, (), blocks, out.texts, ticks, out.counts)
        self.retry()
        self.timings_ns["commit"] = self.timings_ns.get("commit", 0) + clock.ticks_ns() - began_ns

    def retry(self) -> None:
        """Commit what could not be committed; nothing when nothing waits.

        Raises:
            StorageFailed: it still cannot be.
        """
        if self._pending is None:
            return
        self.store.commit(self._pending)
        self.moment, self._pending = self._pending.moment, None
        self._sweep()

    def _sweep(self) -> None:
        """Forget what is over, a little after every batch."""
        for operator in self.operators:
            clock_us = self.moment.clock_us.get(operator.stream)
            if clock_us is not None:
                operator.sweep(clock_us)


def _stored_as(operator: Operator, table: str) -> str:
    """The name of a table of state: one of another declaration has another name."""
    return f"{operator.name}@{xxhash.xxh3_64_hexdigest(operator.spec.encode())}/{table}"
