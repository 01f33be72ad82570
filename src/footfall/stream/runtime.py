"""The live path: micro-batches go through every operator, and what came of one is committed with the position behind it.

    path = LivePath(operators, store, log_name)
    path.take({"events": events, "logs": lines}, end)

After any crash the next LivePath over the same store goes on from the last commit.  A commit that fails is tried again before anything else, so
what operators remember never runs away from what is stored by more than a micro-batch or two.  With `beside` commits are made by a thread of their own while
the next micro-batch is taken; `taken` is then ahead of `moment`, which is what readers see.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import msgspec
import xxhash

from footfall import clock
from footfall.stream.batch import BEFORE_ALL_US, Around, batch_of
from footfall.stream.contract import Operator, Outputs, StreamName
from footfall.stream.state import Saved
from footfall.stream.store.contract import Change, Moment

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.stream.store.contract import ViewsStore

STREAMS: tuple[StreamName, ...] = ("events", "logs")
_logger = logging.getLogger("footfall.live")


class LivePath:
    """Operators over one log.  `actions` are what the alerts of each rule go to, `around` what records are read with."""

    def __init__(
        self,
        operators: Sequence[Operator],
        store: ViewsStore,
        log_name: str,
        *,
        actions: Mapping[str, tuple[str, ...]] | None = None,
        beside: bool = False,
    ) -> None:
        self.operators = tuple(operators)
        self.store = store
        self.actions = dict(actions or {})
        self.around = Around()
        self.timings_ns: dict[str, int] = {}
        self._pending: deque[Change] = deque()
        self._pool = ThreadPoolExecutor(1, "footfall-commit") if beside else None
        self._writing: Future[None] | None = None
        self._seen_us: dict[str, tuple[int, int]] = {}  # stream -> (received, clock) of its last record
        store.declare([view for operator in self.operators for view in operator.views])
        self.saved = Saved({f"{_stored_as(operator)}/{name}": table for operator in self.operators for name, table in operator.tables().items()})
        self.moment = self.taken = self._restored(log_name)

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
        return bool(self._pending) and (self._writing is None or (self._writing.done() and self._writing.exception() is not None))

    @property
    def texts_keep_us(self) -> int:
        """How long a text may lie unused in the store before an operator may need it."""
        return max((getattr(operator, "texts_keep_us", 0) for operator in self.operators), default=0)

    # --- a micro-batch ---------------------------------------------------------------------------------------------------

    def take(self, tables: Mapping[StreamName, pa.Table], end: int) -> Outputs:
        """Take the records up to position `end` and commit.  Rows are in the order of their positions.

        Raises:
            StorageFailed: what is taken cannot be committed, and nothing of it is visible; `retry` commits it, and must, before more is taken.
        """
        self._make_room()
        out, clocks = Outputs(), dict(self.taken.clock_us)
        self.saved.begin()
        for stream in STREAMS:
            table = tables.get(stream)
            if table is not None and len(table):
                clocks[stream] = self._through(stream, table, clocks.get(stream, BEFORE_ALL_US), out)
        self._commit(out, Moment(self.taken.log, end, self.taken.sequence + 1, clocks, clock.now_us()), ())
        return out

    def _through(self, stream: StreamName, table: pa.Table, clock_us: int, out: Outputs) -> int:
        batch = batch_of(stream, table, clock_us, self.taken.sequence + 1, self.around)
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
        self._make_room()
        out, ticks = Outputs(), []
        taken = self.taken
        self.saved.begin()
        for operator in self.operators:
            seen = self._seen_us.get(operator.stream)
            if seen is not None and now_us > seen[0]:
                idle_us = seen[1] + now_us - seen[0]
                if operator.tick(idle_us - operator.lateness_us, out):
                    ticks.append((operator.name, taken.position, idle_us))
        if ticks or out.rows:
            self._commit(out, Moment(taken.log, taken.position, taken.sequence + 1, taken.clock_us, now_us), ticks)
        return bool(ticks or out.rows)

    # --- committing ------------------------------------------------------------------------------------------------------

    def _commit(self, out: Outputs, moment: Moment, ticks: Sequence[tuple[str, int, int]]) -> None:
        deltas, parts = self.saved.changes()
        blocks = [(block, self.actions.get(block.rule, ())) for block in out.blocks]
        self._pending.append(Change(moment, deltas, parts, out.rows, (), blocks, out.texts, ticks, out.counts))
        self.taken = moment
        for operator in self.operators:
            clock_us = moment.clock_us.get(operator.stream)
            if clock_us is not None:
                operator.sweep(clock_us)
        if self._pool is None:
            self._write()
        else:
            self._writing = self._pool.submit(self._write)

    def _write(self) -> None:
        """Commit everything that waits, in order."""
        while self._pending:
            began_ns = clock.ticks_ns()
            change = self._pending[0]
            raised_us = clock.now_us()
            change.blocks = [(msgspec.structs.replace(block, raised_us=raised_us), actions) for block, actions in change.blocks]
            self.store.commit(change)
            self.moment = change.moment
            self._pending.popleft()
            self.timings_ns["commit"] = self.timings_ns.get("commit", 0) + clock.ticks_ns() - began_ns

    def _make_room(self) -> None:
        """At most one commit is under way while the next micro-batch is taken; one that has failed meanwhile is said here."""
        if self._writing is None:
            assert not self._pending, "a commit waits to be tried again"
        elif len(self._pending) > 1 or self.waits:
            self.drain()

    def drain(self) -> None:
        """Wait until everything that was taken is committed.

        Raises:
            StorageFailed: it could not be; `retry` tries again.
        """
        if self._writing is not None:
            self._writing.result()

    def retry(self) -> None:
        """Commit what could not be committed; nothing when nothing waits.

        Raises:
            StorageFailed: it still cannot be.
        """
        if self.waits:
            self._writing = None
            self._write()

    def close(self) -> None:
        """End the thread of commits; what is under way is finished."""
        if self._pool is not None:
            self._pool.shutdown()


def _stored_as(operator: Operator) -> str:
    """The name of an operator's state: that of another declaration or lateness, or with other fields, has another name."""
    widths = sorted((name, table.width) for name, table in operator.tables().items())
    return f"{operator.name}@{xxhash.xxh3_64_hexdigest(repr((operator.spec, operator.lateness_us, widths)).encode())}"
