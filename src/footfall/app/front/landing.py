"""Landing: what the event log holds is settled and committed to the lake, each record exactly once.

The lake itself says how far it came: a commit of events carries the log's end position as the version of the stream `log:<name>`.  Dead
letters, joins and log lines go first, each table remembering its own version, so a crash anywhere in between repeats nothing: what a
table has already is left out by position.  One commit a second at most, and nothing is done while nothing arrives.  While the live
path runs it hands over what it has settled; without it, and after any gap, the landing settles from the log itself.
"""

from __future__ import annotations

import logging
from threading import Event, Thread
from typing import TYPE_CHECKING

from footfall import clock
from footfall.app.project import Project
from footfall.errors import FootfallError, LakeBusy, LakeConflict
from footfall.eventlog.opening import open_log

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.app.live.handover import Handover, Offer
    from footfall.collect.settle import Settled, Settler
    from footfall.eventlog.contract import Block, EventLog
    from footfall.lake.contract import CommitId

READER = "lake"
RECORDS_MAX = 200_000  # of one commit, about
BYTES_MAX = 64 << 20
BEHIND_MAX = 100_000  # records that the live path may be behind before the landing settles by itself
POLL_S = 0.1
COMMIT_S = 1.0
TRIM_S = 30.0
APPEAR_S = 30.0  # how long a log that is not there yet is waited for in silence: the front door makes it
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
COMPACT_FILES = 50
COMPACT_SHARE = 10.0  # a compaction waits this many times as long as the one before it took
COUNTERS = {"events": "landed", "logs": "landed_logs", "letters": "landed_letters"}

_logger = logging.getLogger("footfall.landing")


class Landing:
    """Takes a project's event log to its lake.  One process lands at a time; a second one changes nothing and waits."""

    def __init__(self, project: Project, log: EventLog | None = None, handover: Handover | None = None) -> None:
        self.project = project
        self._log = log
        self._handover = handover
        self._settler: Settler | None = None
        self._position: int | None = None  # how far the lake came, as far as this process knows
        self._commit_due_s = 0.0
        self._trim_due_s = 0.0
        self._files = 0
        self._compaction: Thread | None = None
        self._compact_due_s = 0.0
        self._failures = 0
        self._said = ""
        self._silent_until_s = clock.monotonic_s() + APPEAR_S

    # --- the loop --------------------------------------------------------------------------------------------------------

    def run(self, stop: Event) -> None:
        """Land what arrives until `stop` is set; a failure is said once and tried again, ever more slowly."""
        while not stop.is_set():
            try:
                stop.wait(self._turn())
            except Exception as problem:  # noqa: BLE001 - whatever it is, the log still has everything, and the next try may succeed
                self._position = None
                stop.wait(self._failed(problem))
        if self._compaction is not None:
            self._compaction.join(BACK_OFF_S[-1])

    def _turn(self) -> float:
        """One look at the log, and a step when one is due; how many seconds to wait before the next."""
        end = self.log.end()
        if self._position is None:
            self._position = self.log.positions().get(READER)
        waiting = end - self._position if self._position is not None else 1
        if not waiting:
            return POLL_S
        now_s = clock.monotonic_s()
        if now_s < self._commit_due_s and waiting < RECORDS_MAX:
            return min(POLL_S, self._commit_due_s - now_s)
        if self._handover is not None and waiting < BEHIND_MAX and self._handover.start() is None and self._handover.flows():
            return POLL_S  # the live path is about to hand over what waits
        self._commit_due_s = now_s + COMMIT_S
        return 0.0 if self.step() else POLL_S

    def _failed(self, problem: Exception) -> float:
        if self._log is None and clock.monotonic_s() < self._silent_until_s:
            return POLL_S
        sentence = problem.sentence if isinstance(problem, FootfallError) else f"{type(problem).__name__}: {problem}"
        if sentence != self._said:
            expected = isinstance(problem, FootfallError)
            _logger.warning("landing waits: %s", sentence, exc_info=None if expected else problem)
            self._said = sentence
        self._failures += 1
        return BACK_OFF_S[0] if self._log is None else BACK_OFF_S[min(self._failures, len(BACK_OFF_S)) - 1]

    # --- a step ----------------------------------------------------------------------------------------------------------

    @property
    def log(self) -> EventLog:
        """The event log, opened when it is first there."""
        if self._log is None:
            self._log = open_log(self.project.config.log, self.project.path, read_only=True)
        if READER not in self._log.positions():
            self._log.move(READER, self._log.start())  # holds back trimming from now on
        return self._log

    @property
    def stream(self) -> str:
        """The stream that the lake's commits carry."""
        return f"log:{self.log.name}"

    def step(self) -> bool:
        """Land the next records; False when there are none.

        Raises:
            FootfallError: the log or the lake cannot be used now; nothing is lost, and the next step begins where the lake is.
        """
        start = self._start()
        offers = self._handover.take(start, RECORDS_MAX) if self._handover is not None else []
        if offers and self.log.end() - offers[-1].end < BEHIND_MAX:  # else the live path cannot keep up, and the lake does not wait for it
            end = self._write_offers(offers)
        else:
            blocks = self._take(start)
            if not blocks:
                self._passed(start)
                return False
            end = blocks[-1].end
            self._write_blocks(blocks, start)
        self._passed(end)
        self._said, self._failures = "", 0
        self._keep_up()
        return True

    def _write_offers(self, offers: list[Offer]) -> int:
        """What the live path has settled already."""
        assert self._handover is not None
        from footfall.collect.settle import joined

        self._settler = None  # pairs of ids that are written now are unknown to it
        try:
            self._write(joined([offer.settled for offer in offers]), offers[0].start, offers[-1].end)
        except BaseException:
            self._handover.put_back(offers)
            raise
        return offers[-1].end

    def _write_blocks(self, blocks: list[Block], start: int) -> None:
        if self._settler is None:
            self._settler = self._new_settler()
        try:
            self._write(self._settler.settle(blocks), start, blocks[-1].end)
        except BaseException:
            self._settler = None  # it knows pairs of ids that may not have been written
            raise

    def _start(self) -> int:
        """Where the lake is; a log that was trimmed beyond it, for another lake, begins where it begins."""
        committed = self.project.lake.committed(self.stream) or 0
        first = self.log.start()
        if committed < first:
            _logger.warning("the log begins at position %d and the lake only came to %d", first, committed)
        return max(committed, first)

    def _take(self, start: int) -> list[Block]:
        blocks: list[Block] = []
        records = size = 0
        offered = self._handover.start() if self._handover is not None else None
        for block in self.log.read(start):
            assert block.position >= start, "a commit must end with a block"
            if offered is not None and block.position == offered and blocks:
                break
            blocks.append(block)
            records += block.count
            size += sum(len(frame.body) for frame in block.frames)
            if records >= RECORDS_MAX or size >= BYTES_MAX:
                break
        return blocks

    def _new_settler(self) -> Settler:
        from footfall.collect.settle import Settler

        settler = Settler(self.project.config.events, log_name=self.log.name)
        settler.know(self.project.lake.edges())
        return settler

    def _write(self, settled: Settled, start: int, end: int) -> None:
        """Everything of one step, events last."""
        from footfall.lake.contract import CommitId

        lake, commit_id = self.project.lake, CommitId(self.stream, end)
        with lake.landing():
            if max(lake.committed(self.stream) or 0, self.log.start()) > start:
                raise LakeConflict("another process lands the same log", got=self.log.name, hint="let one process run")
            if letters := self._newer(settled.letters, "dead_letters"):
                lake.add_dead_letters(letters, commit_id)
            if edges := self._newer(settled.edges, "identity"):
                lake.add_edges(edges, commit_id)
            if lines := self._newer(settled.logs, "logs"):
                lake.add_logs(lines, commit_id)
            self._commit(settled, commit_id)

    def _newer(self, rows: pa.Table, table: str) -> pa.Table | None:
        """The rows that a table does not have yet; None when there are none."""
        if not len(rows):
            return None
        import pyarrow.compute as pc

        committed = self.project.lake.stream_committed(table, self.stream)
        newer = rows if committed is None else rows.filter(pc.greater_equal(rows.column("position"), committed))
        return newer if len(newer) else None

    def _commit(self, settled: Settled, commit_id: CommitId) -> None:
        lake = self.project.lake
        parts = [lake.stage(settled.events)] if len(settled.events) else []
        counters = {counter: len(getattr(settled, name)) for name, counter in COUNTERS.items()}
        try:
            lake.commit(parts, commit_id, settled.events.schema, counters=counters)
        except BaseException:
            if (lake.committed(self.stream) or 0) < commit_id.version:
                lake.drop_staged(parts)
            raise
        self._files += len(parts)

    def _passed(self, position: int) -> None:
        self.log.move(READER, position)
        self._position = position
        now_s = clock.monotonic_s()
        if now_s >= self._trim_due_s:
            self._trim_due_s = now_s + TRIM_S
            self.log.trim()

    # --- upkeep ----------------------------------------------------------------------------------------------------------

    def _keep_up(self) -> None:
        """Compact beside the landing when many files have come, at most a tenth of the time."""
        busy = self._compaction is not None and self._compaction.is_alive()
        if self._files < COMPACT_FILES or busy or clock.monotonic_s() < self._compact_due_s:
            return
        self._files = 0
        self._compaction = Thread(target=self._compact, name="footfall-compact", daemon=True)
        self._compaction.start()

    def _compact(self) -> None:
        from footfall.lake.delta import DeltaLake

        started_s = clock.monotonic_s()
        try:
            lake = DeltaLake(self.project.lake.root, self.project.config.events.schema())
            lake.compact()
            lake.merge_streams()
        except (LakeBusy, LakeConflict):
            self._files += COMPACT_FILES  # an import or an erasure is at work: again later
        except Exception as problem:  # noqa: BLE001 - the lake is as it was, and landing goes on
            _logger.warning("compaction failed and is tried again later: %s", problem)
        now_s = clock.monotonic_s()
        self._compact_due_s = now_s + max(COMMIT_S, COMPACT_SHARE * (now_s - started_s))
