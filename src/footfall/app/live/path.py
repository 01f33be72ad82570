"""The live path of one project over its log: blocks are settled, taken by every view and rule, committed, and handed to the landing."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from footfall import clock
from footfall.app.live.dimensions import ProjectDimensions
from footfall.app.live.handover import Handover, Offer
from footfall.app.live.plan import LivePlan, live_plan
from footfall.collect.settle import Settled, Settler
from footfall.eventlog.contract import Block, EventLog, Frame
from footfall.stream.batch import Around
from footfall.stream.runtime import LivePath
from footfall.stream.store.contract import Keep
from footfall.stream.store.sqlite import SqliteViews

if TYPE_CHECKING:
    from footfall.app.project import Project

RECORDS_MAX = 100_000
BYTES_MAX = 32 << 20
MOVE_S, TICK_S, PRUNE_S, PRUNE_WHOLE_S = 1.0, 0.25, 10.0, 600.0
READER = "live"
DAY_US = 86_400_000_000

_logger = logging.getLogger("footfall.live")


class ProjectPath:
    """The live path of a project.  With `handover` the landing gets what was settled."""

    def __init__(self, project: Project, log: EventLog, handover: Handover | None = None) -> None:
        self.project = project
        self.log = log
        self._handover = handover
        self._dimensions = ProjectDimensions(project)
        self.plan: LivePlan = live_plan(project, self._dimensions.tables())
        self.store = SqliteViews(project.config.views.path(project.path))
        try:
            self.path = LivePath(self.plan.operators(), self.store, log.name, actions=self.plan.actions(), beside=True)
        except BaseException:
            self.store.close()
            raise
        self._inside = False
        self._fresh = False
        self._begin = self.path.moment.position
        self._settler = self._new_settler()
        self._hands_over = False
        self._due = dict.fromkeys(("move", "prune", "prune whole", "tick"), 0.0)
        self._took_ms: deque[float] = deque(maxlen=512)
        self._rate: deque[tuple[float, int]] = deque(maxlen=64)

    def _new_settler(self) -> Settler:
        settler = Settler(self.project.config.events, log_name=self.log.name)
        settler.know(self.project.lake.edges())
        return settler

    @property
    def resumes(self) -> bool:
        """Whether the next step can go on here; else what operators remember is of a micro-batch that broke off, and must be read back."""
        return not self._inside or self.path.waits

    # --- a step ----------------------------------------------------------------------------------------------------------

    def step(self, end: int) -> bool:
        """Take the next micro-batch of what lies before `end`; False when nothing waits, and timers were looked after.

        Raises:
            FootfallError: the log cannot be read or the state cannot be written now; nothing is lost, and the next step goes on there.
        """
        if self.path.waits:
            self.path.retry()
            self._inside = False
        start = max(self.path.taken.position, self.log.start())
        if start >= end:
            self._idle(end)
            return False
        blocks = self._take(start)
        if not blocks:
            return False
        began_s = clock.monotonic_s()
        settled = self._settled(blocks)
        self.path.around = Around(self._dimensions.tables(), self.project.config.project.time_zone)
        self._inside = True
        self.path.take({"events": settled.events, "logs": settled.logs}, blocks[-1].end)
        self._inside = False
        self._fresh = True
        self._offer(Offer(start, blocks[-1].end, settled))
        now_s = clock.monotonic_s()
        self._took_ms.append((now_s - began_s) * 1e3)
        self._rate.append((now_s, blocks[-1].end - start))
        self._look_after(end)
        return True

    def _take(self, start: int) -> list[Block]:
        blocks: list[Block] = []
        records = size = 0
        for block in self.log.read(start, bytes_max=BYTES_MAX):
            blocks.append(block)
            records += block.count
            size += sum(len(frame.body) for frame in block.frames)
            if records >= RECORDS_MAX or size >= BYTES_MAX:
                break
        return blocks

    def _settled(self, blocks: Sequence[Block]) -> Settled:
        try:
            return self._settler.settle(blocks)
        except BaseException:
            self._settler = self._new_settler()  # it may know pairs of ids of blocks that were not taken
            self._begin, self._hands_over = self.path.taken.position, False
            raise

    def _offer(self, offer: Offer) -> None:
        """Hand over, once the lake has everything from before this settler began, so that no pair of ids is noted twice."""
        if self._handover is None:
            return
        if not self._hands_over:
            if (self.project.lake.committed(f"log:{self.log.name}") or 0) < self._begin:
                return
            self._settler.know(self.project.lake.edges())
            self._hands_over = True
        self._handover.offer(offer)

    # --- beside it -------------------------------------------------------------------------------------------------------

    def _due_now(self, what: str, every_s: float) -> bool:
        now_s = clock.monotonic_s()
        if now_s < self._due[what]:
            return False
        self._due[what] = now_s + every_s
        return True

    def _idle(self, end: int) -> None:
        self.path.drain()
        if self._fresh:  # what was said last was said before the last commit
            self._fresh, self._due["move"] = False, 0.0
        if self._due_now("tick", TICK_S):
            self.path.tick(clock.now_us())
        self._look_after(end)

    def _look_after(self, end: int) -> None:
        if self._due_now("move", MOVE_S):
            position = self.path.moment.position
            moved = self.log.positions().get(READER) != position
            # Synced first: what the log may trim now must not be needed again after a power failure.
            self.store.note_gauges(self._gauges(end), synced=moved)
            if moved:
                self.log.move(READER, position)
        if self._due_now("prune", PRUNE_S):
            since_us = clock.now_us() - self.project.config.live.alerts_keep.us
            actions = tuple(str(one.get("name")) for one in self.project.config.notify)
            keep = Keep(since_us, self.path.texts_keep_us, actions, whole=self._due_now("prune whole", PRUNE_WHOLE_S))
            self.store.prune(self.path.moment.clock_us, self._delivered(), keep)
        self._dimensions.look(self.path.moment.sequence)

    def _delivered(self) -> dict[str, int]:
        """How far every action came."""
        if not self.project.config.notify:
            return {}
        from footfall.app.live.actions import delivered

        return delivered(self.project)

    def _gauges(self, end: int) -> dict[str, Any]:
        now_s = clock.monotonic_s()
        recent = [count for at_s, count in self._rate if at_s > now_s - 5.0]
        took = np.array(self._took_ms or [0.0])
        return {
            "end": end,
            "state_bytes": {one.name: sum(table.size_bytes for table in one.tables().values()) for one in self.path.operators},
            "state_rows": {f"{one.name}/{name}": len(table) for one in self.path.operators for name, table in one.tables().items()},
            "step_ns": dict(self.path.timings_ns),
            "rows_per_s": sum(recent) / 5.0,
            "batch_ms": {"p50": float(np.quantile(took, 0.5)), "p99": float(np.quantile(took, 0.99))},
            "dimension_unknown": dict(self._dimensions.unknown()),
            "written_us": clock.now_us(),
        }

    def close(self) -> None:
        """Let go of the state, once what was taken is committed."""
        self.path.close()
        self.store.close()


def catch_up(project: Project, log: EventLog) -> None:
    """Take everything that the log has, for a project that does not run."""
    path = ProjectPath(project, log)
    try:
        while path.step(log.end()):
            pass
        log.move(READER, path.path.moment.position)
    finally:
        path.close()


def warm(project: Project) -> None:
    """Take two records through everything that the project declares, in a store that nobody keeps."""
    body = b'{"name":"view","event_id":"1","user_id":"u","anonymous_id":"a","event_time":"2026-01-01T00:00:00Z","url":"https://a.example/?b"}\n'
    line = b'{"kind":"access","time":"2026-01-01T00:00:00Z","path":"/","status":200,"duration_ms":1.0,"event_id":"2"}\n'
    received_us = clock.now_us()
    frames = [Frame("events", "native", "lines", 1, received_us, body), Frame("logs", "native", "lines", 1, received_us, line)]
    settled = Settler(project.config.events, log_name="nothing").settle([Block(0, 2, received_us, frames)])
    dimensions = ProjectDimensions(project)
    with TemporaryDirectory(prefix="footfall-") as folder:
        store = SqliteViews(Path(folder) / "state.db")
        try:
            path = LivePath(live_plan(project, dimensions.tables()).operators(), store, "nothing")
            path.around = Around(dimensions.tables(), project.config.project.time_zone)
            path.take({"events": settled.events, "logs": settled.logs}, 2)
            LivePath(live_plan(project, dimensions.tables()).operators(), store, "nothing")
        finally:
            store.close()
